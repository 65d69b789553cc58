import type { AuditOutcome, AuditSeverity } from "@/lib/audit/event";
import { uuid7Floor } from "@/lib/audit/uuid7";
import type { Actor } from "../actor";
import { type Conditions, conditions, containsPattern } from "../sql-conditions";

/** What lists, histogram, export and tail narrow by; everything that is given must hold. */
export type AuditFilters = {
  /** Bounds of the event's time, inclusive. */
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  /** A whole action, or a prefix that ends with a dot (`vmware-solutions.kmip-key.`). */
  readonly action?: string | undefined;
  readonly outcome?: AuditOutcome | undefined;
  readonly severity?: AuditSeverity | undefined;
  readonly instanceId?: string | undefined;
  readonly targetId?: string | undefined;
  /** Initiator's id, or a part of its name. */
  readonly initiator?: string | undefined;
  /** Text anywhere in the event. */
  readonly q?: string | undefined;
};

/** Ids carry the writer's clock, which under load may run a little ahead of the event's time. */
const CLOCK_SLACK_MS = 1_000;

/** The filters as SQL over `audit_event e`. The actor's account is always the first condition. */
export function auditConditions(actor: Actor, filters: AuditFilters): Conditions {
  const where = conditions();

  where.add("e.account_id = ?", actor.accountId);

  if (filters.from) {
    where.add("e.id >= ? AND e.event_time >= ?", uuid7Floor(filters.from), filters.from);
  }

  if (filters.to) {
    const after = new Date(filters.to.getTime() + CLOCK_SLACK_MS);

    where.add("e.id < ? AND e.event_time <= ?", uuid7Floor(after), filters.to);
  }

  if (filters.action?.endsWith(".")) {
    where.add("starts_with(e.action, ?)", filters.action);
  } else if (filters.action) {
    where.add("e.action = ?", filters.action);
  }

  if (filters.outcome) {
    where.add("e.outcome = ?", filters.outcome);
  }

  if (filters.severity) {
    where.add("e.severity = ?", filters.severity);
  }

  if (filters.instanceId) {
    where.add("e.instance_id = ?", filters.instanceId);
  }

  if (filters.targetId) {
    where.add("e.target_id = ?", filters.targetId);
  }

  if (filters.initiator) {
    where.add(
      "e.initiator_id = ? OR e.initiator_name ILIKE ?",
      filters.initiator,
      containsPattern(filters.initiator),
    );
  }

  if (filters.q) {
    where.add("e.event ILIKE ?", containsPattern(filters.q));
  }

  return where;
}
