"use client";

import { useFormatter, useTranslations } from "next-intl";
import { Skeleton } from "@/components/ui/skeleton";
import { Time } from "@/components/ui/time";
import type { InstanceImpact } from "@/lib/api/instances/schemas";

/** What deleting an instance breaks: its KEKs by serving state, the last use, by whom, for whom. */
export function InstanceImpactFacts({ impact }: Readonly<{ impact: InstanceImpact | undefined }>) {
  const t = useTranslations("settings.remove.impact");

  if (!impact) {
    return (
      <div role="status" aria-label={t("reading")} className="flex flex-col gap-2 py-0.5">
        <Skeleton className="h-3.5 w-3/4" />
        <Skeleton className="h-3.5 w-1/2" />
      </div>
    );
  }

  return (
    <ul className="flex flex-col gap-1">
      {impact.inUse ? null : <li>{t("none")}</li>}
      <KekFacts impact={impact} />
      <ClientFacts impact={impact} />
    </ul>
  );
}

const STATES = ["served", "unused", "blocked"] as const;

function KekFacts({ impact: { keks, users, ...last } }: Readonly<{ impact: InstanceImpact }>) {
  const t = useTranslations("settings.remove.impact");
  const format = useFormatter();

  if (keks.total === 0) {
    return null;
  }

  const when = () => <Time key="when" value={last.lastServedAt ?? ""} />;
  const { lastServedTo: client } = last;
  const who = client && [client.name ?? t("unknownClient"), client.address].filter(Boolean).join(", ");

  return (
    <>
      <li>
        {t("keks", { count: keks.total })}
        <ul className="list-disc ps-5">
          {STATES.filter((state) => keks[state] > 0).map((state) => (
            <li key={state}>{t(state, { count: keks[state] })}</li>
          ))}
        </ul>
      </li>
      {keks.complete ? null : <li>{t("incomplete")}</li>}
      <li>
        {last.lastServedAt === null
          ? t("neverServed")
          : who === null
            ? t.rich("lastServedUnknown", { when })
            : t.rich("lastServed", { when, who })}
      </li>
      {users.length > 0 ? (
        <li className="break-anywhere">
          {t("users", {
            names: format.list(
              users.map(({ name, component }) => (component === null ? name : `${name} (${component})`)),
            ),
          })}
        </li>
      ) : null}
    </>
  );
}

function ClientFacts({ impact: { reasons } }: Readonly<{ impact: InstanceImpact }>) {
  const t = useTranslations("settings.remove.impact");
  const format = useFormatter();

  return reasons.map((reason) =>
    reason.code === "CLIENTS_CONNECTED" ? (
      <li key={reason.code} className="break-anywhere">
        {t("clients", { count: reason.count, names: format.list(reason.clients.map(({ name }) => name)) })}
      </li>
    ) : null,
  );
}
