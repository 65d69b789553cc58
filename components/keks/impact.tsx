"use client";

import { useQuery } from "@tanstack/react-query";
import { useFormatter, useTranslations } from "next-intl";
import { ProblemNotice, problemOf } from "@/components/errors/problem";
import { Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { Time } from "@/components/ui/time";
import { query } from "@/lib/api/contract/query";
import { getKekImpact } from "@/lib/api/keks/operations";
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

type Impact = {
  /** As it is now; undefined while it is read: nobody should decide by older figures. */
  known: KekImpact | undefined;
  error: Error | null;
  retry: () => void;
  /** Reads it again when a change was refused because the KEK is another by now. */
  onRefusal: (error: unknown) => void;
};

/** What taking a KEK out of service hits, read when the dialog opens. @param uniqueIdentifier null while none is asked for */
export function useImpact(instanceId: string, uniqueIdentifier: string | null): Impact {
  const impact = useQuery({
    ...query(getKekImpact, { id: instanceId, uniqueIdentifier: uniqueIdentifier ?? "" }),
    // Somebody decides by these numbers: they are fetched each time the dialog opens.
    staleTime: 0,
    enabled: uniqueIdentifier !== null,
    refetchOnMount: "always",
  });
  const retry = () => void impact.refetch();

  return {
    known: impact.isFetching && !impact.isFetchedAfterMount ? undefined : impact.data,
    error: impact.error,
    retry,
    onRefusal: (error) => {
      if (problemOf(error).code === "CHANGED_MEANWHILE") {
        retry();
      }
    },
  };
}

/** Whom it hits, before somebody confirms. */
export function ImpactNotice({ impact: { known, error, retry } }: Readonly<{ impact: Impact }>) {
  const t = useTranslations("keks.impact");

  return (
    <Notice tone={known?.lastServedAt ? "warn" : "idle"} title={t("title")}>
      {error ? <ProblemNotice error={error} onRetry={retry} /> : <ImpactFacts impact={known} />}
    </Notice>
  );
}
