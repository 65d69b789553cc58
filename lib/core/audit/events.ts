import type { AuditOutcome, AuditSeverity } from "@/lib/audit/event";
import type { CadfEvent } from "@/lib/audit/event-to-cadf";
import { isLiving } from "../instance";

/** An audit event as people read it, with the CADF event and its place in the chain. */
export type AuditEventView = {
  readonly id: string;
  readonly eventTime: Date;
  readonly action: string;
  readonly outcome: AuditOutcome;
  readonly severity: AuditSeverity;
  readonly message: string;
  readonly instanceId: string | null;
  readonly instanceName: string | null;
  readonly initiator: { readonly id: string; readonly name: string; readonly address: string | null };
  readonly target: { readonly id: string; readonly name: string | null };
  readonly reason: {
    readonly code: number;
    readonly type: string;
    readonly forFailure: string | null;
  } | null;
  readonly correlationId: string;
  readonly cadf: CadfEvent;
  readonly chain: {
    readonly node: string;
    readonly sequence: number;
    /** Hexadecimal. */
    readonly previousHash: string;
    readonly hash: string;
  };
};

export type AuditEventRow = {
  id: string;
  eventTime: Date;
  action: string;
  outcome: AuditOutcome;
  severity: AuditSeverity;
  instanceId: string | null;
  instanceName: string | null;
  initiatorId: string;
  initiatorName: string;
  targetId: string;
  targetName: string | null;
  event: string;
  node: string;
  sequence: string;
  previousHash: Buffer;
  hash: Buffer;
};

/** SELECT of AuditEventRow; conditions speak of `e`. */
export const SELECT_EVENTS = `
  SELECT e.id, e.event_time AS "eventTime", e.action, e.outcome, e.severity, e.instance_id AS "instanceId",
         i.name AS "instanceName", e.initiator_id AS "initiatorId", e.initiator_name AS "initiatorName",
         e.target_id AS "targetId", e.target_name AS "targetName", e.event, e.node,
         e.sequence::text AS sequence, e.previous_hash AS "previousHash", e.hash
  FROM audit_event e
  LEFT JOIN instance i ON i.id = e.instance_id AND i.account_id = e.account_id AND ${isLiving("i")}`;

/** Row to view. */
export function toAuditEvent(row: AuditEventRow): AuditEventView {
  const cadf = JSON.parse(row.event) as CadfEvent;

  return {
    id: row.id,
    eventTime: row.eventTime,
    action: row.action,
    outcome: row.outcome,
    severity: row.severity,
    message: cadf.message,
    instanceId: row.instanceId,
    instanceName: row.instanceName,
    initiator: {
      id: row.initiatorId,
      name: row.initiatorName,
      address: cadf.initiator.host?.address ?? null,
    },
    target: { id: row.targetId, name: row.targetName },
    reason: {
      code: cadf.reason.reasonCode,
      type: cadf.reason.reasonType,
      forFailure: cadf.reason.reasonForFailure ?? null,
    },
    correlationId: cadf.correlationId,
    cadf,
    chain: {
      node: row.node,
      sequence: Number(row.sequence),
      previousHash: row.previousHash.toString("hex"),
      hash: row.hash.toString("hex"),
    },
  };
}
