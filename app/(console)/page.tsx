import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import { Overview } from "@/components/overview/overview";
import { OVERVIEW_CERTIFICATES, OVERVIEW_EVENTS, OVERVIEW_INSTANCES } from "@/components/overview/queries";
import { listAuditEvents } from "@/lib/api/audit-events/operations";
import { listAccountCertificates } from "@/lib/api/client-certificates/operations";
import { listInstances } from "@/lib/api/instances/operations";
import { Prefetch } from "./prefetch";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("overview"))("title") };
}

export default function OverviewPage() {
  return (
    <Prefetch
      read={(prefetch) => [
        prefetch(listInstances, OVERVIEW_INSTANCES),
        prefetch(listAccountCertificates, OVERVIEW_CERTIFICATES),
        prefetch(listAuditEvents, OVERVIEW_EVENTS),
      ]}
    >
      <Overview />
    </Prefetch>
  );
}
