"use client";

import { useMutation, useQuery } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useState } from "react";
import { ProblemNotice, problemOf } from "@/components/errors/problem";
import { AlertDialog } from "@/components/ui/alert-dialog";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Time } from "@/components/ui/time";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { query } from "@/lib/api/contract/query";
import { destroyKek, getKekImpact, restoreKekService } from "@/lib/api/keks/operations";
import type { Kek } from "@/lib/api/keks/schemas";
import { ImpactFacts } from "./impact";
import { useReasonWords } from "./state";
import { useRefreshKeks } from "./use-refresh";

type Props = { instanceId: string; kek: Kek | null; onClose: () => void };

/** Lifts the console's block. */
export function RestoreServiceDialog({ instanceId, kek, onClose }: Readonly<Props>) {
  const t = useTranslations("keks.restore");
  const tState = useTranslations("keks.state");
  const toast = useToast();
  const reasonWords = useReasonWords();
  const refresh = useRefreshKeks(instanceId);
  const restore = useMutation({
    mutationFn: (uid: string) => call(restoreKekService, { id: instanceId, uniqueIdentifier: uid }),
    onSuccess: () => {
      toast({ title: t("done") });
      onClose();
    },
    onSettled: refresh,
  });
  const blocked = kek?.blocked;

  return (
    <AlertDialog
      open={kek !== null}
      onOpenChange={(open) => {
        if (!open) {
          restore.reset();
          onClose();
        }
      }}
      title={t("title")}
      description={
        <>
          <p className="mb-1.5 break-all font-mono text-code text-ink">{kek?.uniqueIdentifier}</p>
          {kek ? t("body", { state: tState(kek.state) }) : null}
        </>
      }
      action={t("submit")}
      danger={false}
      pending={restore.isPending}
      onConfirm={() => {
        if (kek) {
          restore.mutate(kek.uniqueIdentifier);
        }
      }}
    >
      {blocked ? (
        <p>
          {t.rich("was", {
            when: () => <Time key="when" value={blocked.at} />,
            who: blocked.by,
            reason: reasonWords(blocked.reason),
          })}
          {blocked.message ? (
            <span className="block break-anywhere text-muted">{blocked.message}</span>
          ) : null}
        </p>
      ) : null}
      {restore.isError ? <ProblemNotice error={restore.error} /> : null}
    </AlertDialog>
  );
}

/** Deletes a KEK's standard key in the key manager, after its identifier was typed. */
export function DestroyKekDialog(props: Readonly<Props>) {
  return <DestroyKek key={props.kek?.uniqueIdentifier} {...props} />;
}

function DestroyKek({ instanceId, kek, onClose }: Readonly<Props>) {
  const t = useTranslations("keks.destroy");
  const tKeks = useTranslations("keks");
  const toast = useToast();
  const refresh = useRefreshKeks(instanceId);
  const [typed, setTyped] = useState("");
  const [tried, setTried] = useState(false);
  const uid = kek?.uniqueIdentifier ?? "";
  const impact = useQuery({
    ...query(getKekImpact, { id: instanceId, uniqueIdentifier: uid }),
    // Somebody decides by these numbers: they are fetched each time the dialog opens.
    staleTime: 0,
    enabled: kek !== null,
    refetchOnMount: "always",
  });
  const known = impact.isFetching && !impact.isFetchedAfterMount ? undefined : impact.data;
  const matches = typed.trim() === uid;

  const destroy = useMutation({
    mutationFn: (etag: string) =>
      call(destroyKek, {
        id: instanceId,
        uniqueIdentifier: uid,
        body: { confirmIdentifier: typed.trim(), etag },
      }),
    onSuccess: () => {
      toast({ title: t("done") });
      onClose();
    },
    onError: (error) => {
      if (problemOf(error).code === "CHANGED_MEANWHILE") {
        void impact.refetch();
      }
    },
    onSettled: refresh,
  });

  return (
    <AlertDialog
      open={kek !== null}
      onOpenChange={(open) => {
        if (!open) {
          onClose();
        }
      }}
      title={t("title")}
      description={
        <>
          <p className="mb-1.5 break-all font-mono text-code text-ink">{uid}</p>
          {t("body")}
        </>
      }
      action={t("submit")}
      pending={destroy.isPending}
      disabledReason={known ? undefined : tKeks("impact.reading")}
      onConfirm={() => {
        setTried(true);
        if (matches && known) {
          destroy.mutate(known.etag);
        }
      }}
    >
      <Notice tone={known?.lastServedAt ? "warn" : "idle"} title={tKeks("impact.title")}>
        {impact.isError ? (
          <ProblemNotice error={impact.error} onRetry={() => void impact.refetch()} />
        ) : (
          <ImpactFacts impact={known} />
        )}
      </Notice>
      <Field label={t("confirm")} error={tried && !matches ? t("mismatch") : undefined}>
        <Input
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          autoComplete="off"
          spellCheck={false}
          className="font-mono text-code"
        />
      </Field>
      {destroy.isError ? <ProblemNotice error={destroy.error} /> : null}
    </AlertDialog>
  );
}
