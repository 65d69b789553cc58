import { database } from "@/lib/db";
import { type Actor, requireRole } from "../actor";
import { csvLine } from "./csv";
import { type AuditEventRow, toAuditEvent } from "./events";
import type { AuditFilters } from "./filters";
import { readEventRows } from "./list-audit-events";
import { recordAction } from "./record-action";

export type AuditExportFormat = "ndjson" | "csv";

const BATCH = 1_000;
const CSV_HEADER = [
  "id",
  "eventTime",
  "action",
  "outcome",
  "severity",
  "message",
  "initiatorId",
  "initiatorName",
  "initiatorAddress",
  "targetId",
  "targetName",
  "instanceId",
  "instanceName",
  "reasonCode",
  "reasonForFailure",
  "correlationId",
  "node",
  "sequence",
  "hash",
];

function csvOf(row: AuditEventRow): string {
  const event = toAuditEvent(row);

  return csvLine([
    event.id,
    event.eventTime.toISOString(),
    event.action,
    event.outcome,
    event.severity,
    event.message,
    event.initiator.id,
    event.initiator.name,
    event.initiator.address,
    event.target.id,
    event.target.name,
    event.instanceId,
    event.instanceName,
    event.reason?.code ?? null,
    event.reason?.forFailure ?? null,
    event.correlationId,
    event.chain.node,
    event.chain.sequence,
    event.chain.hash,
  ]);
}

/** The event's exact text stands in the line, so that whoever has the file can compute the hashes again. */
function ndjsonOf(row: AuditEventRow): string {
  const chain = JSON.stringify({
    node: row.node,
    sequence: Number(row.sequence),
    previousHash: row.previousHash.toString("hex"),
    hash: row.hash.toString("hex"),
  });

  return `${chain.slice(0, -1)},"event":${row.event}}\n`;
}

async function* stream(actor: Actor, filters: AuditFilters, format: AuditExportFormat) {
  let below: string | null = null;

  if (format === "csv") {
    yield csvLine(CSV_HEADER);
  }

  for (;;) {
    const rows: AuditEventRow[] = await readEventRows(database().reports, actor, filters, {
      below,
      limit: BATCH,
    });

    if (rows.length > 0) {
      yield rows.map(format === "csv" ? csvOf : ndjsonOf).join("");
    }

    below = rows.at(-1)?.id ?? null;

    if (rows.length < BATCH) {
      return;
    }
  }
}

/**
 * Streams all events that match, newest first, as text in chunks. The export is itself an audit event, durable
 * before the first chunk; what is written after the call began is not part of it.
 * @throws AppError FORBIDDEN, AUDIT_UNAVAILABLE
 */
export async function exportAuditEvents(
  actor: Actor,
  filters: AuditFilters,
  format: AuditExportFormat,
  now: Date = new Date(),
): Promise<AsyncIterable<string>> {
  requireRole(actor, "auditor");
  await recordAction(actor, {
    action: "vmware-solutions.audit-event.export",
    target: { id: actor.accountId },
    instanceId: null,
    requestData: { format, filters },
  });

  return stream(actor, { ...filters, to: filters.to && filters.to < now ? filters.to : now }, format);
}
