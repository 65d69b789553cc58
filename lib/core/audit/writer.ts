import { hostname } from "node:os";
import type { AuditSink } from "@/lib/audit/event";
import { createAuditWriter } from "@/lib/audit/writer";
import { database } from "@/lib/db";

// Next compiles route handlers and pages into separate bundles; the one writer hangs on globalThis.
const holder = globalThis as { __kmipConsoleAuditWriter?: AuditSink };

/** Makes this the process's writer; null forgets it (tests, end of the process). */
export function setAuditWriter(writer: AuditSink | null): void {
  if (writer) {
    holder.__kmipConsoleAuditWriter = writer;
  } else {
    delete holder.__kmipConsoleAuditWriter;
  }
}

/** The process's writer; where no entry point has set one, a chain named after the host, made at first use. */
export function auditWriter(): AuditSink {
  holder.__kmipConsoleAuditWriter ??= createAuditWriter({
    pool: database().pool,
    node: `console@${hostname()}`,
  });

  return holder.__kmipConsoleAuditWriter;
}
