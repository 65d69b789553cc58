import type { Metadata } from "next";
import { getTranslations } from "next-intl/server";
import { Article, Section } from "@/components/learn/article";
import { Panel } from "@/components/ui/panel";
import { requirePageSession } from "../../prefetch";

export async function generateMetadata(): Promise<Metadata> {
  return { title: (await getTranslations("learn.rotate"))("title") };
}

export default async function RotateKeysPage() {
  await requirePageSession();
  const t = await getTranslations("learn.rotate");

  return (
    <Article title={t("title")} lead={t("lead")}>
      <ol className="flex flex-col gap-3">
        {([1, 2, 3] as const).map((level) => (
          <li key={level}>
            <Panel
              title={
                <>
                  <span className="tabular me-2 text-accent-ink">{level}</span>
                  {t(`level${level}`)}
                </>
              }
            >
              <p>{t(`level${level}Body`)}</p>
              <p className="mt-2 text-muted">
                {t("time")}: {t(`level${level}Time`)}
              </p>
            </Panel>
          </li>
        ))}
      </ol>
      <Section title={t("whenTitle")}>
        <p className="max-w-3xl">{t("when")}</p>
      </Section>
    </Article>
  );
}
