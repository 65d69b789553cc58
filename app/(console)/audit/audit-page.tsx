import type { SearchParams } from "nuqs/server";
import { AuditView } from "@/components/audit/audit-view";
import { AUDIT_PER_PAGE, auditQueryOf, loadAuditFilters } from "@/components/audit/filters";
import { Prefetch } from "../prefetch";

/** Audit events of the account or of one instance. */
export async function AuditPageBody({
  instanceId,
  searchParams,
}: Readonly<{ instanceId?: string; searchParams: Promise<SearchParams> }>) {
  const filters = await loadAuditFilters(searchParams);
  const anchor = new Date().toISOString();
  const query = auditQueryOf(filters, anchor, instanceId);

  return (
    <Prefetch
      read={(client, queries) => [
        client.prefetchInfiniteQuery(queries.auditEvents.list({ ...query, limit: AUDIT_PER_PAGE })),
        client.prefetchQuery(queries.auditEvents.histogram(query)),
      ]}
    >
      <AuditView anchor={anchor} {...(instanceId === undefined ? {} : { instanceId })} />
    </Prefetch>
  );
}
