import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import { Overview } from "@/components/overview/overview";
import { OVERVIEW_EVENTS, OVERVIEW_INSTANCES } from "@/components/overview/queries";
import { Prefetch } from "./prefetch";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("overview"))("title") };
}

export default function OverviewPage() {
  return (
    <Prefetch
      read={(client, queries) => [
        client.prefetchInfiniteQuery(queries.instances.list(OVERVIEW_INSTANCES)),
        client.prefetchInfiniteQuery(queries.auditEvents.list(OVERVIEW_EVENTS)),
      ]}
    >
      <Overview />
    </Prefetch>
  );
}
