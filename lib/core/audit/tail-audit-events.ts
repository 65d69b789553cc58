import { setTimeout as sleep } from "node:timers/promises";
import { uuid7Floor } from "@/lib/audit/uuid7";
import { database } from "@/lib/db";
import { type Actor, requireRole } from "../actor";
import { type AuditEventRow, type AuditEventView, SELECT_EVENTS, toAuditEvent } from "./events";
import { type AuditFilters, auditConditions } from "./filters";

const POLL_MS = 1_000;
/** Writers' groups commit in another order than their ids: so long an event is still looked for behind others. */
const OVERLAP_MS = 10_000;
const BATCH = 500;

/**
 * Events as they come in, oldest first, from now on until `signal` aborts; each one once.
 * @throws AppError FORBIDDEN
 */
export async function* tailAuditEvents(
  actor: Actor,
  filters: Omit<AuditFilters, "from" | "to">,
  signal: AbortSignal,
): AsyncGenerator<AuditEventView> {
  requireRole(actor, "viewer");

  const started = Date.now();
  const shown = new Map<string, number>();

  while (!signal.aborted) {
    const since = Math.max(started, Date.now() - OVERLAP_MS);
    const where = auditConditions(actor, filters);

    where.add("e.id >= ?", uuid7Floor(new Date(since)));

    if (shown.size > 0) {
      where.add("NOT e.id = ANY(?::uuid[])", [...shown.keys()]);
    }

    const { rows } = await database().pool.query<AuditEventRow>(
      `${SELECT_EVENTS} WHERE ${where.text()} ORDER BY e.id LIMIT ${BATCH}`,
      where.values,
    );

    for (const row of rows) {
      shown.set(row.id, Date.now());
      yield toAuditEvent(row);
    }

    for (const [id, at] of shown) {
      if (at < Date.now() - 2 * OVERLAP_MS) {
        shown.delete(id);
      }
    }

    if (rows.length < BATCH) {
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
  }
}
