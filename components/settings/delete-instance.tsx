"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useTranslations } from "next-intl";
import { useState } from "react";
import { ProblemNotice, problemOf } from "@/components/errors/problem";
import { ConfirmDialog } from "@/components/forms/confirm-dialog";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/choice";
import { Notice } from "@/components/ui/notice";
import { Panel } from "@/components/ui/panel";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { query, queryKey } from "@/lib/api/contract/query";
import { deleteInstance, getInstanceImpact, listInstances } from "@/lib/api/instances/operations";
import type { Instance, InstanceImpact } from "@/lib/api/instances/schemas";
import { InstanceImpactFacts } from "./instance-impact";

/** Deleting: what to do before, what it breaks, then a typed name; an instance in use needs an explicit yes besides. */
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

/** What the deletion breaks, read when the dialog opens: nobody should decide by older figures. */
function useImpact(instanceId: string) {
  const impact = useQuery({
    ...query(getInstanceImpact, { id: instanceId }),
    staleTime: 0,
    refetchOnMount: "always",
  });

  return { ...impact, known: impact.isFetching && !impact.isFetchedAfterMount ? undefined : impact.data };
}

function DeleteDialog({ instance, onClose }: Readonly<{ instance: Instance; onClose: () => void }>) {
  const t = useTranslations("settings.remove");
  const toast = useToast();
  const router = useRouter();
  const queryClient = useQueryClient();
  const [destroyKeks, setDestroyKeks] = useState(false);
  const [force, setForce] = useState(false);
  const impact = useImpact(instance.id);

  const remove = useMutation({
    mutationFn: (confirmName: string) =>
      call(deleteInstance, { id: instance.id, body: { confirmName, force, destroyKeks } }),
    onSuccess: () => {
      toast({ title: t(destroyKeks ? "doneFinal" : "done", { name: instance.name }) });
      void queryClient.invalidateQueries({ queryKey: queryKey(listInstances) });
      router.push("/instances");
    },
    onError: (error) => {
      // Somebody began to use it since the figures were read.
      if (problemOf(error).code === "INSTANCE_IN_USE") {
        void impact.refetch();
      }
    },
  });
  const inUse =
    impact.known?.inUse === true || (remove.isError && problemOf(remove.error).code === "INSTANCE_IN_USE");

  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={t("dialogTitle", { name: instance.name })}
      description={
        <>
          <p>{t("dialogBody")}</p>
          <p className="mt-1.5">{t(destroyKeks ? "final" : "kept")}</p>
        </>
      }
      action={t("submit")}
      call={remove}
      // The page goes away with the instance: until then there is nothing to click.
      pending={remove.isPending || remove.isSuccess}
      disabledReason={inUse && !force ? t("forceNeeded") : undefined}
      typed={{
        label: t("confirm", { name: instance.name }),
        expected: instance.name,
        mismatch: t("mismatch"),
      }}
      onConfirm={(confirmName) => remove.mutate(confirmName)}
      below={
        <>
          {instance.keyManager ? (
            <Checkbox
              checked={destroyKeks}
              onCheckedChange={setDestroyKeks}
              label={t("destroyKeks")}
              hint={t("destroyKeksHint", { count: instance.counts.keks })}
            />
          ) : null}
          {inUse ? (
            <Checkbox checked={force} onCheckedChange={setForce} label={t("force")} hint={t("forceHint")} />
          ) : null}
        </>
      }
    >
      <Impact known={impact.known} error={impact.error} retry={() => void impact.refetch()} />
    </ConfirmDialog>
  );
}

function Impact({
  known,
  error,
  retry,
}: Readonly<{ known: InstanceImpact | undefined; error: Error | null; retry: () => void }>) {
  const t = useTranslations("settings.remove.impact");

  return (
    <Notice tone={known?.inUse ? "bad" : "idle"} title={t("title")}>
      {error ? <ProblemNotice error={error} onRetry={retry} /> : <InstanceImpactFacts impact={known} />}
    </Notice>
  );
}
