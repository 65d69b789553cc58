import { hostname } from "node:os";
import type { AuditSink } from "@/lib/audit/event";
import { createAuditWriter } from "@/lib/audit/writer";
import { database } from "@/lib/db";
import { perProcess, processSlot } from "@/lib/per-process";

const slot = processSlot<AuditSink>("audit-writer");

/** Makes this the process's writer; null forgets it (tests, end of the process). */
export const setAuditWriter = slot.set;

/** The process's writer; where no entry point has set one, a chain named after the host, made at first use. */
export const auditWriter = perProcess<AuditSink>("audit-writer", () =>
  createAuditWriter({ pool: database().appends, node: `console@${hostname()}` }),
);
