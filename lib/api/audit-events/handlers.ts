import type { z } from "zod";
import {
  type AuditFilters,
  auditHistogram,
  exportAuditEvents,
  listAuditEvents,
  tailAuditEvents,
  verifyAudit,
} from "@/lib/core/audit";
import { dateOf, type Handlers } from "../contract/handler";
import { liveStream } from "../live-streams";
import { downloadResponse, eventStreamResponse } from "../streams";
import type * as operations from "./operations";
import type { auditFilters } from "./schemas";

/** A query with its times as lib/core takes them. */
function filtersOf<Query extends z.output<typeof auditFilters>>(
  query: Query,
): Omit<Query, "from" | "to"> & AuditFilters {
  return { ...query, from: dateOf(query.from), to: dateOf(query.to) };
}

export const handlers: Handlers<typeof operations> = {
  listAuditEvents: ({ actor, query, signal }) => listAuditEvents(actor, { ...filtersOf(query), signal }),
  getAuditHistogram: ({ actor, query, signal }) => auditHistogram(actor, filtersOf(query), { signal }),
  exportAuditEvents: async ({ actor, query: { format, ...filters } }) =>
    downloadResponse(await exportAuditEvents(actor, filtersOf(filters), format), {
      contentType: format === "csv" ? "text/csv; charset=utf-8" : "application/x-ndjson",
      fileName: `audit-events.${format}`,
    }),
  streamAuditEvents({ actor, query, signal, stillAllowed }) {
    const live = liveStream(actor, stillAllowed);

    return eventStreamResponse(AbortSignal.any([signal, live.signal]), {
      open: (ended) => tailAuditEvents(actor, filtersOf(query), ended),
      toEvent: (event) => ({ id: event.id, name: "audit", data: event }),
      onEnd: live.release,
    });
  },
  verifyAuditEvents: ({ actor, signal }) => verifyAudit(actor, signal),
};
