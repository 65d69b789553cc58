"use client";

import { useMutation, useQuery } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useState } from "react";
import { momentOfField } from "@/components/audit/filters";
import { ProblemNotice, problemOf } from "@/components/errors/problem";
import { AlertDialog } from "@/components/ui/alert-dialog";
import { Field, Input, Textarea } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Select } from "@/components/ui/select";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { query } from "@/lib/api/contract/query";
import { getKekImpact, revokeKek } from "@/lib/api/keks/operations";
import { type RevocationReason, revocationReason } from "@/lib/api/keks/schemas";
import { ImpactFacts } from "./impact";
import { stateAfterRevocation } from "./revocation";
import { useRefreshKeks } from "./use-refresh";

type KekDialogProps = { instanceId: string; uniqueIdentifier: string | null; onClose: () => void };

/** Takes a KEK out of service: says whom that hits first, and refuses when that has changed meanwhile. */
export function RevokeKekDialog(props: Readonly<KekDialogProps>) {
  // The form starts anew for each KEK.
  return <RevokeKek key={props.uniqueIdentifier} {...props} />;
}

function RevokeKek({ instanceId, uniqueIdentifier, onClose }: Readonly<KekDialogProps>) {
  const t = useTranslations("keks.revoke");
  const tKeks = useTranslations("keks");
  const tCommon = useTranslations("common");
  const toast = useToast();
  const refresh = useRefreshKeks(instanceId);
  const [reason, setReason] = useState<RevocationReason>("unspecified");
  const [message, setMessage] = useState("");
  const [occurredAt, setOccurredAt] = useState("");
  const open = uniqueIdentifier !== null;
  const impact = useQuery({
    ...query(getKekImpact, { id: instanceId, uniqueIdentifier: uniqueIdentifier ?? "" }),
    // Somebody decides by these numbers: they are fetched each time the dialog opens.
    staleTime: 0,
    enabled: open,
    refetchOnMount: "always",
  });
  const known = impact.isFetching && !impact.isFetchedAfterMount ? undefined : impact.data;
  const compromise = reason === "keyCompromise" || reason === "caCompromise";

  const revoke = useMutation({
    mutationFn: ({ uid, etag }: { uid: string; etag: string }) => {
      const occurred = compromise ? momentOfField(occurredAt, "local") : null;

      return call(revokeKek, {
        id: instanceId,
        uniqueIdentifier: uid,
        body: {
          reason,
          etag,
          ...(message.trim() === "" ? {} : { message: message.trim() }),
          ...(occurred === null ? {} : { compromiseOccurredAt: occurred }),
        },
      });
    },
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

  const after = known ? stateAfterRevocation(known.state, reason) : null;

  return (
    <AlertDialog
      open={open}
      onOpenChange={(next) => {
        if (!next) {
          onClose();
        }
      }}
      title={t("title")}
      description={
        <>
          <p className="mb-1.5 break-all font-mono text-code text-ink">{uniqueIdentifier}</p>
          {t("body")}
        </>
      }
      action={t("submit")}
      pending={revoke.isPending}
      disabledReason={known ? undefined : tKeks("impact.reading")}
      onConfirm={() => {
        if (uniqueIdentifier !== null && known) {
          revoke.mutate({ uid: uniqueIdentifier, etag: known.etag });
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
      <Field
        label={t("reason")}
        hint={
          known && after
            ? `${t(known.state === after ? "resultSame" : "result", { state: tKeks(`state.${after}`) })} ${t("undo")}`
            : t("undo")
        }
      >
        <Select
          value={reason}
          onValueChange={setReason}
          options={revocationReason.options.map((value) => ({ value, label: tKeks(`reason.${value}`) }))}
        />
      </Field>
      {compromise ? (
        <Field label={t("occurredAt")} optional={tCommon("optional")}>
          <Input
            type="datetime-local"
            value={occurredAt}
            onChange={(event) => setOccurredAt(event.target.value)}
          />
        </Field>
      ) : null}
      <Field label={t("message")} optional={tCommon("optional")} hint={t("messageHint")}>
        <Textarea
          rows={2}
          maxLength={500}
          value={message}
          onChange={(event) => setMessage(event.target.value)}
        />
      </Field>
      {revoke.isError ? <ProblemNotice error={revoke.error} /> : null}
    </AlertDialog>
  );
}
