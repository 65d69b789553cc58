import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import type { SearchParams } from "nuqs/server";
import { DELETED_INSTANCES, instanceListQuery, loadInstanceFilters } from "@/components/instances/filters";
import { InstanceList } from "@/components/instances/instance-list";
import { listInstances } from "@/lib/api/instances/operations";
import { Prefetch } from "../prefetch";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("instances"))("title") };
}

export default async function InstancesPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const filters = await loadInstanceFilters(searchParams);

  return (
    <Prefetch
      read={(prefetch) => [
        prefetch(listInstances, instanceListQuery(filters)),
        prefetch(listInstances, DELETED_INSTANCES),
      ]}
    >
      <InstanceList />
    </Prefetch>
  );
}
