"use client";

import { useMutation } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { ConfirmDialog } from "@/components/forms/confirm-dialog";
import { Time } from "@/components/ui/time";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { destroyKek, restoreKekService } from "@/lib/api/keks/operations";
import type { Kek } from "@/lib/api/keks/schemas";
import { ImpactNotice, useImpact } from "./impact";
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
    <ConfirmDialog
      open={kek !== null}
      onClose={onClose}
      title={t("title")}
      subject={kek?.uniqueIdentifier}
      description={kek ? t("body", { state: tState(kek.state) }) : null}
      action={t("submit")}
      danger={false}
      call={restore}
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
    </ConfirmDialog>
  );
}

/** Deletes a KEK's standard key in the key manager, after its identifier was typed. */
export function DestroyKekDialog(props: Readonly<Props>) {
  // What it hits is read anew for each KEK.
  return <DestroyKek key={props.kek?.uniqueIdentifier} {...props} />;
}

function DestroyKek({ instanceId, kek, onClose }: Readonly<Props>) {
  const t = useTranslations("keks.destroy");
  const tKeks = useTranslations("keks");
  const toast = useToast();
  const refresh = useRefreshKeks(instanceId);
  const uid = kek?.uniqueIdentifier ?? "";
  const impact = useImpact(instanceId, kek?.uniqueIdentifier ?? null);
  const { known } = impact;

  const destroy = useMutation({
    mutationFn: (body: { confirmIdentifier: string; etag: string }) =>
      call(destroyKek, { id: instanceId, uniqueIdentifier: uid, body }),
    onSuccess: () => {
      toast({ title: t("done") });
      onClose();
    },
    onError: impact.onRefusal,
    onSettled: refresh,
  });

  return (
    <ConfirmDialog
      open={kek !== null}
      onClose={onClose}
      title={t("title")}
      subject={uid}
      description={t("body")}
      action={t("submit")}
      call={destroy}
      disabledReason={known ? undefined : tKeks("impact.reading")}
      typed={{
        label: t("confirm"),
        expected: uid,
        mismatch: t("mismatch"),
        input: { className: "font-mono text-code" },
      }}
      onConfirm={(confirmIdentifier) => {
        if (known) {
          destroy.mutate({ confirmIdentifier, etag: known.etag });
        }
      }}
    >
      <ImpactNotice impact={impact} />
    </ConfirmDialog>
  );
}
