"use client";

import { useMutation } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useState } from "react";
import { ConfirmDialog } from "@/components/forms/confirm-dialog";
import { Field, Input } from "@/components/ui/field";
import { momentOfField } from "@/components/ui/moments";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { revokeKek } from "@/lib/api/keks/operations";
import { ImpactNotice, useImpact } from "./impact";
import { RevocationFields, revocationBody, UNSPECIFIED } from "./revocation-fields";
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
  const [revocation, setRevocation] = useState(UNSPECIFIED);
  const [occurredAt, setOccurredAt] = useState("");
  const impact = useImpact(instanceId, uniqueIdentifier);
  const { known } = impact;
  const outcome = known?.revocations.find((each) => each.reason === revocation.reason);

  const revoke = useMutation({
    mutationFn: ({ uid, etag }: { uid: string; etag: string }) => {
      const occurred = outcome?.compromise ? momentOfField(occurredAt, "local") : null;

      return call(revokeKek, {
        id: instanceId,
        uniqueIdentifier: uid,
        body: {
          ...revocationBody(revocation),
          etag,
          ...(occurred === null ? {} : { compromiseOccurredAt: occurred }),
        },
      });
    },
    onSuccess: () => {
      toast({ title: t("done") });
      onClose();
    },
    onError: impact.onRefusal,
    onSettled: refresh,
  });

  return (
    <ConfirmDialog
      open={uniqueIdentifier !== null}
      onClose={onClose}
      title={t("title")}
      subject={uniqueIdentifier ?? undefined}
      description={t("body")}
      action={t("submit")}
      call={revoke}
      disabledReason={known ? undefined : tKeks("impact.reading")}
      onConfirm={() => {
        if (uniqueIdentifier !== null && known) {
          revoke.mutate({ uid: uniqueIdentifier, etag: known.etag });
        }
      }}
    >
      <ImpactNotice impact={impact} />
      <RevocationFields
        value={revocation}
        onChange={setRevocation}
        hint={
          known && outcome
            ? `${t(known.state === outcome.leadsTo ? "resultSame" : "result", { state: tKeks(`state.${outcome.leadsTo}`) })} ${t("undo")}`
            : t("undo")
        }
      >
        {outcome?.compromise ? (
          <Field label={t("occurredAt")} optional={tCommon("optional")}>
            <Input
              type="datetime-local"
              value={occurredAt}
              onChange={(event) => setOccurredAt(event.target.value)}
            />
          </Field>
        ) : null}
      </RevocationFields>
    </ConfirmDialog>
  );
}
