import {
  auditHistogram,
  exportAuditEvents,
  listAuditEvents,
  tailAuditEvents,
  verifyAudit,
} from "@/lib/core/audit";
import type { Handlers } from "../contract/handler";
import { serializePage } from "../contract/page";
import { downloadResponse, eventStreamResponse } from "../streams";
import type * as operations from "./operations";
import { parseAuditFilters, serializeAuditEvent, serializeHistogram } from "./serializers";

export const handlers: Handlers<typeof operations> = {
  listAuditEvents: async ({ actor, query: { limit, cursor, ...filters } }) =>
    serializePage(
      await listAuditEvents(actor, { ...parseAuditFilters(filters), limit, cursor }),
      serializeAuditEvent,
    ),
  getAuditHistogram: async ({ actor, query }) =>
    serializeHistogram(await auditHistogram(actor, parseAuditFilters(query))),
  exportAuditEvents: async ({ actor, query: { format, ...filters } }) =>
    downloadResponse(await exportAuditEvents(actor, parseAuditFilters(filters), format), {
      contentType: format === "csv" ? "text/csv; charset=utf-8" : "application/x-ndjson",
      fileName: `audit-events.${format}`,
    }),
  streamAuditEvents: ({ actor, query, signal }) =>
    eventStreamResponse(
      signal,
      (ended) => tailAuditEvents(actor, parseAuditFilters(query), ended),
      (event) => ({ id: event.id, name: "audit", data: serializeAuditEvent(event) }),
    ),
  verifyAuditEvents: async ({ actor, signal }) => {
    const { heads, ...result } = await verifyAudit(actor, signal);

    return { ...result, heads: heads.map((head) => ({ ...head })) };
  },
};
