import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import { Article, Section, TextTable } from "@/components/learn/article";
import { requirePageSession } from "../../prefetch";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("learn.encryption"))("title") };
}

const ROWS = ["protects", "storage", "against", "dedup", "backup", "asks", "keks", "licence"] as const;

export default async function WhichEncryptionPage() {
  await requirePageSession();
  const t = await getTranslations("learn.encryption");

  return (
    <Article title={t("title")} lead={t("lead")}>
      <TextTable
        label={t("title")}
        columns={["", t("column.vsan"), t("column.vm")]}
        rows={ROWS.map((row) => [t(`rows.${row}.aspect`), t(`rows.${row}.vsan`), t(`rows.${row}.vm`)])}
      />
      <Section title={t("bothTitle")}>
        <p className="max-w-3xl">{t("both")}</p>
      </Section>
      <Section title={t("circleTitle")}>
        <p className="max-w-3xl">{t("circle")}</p>
      </Section>
    </Article>
  );
}
