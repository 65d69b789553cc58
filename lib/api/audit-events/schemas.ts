import { z } from "zod";
import { id, page, pageQuery, timestamp } from "../contract/common";

export const auditOutcome = z.enum(["success", "failure", "pending"]);
export const auditSeverity = z.enum(["normal", "warning", "critical"]);

export const auditFilters = z.object({
  from: timestamp.optional(),
  to: timestamp.optional(),
  action: z.string().max(200).optional(),
  outcome: auditOutcome.optional(),
  severity: auditSeverity.optional(),
  instanceId: id.optional(),
  targetId: z.string().max(400).optional(),
  initiator: z.string().max(400).optional(),
  q: z.string().max(200).optional(),
});

export const auditQuery = pageQuery.extend(auditFilters.shape);

export const auditEvent = z
  .object({
    id,
    eventTime: timestamp,
    action: z.string(),
    outcome: auditOutcome,
    severity: auditSeverity,
    message: z.string(),
    instanceId: id.nullable(),
    instanceName: z.string().nullable(),
    initiator: z.object({ id: z.string(), name: z.string(), address: z.string().nullable() }),
    target: z.object({ id: z.string(), name: z.string().nullable() }),
    reason: z.object({ code: z.int(), type: z.string(), forFailure: z.string().nullable() }).nullable(),
    correlationId: z.string(),
    /** The CADF event, as it is forwarded to sinks. */
    cadf: z.record(z.string(), z.unknown()),
    chain: z.object({ node: z.string(), sequence: z.int(), previousHash: z.string(), hash: z.string() }),
  })
  .meta({ id: "AuditEvent" });

export const auditEventPage = page(auditEvent);

export const auditHistogram = z.object({
  bucketSeconds: z.int(),
  buckets: z.array(z.object({ start: timestamp, success: z.int(), failure: z.int(), pending: z.int() })),
});

export const auditExportQuery = auditFilters.extend({ format: z.enum(["ndjson", "csv"]).default("ndjson") });

export const auditVerification = z.object({
  ok: z.boolean(),
  checked: z.int(),
  heads: z.array(z.object({ node: z.string(), sequence: z.int(), hash: z.string() })),
  firstBreak: z
    .object({ node: z.string(), sequence: z.int(), eventId: z.string().nullable(), problem: z.string() })
    .optional(),
});

export type AuditEvent = z.output<typeof auditEvent>;
export type AuditHistogram = z.output<typeof auditHistogram>;
export type AuditVerification = z.output<typeof auditVerification>;
