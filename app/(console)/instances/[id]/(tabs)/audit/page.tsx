import type { SearchParams } from "nuqs/server";
import { AuditPageBody } from "../../../../audit/audit-page";

type Props = { params: Promise<{ id: string }>; searchParams: Promise<SearchParams> };

export default async function InstanceAuditPage({ params, searchParams }: Props) {
  return <AuditPageBody instanceId={(await params).id} searchParams={searchParams} />;
}
