"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useState } from "react";
import { z } from "zod";
import { problemOf } from "@/components/errors/problem";
import { ConfirmDialog } from "@/components/forms/confirm-dialog";
import { Checkbox } from "@/components/ui/choice";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { queryKey } from "@/lib/api/contract/query";
import { listInstances, restoreInstance } from "@/lib/api/instances/operations";
import type { Instance } from "@/lib/api/instances/schemas";

/** Certificates that keep an instance from being restored as it was. */
const conflicts = z.array(
  z.object({ id: z.string(), name: z.string(), instance: z.object({ name: z.string() }).nullable() }),
);

/** Undoes a deletion; what others have taken meanwhile is said, with a way round it. */
export function RestoreDialog({ instance, onClose }: Readonly<{ instance: Instance; onClose: () => void }>) {
  const t = useTranslations("instances.deleted");
  const toast = useToast();
  const queryClient = useQueryClient();
  const [name, setName] = useState(instance.name);
  const [without, setWithout] = useState(false);

  const restore = useMutation({
    mutationFn: () =>
      call(restoreInstance, {
        id: instance.id,
        body: {
          ...(name.trim() === instance.name ? {} : { name: name.trim() }),
          withoutCertificatesInUse: without,
        },
      }),
    onSuccess: (restored) => {
      toast({ title: t("done", { name: restored.name }) });
      void queryClient.invalidateQueries({ queryKey: queryKey(listInstances) });
      onClose();
    },
  });
  const problem = restore.isError ? problemOf(restore.error) : null;
  const taken = conflicts.safeParse(problem?.certificates);
  const isNameTaken = problem?.code === "NAME_TAKEN";
  // Once asked for, the field stays, whatever comes next.
  const asksName = isNameTaken || name !== instance.name;

  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title={t("dialogTitle", { name: instance.name })}
      description={t("dialogBody")}
      action={t("submit")}
      danger={false}
      call={restore}
      onConfirm={() => restore.mutate()}
      problem={
        taken.success ? (
          <Notice tone="bad" live title={t("conflict")}>
            <ul className="mb-2">
              {taken.data.map(({ id, name: certificate, instance: holder }) => (
                <li key={id}>
                  {holder === null
                    ? t("heldHidden", { name: certificate })
                    : t("heldBy", { name: certificate, instance: holder.name })}
                </li>
              ))}
            </ul>
            <Checkbox
              checked={without}
              onCheckedChange={setWithout}
              label={t("without")}
              hint={t("withoutHint")}
            />
          </Notice>
        ) : isNameTaken ? (
          <Notice tone="bad" live title={t("nameTaken")} />
        ) : undefined
      }
    >
      {asksName ? (
        <Field label={t("newName")}>
          <Input value={name} onChange={(event) => setName(event.target.value)} autoComplete="off" />
        </Field>
      ) : null}
    </ConfirmDialog>
  );
}
