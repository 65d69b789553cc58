import { InstanceOverview } from "@/components/instances/overview";
import { getRewrap, listPermissionChecks } from "@/lib/api/instances/operations";
import { Prefetch } from "../../../../prefetch";

export default async function InstanceOverviewPage({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;

  return (
    <Prefetch
      read={(prefetch) => [prefetch(listPermissionChecks, { id, limit: 10 }), prefetch(getRewrap, { id })]}
    >
      <InstanceOverview id={id} />
    </Prefetch>
  );
}
