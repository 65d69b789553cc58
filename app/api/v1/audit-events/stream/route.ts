import { parseAuditFilters, serializeAuditEvent } from "@/lib/api/audit-events/serializers";
import { streamAuditEvents } from "@/lib/api/operations";
import { eventStreamResponse } from "@/lib/api/streams";
import { methods, route } from "@/lib/api/wrapper";
import { tailAuditEvents } from "@/lib/core/audit";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(streamAuditEvents, async ({ actor, query, signal }) =>
    eventStreamResponse(
      signal,
      (ended) => tailAuditEvents(actor, parseAuditFilters(query), ended),
      (event) => ({
        id: event.id,
        name: "audit",
        data: serializeAuditEvent(event),
      }),
    ),
  ),
});
