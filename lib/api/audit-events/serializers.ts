import type { z } from "zod";
import type { AuditEventView, AuditFilters, AuditHistogram as HistogramView } from "@/lib/core/audit";
import type { AuditEvent, AuditHistogram, auditFilters } from "./schemas";

/** Filters of a query as lib/core takes them. */
export function parseAuditFilters(query: z.output<typeof auditFilters>): AuditFilters {
  const { from, to, action, outcome, severity, instanceId, targetId, initiator, q } = query;

  return {
    from: from === undefined ? undefined : new Date(from),
    to: to === undefined ? undefined : new Date(to),
    action,
    outcome,
    severity,
    instanceId,
    targetId,
    initiator,
    q,
  };
}

/** Audit event as the API shows it. */
export function serializeAuditEvent(view: AuditEventView): AuditEvent {
  return { ...view, eventTime: view.eventTime.toISOString(), cadf: { ...view.cadf } };
}

export function serializeHistogram(view: HistogramView): AuditHistogram {
  return {
    bucketSeconds: view.bucketSeconds,
    buckets: view.buckets.map((bucket) => ({ ...bucket, start: bucket.start.toISOString() })),
  };
}
