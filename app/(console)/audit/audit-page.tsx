import type { SearchParams } from "nuqs/server";
import { AuditView } from "@/components/audit/audit-view";
import { AUDIT_PER_PAGE, auditQueryOf, loadAuditFilters } from "@/components/audit/filters";
import { getAuditHistogram, listAuditEvents } from "@/lib/api/audit-events/operations";
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
      read={(prefetch) => [
        prefetch(listAuditEvents, { ...query, limit: AUDIT_PER_PAGE }),
        prefetch(getAuditHistogram, query),
      ]}
    >
      <AuditView anchor={anchor} {...(instanceId === undefined ? {} : { instanceId })} />
    </Prefetch>
  );
}
