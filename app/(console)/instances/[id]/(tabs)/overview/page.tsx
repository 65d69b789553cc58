import { InstanceOverview } from "@/components/instances/overview";
import { Prefetch } from "../../../../prefetch";

export default async function InstanceOverviewPage({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;

  return (
    <Prefetch
      read={(client, queries) => [
        client.prefetchInfiniteQuery(queries.permissionChecks.list(id, { limit: 10 })),
        client.prefetchQuery(queries.instances.rewrap(id)),
      ]}
    >
      <InstanceOverview id={id} />
    </Prefetch>
  );
}
