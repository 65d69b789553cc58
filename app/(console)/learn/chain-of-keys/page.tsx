import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import { ChainLinks } from "@/components/instances/chain";
import { Article, Section, TextTable } from "@/components/learn/article";
import { requirePageSession } from "../../prefetch";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("learn.chain"))("title") };
}

const ROWS = ["client", "console", "destroy", "deleted", "crk"] as const;

export default async function ChainOfKeysPage() {
  await requirePageSession();
  const [t, tChain] = await Promise.all([getTranslations("learn.chain"), getTranslations("instances.chain")]);

  return (
    <Article title={t("title")} lead={t("lead")}>
      <ChainLinks
        wraps={tChain("wraps")}
        links={(["crk", "kek", "dek"] as const).map((key) => ({
          key,
          title: null,
          main: t(key),
          facts: t(`${key}Body`),
        }))}
      />
      <Section title={t("followsTitle")}>
        <ul className="flex max-w-3xl list-disc flex-col gap-1.5 ps-5">
          {([1, 2, 3, 4, 5] as const).map((number) => (
            <li key={number}>{t(`follows${number}`)}</li>
          ))}
        </ul>
      </Section>
      <Section title={t("revokeTitle")}>
        <TextTable
          label={t("revokeTitle")}
          columns={[t("column.action"), t("column.state"), t("column.served"), t("column.manager")]}
          rows={ROWS.map((row) => [
            t(`rows.${row}.action`),
            t(`rows.${row}.state`),
            t(`rows.${row}.served`),
            t(`rows.${row}.manager`),
          ])}
        />
      </Section>
    </Article>
  );
}
