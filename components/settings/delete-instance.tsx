"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useTranslations } from "next-intl";
import { useState } from "react";
import { z } from "zod";
import { problemOf } from "@/components/errors/problem";
import { ConfirmDialog } from "@/components/forms/confirm-dialog";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/choice";
import { Notice } from "@/components/ui/notice";
import { Panel } from "@/components/ui/panel";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { queryKey } from "@/lib/api/contract/query";
import { deleteInstance, listInstances } from "@/lib/api/instances/operations";
import type { Instance } from "@/lib/api/instances/schemas";
import type { Messages } from "@/lib/i18n/messages";

/** Why the server keeps an instance that is in use. */
const inUseReasons = z.array(z.object({ code: z.string(), detail: z.string(), count: z.int().optional() }));

/** Deleting: what to do before, then a typed name; an instance in use needs a second, explicit yes. */
export function DeleteInstance({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("settings.remove");
  const reason = useRoleReason()("administrator");
  const [open, setOpen] = useState(false);

  return (
    <Panel title={t("title")} description={t("description")} className="border-bad/40">
      <p className="mb-1.5 font-medium">{t("checklistTitle")}</p>
      <ol className="mb-4 list-decimal ps-5 text-muted">
        <li>{t("checklist1")}</li>
        <li>{t("checklist2")}</li>
        <li>{t("checklist3")}</li>
      </ol>
      <Button variant="danger-quiet" disabledReason={reason} onClick={() => setOpen(true)}>
        {t("open")}
      </Button>
      {open ? <DeleteDialog instance={instance} onClose={() => setOpen(false)} /> : null}
    </Panel>
  );
}

function DeleteDialog({ instance, onClose }: Readonly<{ instance: Instance; onClose: () => void }>) {
  const t = useTranslations("settings.remove");
  const toast = useToast();
  const router = useRouter();
  const queryClient = useQueryClient();
  const [destroyKeks, setDestroyKeks] = useState(false);
  const [force, setForce] = useState(false);

  const remove = useMutation({
    mutationFn: (confirmName: string) =>
      call(deleteInstance, { id: instance.id, body: { confirmName, force, destroyKeks } }),
    onSuccess: () => {
      toast({ title: t("done", { name: instance.name }) });
      void queryClient.invalidateQueries({ queryKey: queryKey(listInstances) });
      router.push("/instances");
    },
  });
  const problem = remove.isError ? problemOf(remove.error) : null;
  const inUse = problem?.code === "INSTANCE_IN_USE" ? inUseReasons.safeParse(problem.reasons) : null;

  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={t("dialogTitle", { name: instance.name })}
      description={t("dialogBody")}
      action={t("submit")}
      call={remove}
      // The page goes away with the instance: until then there is nothing to click.
      pending={remove.isPending || remove.isSuccess}
      typed={{
        label: t("confirm", { name: instance.name }),
        expected: instance.name,
        mismatch: t("mismatch"),
      }}
      onConfirm={(confirmName) => remove.mutate(confirmName)}
      problem={
        inUse?.success ? (
          <Notice tone="bad" live title={t("refused")}>
            <ul className="mb-2">
              {inUse.data.map((entry) => (
                <li key={entry.code}>
                  <ReasonWords {...entry} />
                </li>
              ))}
            </ul>
            <Checkbox checked={force} onCheckedChange={setForce} label={t("force")} hint={t("forceHint")} />
          </Notice>
        ) : undefined
      }
      below={
        instance.keyManager ? (
          <Checkbox
            checked={destroyKeks}
            onCheckedChange={setDestroyKeks}
            label={t("destroyKeks")}
            hint={t("destroyKeksHint", { count: instance.counts.keks })}
          />
        ) : null
      }
    />
  );
}

function ReasonWords({
  code,
  detail,
  count,
}: Readonly<{ code: string; detail: string; count?: number | undefined }>) {
  const t = useTranslations("settings.remove.reason");
  const known = code as keyof Messages["settings"]["remove"]["reason"];

  return count !== undefined && t.has(known) ? t(known, { count }) : <span lang="en">{detail}</span>;
}
