import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import { EndpointList } from "@/components/endpoints/endpoint-list";
import { listEndpoints } from "@/lib/api/endpoints/operations";
import { Prefetch } from "../prefetch";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("endpoints"))("title") };
}

export default function EndpointsPage() {
  return (
    <Prefetch read={(prefetch) => [prefetch(listEndpoints, {})]}>
      <EndpointList />
    </Prefetch>
  );
}
