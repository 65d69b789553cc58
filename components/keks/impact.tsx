"use client";

import { useFormatter, useTranslations } from "next-intl";
import { Skeleton } from "@/components/ui/skeleton";
import { Time } from "@/components/ui/time";
import type { KekImpact } from "@/lib/api/keks/schemas";

/** What breaks when a KEK goes: who was given it, when, how often. */
export function ImpactFacts({ impact }: Readonly<{ impact: KekImpact | undefined }>) {
  const t = useTranslations("keks.impact");
  const format = useFormatter();

  if (!impact) {
    return (
      <div role="status" aria-label={t("reading")} className="flex flex-col gap-2 py-0.5">
        <Skeleton className="h-3.5 w-3/4" />
        <Skeleton className="h-3.5 w-1/2" />
      </div>
    );
  }

  const when = () => <Time key="when" value={impact.lastServedAt ?? ""} />;
  const lastClient = impact.lastServedTo
    ? [impact.lastServedTo.name ?? t("unknownClient"), impact.lastServedTo.address].filter(Boolean).join(", ")
    : null;

  return (
    <ul className="flex flex-col gap-1">
      {impact.served ? null : <li>{t("notServed")}</li>}
      {impact.lastServedAt === null ? (
        <li>{t("unused")}</li>
      ) : (
        <>
          <li>
            {lastClient === null
              ? t.rich("lastServedUnknown", { when })
              : t.rich("lastServed", { when, who: lastClient })}
          </li>
          <li>{t("count", { day: impact.servedLast24h, all: impact.servedCount })}</li>
        </>
      )}
      {impact.clients.length > 0 ? (
        <li>
          {t("clients", {
            count: impact.clients.length,
            names: format.list(impact.clients.map((client) => client.name ?? t("unknownClient"))),
          })}
        </li>
      ) : null}
    </ul>
  );
}
