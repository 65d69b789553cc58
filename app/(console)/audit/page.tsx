import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import type { SearchParams } from "nuqs/server";
import { VerifyButton } from "@/components/audit/verify";
import { PageHeader } from "@/components/ui/page-header";
import { AuditPageBody } from "./audit-page";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("audit"))("title") };
}

export default async function AuditPage({ searchParams }: { searchParams: Promise<SearchParams> }) {
  const t = await getTranslations("audit");

  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={<VerifyButton />} />
      <AuditPageBody searchParams={searchParams} />
    </>
  );
}
