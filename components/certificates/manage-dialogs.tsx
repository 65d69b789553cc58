"use client";

import { useMutation } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useForm } from "react-hook-form";
import type { z } from "zod";
import { ConfirmDialog } from "@/components/forms/confirm-dialog";
import { FormEnd } from "@/components/forms/form-end";
import { useZodResolver } from "@/components/forms/use-zod-resolver";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Time } from "@/components/ui/time";
import { useToast } from "@/components/ui/toast";
import { deleteClientCertificate, updateClientCertificate } from "@/lib/api/client-certificates/operations";
import { type ClientCertificate, updateCertificateRequest } from "@/lib/api/client-certificates/schemas";
import { call } from "@/lib/api/contract/call";
import { useRefreshCertificates } from "./use-refresh";

type ManageProps = { instanceId: string; certificate: ClientCertificate | null; onClose: () => void };

/** Gives a certificate another name. */
export function RenameCertificateDialog({ instanceId, certificate, onClose }: Readonly<ManageProps>) {
  const t = useTranslations("certificates.rename");

  return (
    <Dialog
      open={certificate !== null}
      onOpenChange={(open) => {
        if (!open) {
          onClose();
        }
      }}
      title={t("title")}
    >
      {certificate ? (
        <RenameForm instanceId={instanceId} certificate={certificate} onClose={onClose} />
      ) : null}
    </Dialog>
  );
}

function RenameForm({
  instanceId,
  certificate,
  onClose,
}: Readonly<{ instanceId: string; certificate: ClientCertificate; onClose: () => void }>) {
  const t = useTranslations("certificates.rename");
  const refresh = useRefreshCertificates(instanceId);
  type Body = z.output<typeof updateCertificateRequest>;
  const form = useForm<Body>({
    resolver: useZodResolver<Body, Body>(updateCertificateRequest),
    defaultValues: { name: certificate.name },
  });
  const rename = useMutation({
    mutationFn: (body: Body) =>
      call(updateClientCertificate, { id: instanceId, certificateId: certificate.id, body }),
    onSuccess: async () => {
      await refresh();
      onClose();
    },
  });

  return (
    <form
      onSubmit={form.handleSubmit((body) => rename.mutate(body))}
      className="flex flex-col gap-4"
      noValidate
    >
      <Field label={t("name")} error={form.formState.errors.name?.message}>
        <Input {...form.register("name")} autoComplete="off" />
      </Field>
      <FormEnd call={rename} action={t("submit")} onCancel={onClose} />
    </form>
  );
}

/** Says what removing a certificate does, then does it. */
export function RemoveCertificateDialog({
  instanceId,
  certificate,
  isLast,
  onClose,
}: Readonly<ManageProps & { isLast: boolean }>) {
  const t = useTranslations("certificates.remove");
  const toast = useToast();
  const refresh = useRefreshCertificates(instanceId);
  const remove = useMutation({
    mutationFn: (target: ClientCertificate) =>
      call(deleteClientCertificate, { id: instanceId, certificateId: target.id }),
    onSuccess: async (_, target) => {
      toast({ title: t("done", { name: target.name }) });
      onClose();
      await refresh();
    },
  });

  return (
    <ConfirmDialog
      open={certificate !== null}
      onClose={onClose}
      title={t("title", { name: certificate?.name ?? "" })}
      description={t("body")}
      action={t("submit")}
      call={remove}
      onConfirm={() => {
        if (certificate) {
          remove.mutate(certificate);
        }
      }}
    >
      {isLast ? <Notice tone="warn">{t("last")}</Notice> : null}
      <p>
        {certificate?.lastSeenAt ? (
          <>
            {t.rich("seen", { when: () => <Time key="when" value={certificate.lastSeenAt ?? ""} /> })}{" "}
            {certificate.lastSeenAddress ? t("seenFrom", { address: certificate.lastSeenAddress }) : null}
          </>
        ) : (
          t("notSeen")
        )}
      </p>
    </ConfirmDialog>
  );
}
