"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useState } from "react";
import { problemOf } from "@/components/errors/problem";
import { ConfirmDialog } from "@/components/forms/confirm-dialog";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { MonoCopy } from "@/components/ui/copy";
import { Notice } from "@/components/ui/notice";
import { Panel } from "@/components/ui/panel";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { queryKey } from "@/lib/api/contract/query";
import { getInstance, getRewrap, rotateRootKey } from "@/lib/api/instances/operations";
import type { Instance } from "@/lib/api/instances/schemas";
import type { Messages } from "@/lib/i18n/messages";
import { ChangeRootKey } from "./change-root-key";

type Crk = NonNullable<Instance["crk"]>;
type RefusalCode = keyof Messages["settings"]["rootKey"]["refusal"];

/** The root key of an instance, its rotation and its change. */
export function RootKeySettings({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("settings.rootKey");
  const reason = useRoleReason()("administrator");
  const [open, setOpen] = useState<"rotate" | "change" | null>(null);
  const { crk } = instance;

  if (crk === null) {
    return (
      <Panel title={t("title")}>
        <Notice>{t("inactive")}</Notice>
      </Panel>
    );
  }

  return (
    <Panel title={t("title")} description={t("description")}>
      <p className="font-medium">{crk.name}</p>
      <p className="mb-3 text-muted">
        <MonoCopy value={crk.id} what={t("title")} className="text-muted" />
        {" · "}
        {crk.currentVersion ? (
          <span title={crk.currentVersion}>{t("version", { version: crk.currentVersion.slice(0, 8) })}</span>
        ) : (
          t("versionUnknown")
        )}
      </p>
      <div className="flex flex-wrap gap-2">
        <Button disabledReason={reason} onClick={() => setOpen("rotate")}>
          {t("rotate")}
        </Button>
        <Button disabledReason={reason} onClick={() => setOpen("change")}>
          {t("change")}
        </Button>
      </div>
      {open === "rotate" ? (
        <RotateDialog instanceId={instance.id} crk={crk} onClose={() => setOpen(null)} />
      ) : null}
      {open === "change" ? (
        <ChangeRootKey instanceId={instance.id} crk={crk} onClose={() => setOpen(null)} />
      ) : null}
    </Panel>
  );
}

/** The key manager's reason, where the console has words for it. */
function refusalOf(error: unknown): RefusalCode | null {
  const { keyManager } = problemOf(error) as { keyManager?: { code?: string | null; failure?: string } };

  return (
    keyManager?.failure === "forbidden" ? "forbidden" : (keyManager?.code ?? null)
  ) as RefusalCode | null;
}

function RotateDialog({
  instanceId,
  crk,
  onClose,
}: Readonly<{ instanceId: string; crk: Crk; onClose: () => void }>) {
  const t = useTranslations("settings.rootKey");
  const toast = useToast();
  const queryClient = useQueryClient();
  const rotate = useMutation({
    mutationFn: () => call(rotateRootKey, { id: instanceId }),
    onSuccess: (status) => {
      queryClient.setQueryData(queryKey(getRewrap, { id: instanceId }), status);
      void queryClient.invalidateQueries({ queryKey: queryKey(getInstance, { id: instanceId }) });
      toast({ title: t("rotated") });
      onClose();
    },
  });
  const refusal = rotate.isError ? refusalOf(rotate.error) : null;

  return (
    <ConfirmDialog
      open
      onClose={onClose}
      danger={false}
      title={t("rotateTitle", { name: crk.name ?? crk.id })}
      description={t("rotateBody")}
      action={t("rotate")}
      call={rotate}
      problem={
        refusal !== null && t.has(`refusal.${refusal}`) ? (
          <Notice tone="bad" live>
            {t(`refusal.${refusal}`)}
          </Notice>
        ) : undefined
      }
      onConfirm={() => rotate.mutate()}
    >
      <p className="text-muted">{t("rotateLimit")}</p>
      <p className="text-muted">{t("rotateShared")}</p>
    </ConfirmDialog>
  );
}
