import { parseAuditFilters } from "@/lib/api/audit-events/serializers";
import { exportAuditEvents } from "@/lib/api/operations";
import { downloadResponse } from "@/lib/api/streams";
import { methods, route } from "@/lib/api/wrapper";
import { exportAuditEvents as exportEvents } from "@/lib/core/audit";

export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: route(exportAuditEvents, async ({ actor, query }) =>
    downloadResponse(await exportEvents(actor, parseAuditFilters(query), query.format), {
      contentType: query.format === "csv" ? "text/csv; charset=utf-8" : "application/x-ndjson",
      fileName: `audit-events.${query.format}`,
    }),
  ),
});
