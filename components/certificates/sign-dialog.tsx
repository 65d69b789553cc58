"use client";

import { useMutation } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useTranslations } from "next-intl";
import { useForm } from "react-hook-form";
import type { z } from "zod";
import { ProblemNotice } from "@/components/errors/problem";
import { useZodResolver } from "@/components/forms/use-zod-resolver";
import { Button } from "@/components/ui/button";
import { CodeBlock } from "@/components/ui/copy";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input, Textarea } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { signClientCertificate } from "@/lib/api/client-certificates/operations";
import { type ClientCertificate, signCertificateRequest } from "@/lib/api/client-certificates/schemas";
import { call } from "@/lib/api/contract/call";
import { saveCertificate } from "./save-certificate";
import { useRefreshCertificates } from "./use-refresh";

/** Signs vCenter's certificate request with the instance's authority and pins the certificate. */
export function SignCsrDialog({
  instanceId,
  open,
  onOpenChange,
}: Readonly<{ instanceId: string; open: boolean; onOpenChange: (open: boolean) => void }>) {
  const t = useTranslations("certificates.csr");

  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={t("title")} description={t("description")} wide>
      <SignForm instanceId={instanceId} onDone={() => onOpenChange(false)} />
    </Dialog>
  );
}

function SignForm({ instanceId, onDone }: Readonly<{ instanceId: string; onDone: () => void }>) {
  const t = useTranslations("certificates.csr");
  const refresh = useRefreshCertificates(instanceId);
  const form = useForm({
    resolver: useZodResolver<z.input<typeof signCertificateRequest>, z.output<typeof signCertificateRequest>>(
      signCertificateRequest,
    ),
    defaultValues: { name: "", csrPem: "", validDays: 365 },
  });
  const sign = useMutation({
    mutationFn: (body: z.output<typeof signCertificateRequest>) =>
      call(signClientCertificate, { id: instanceId, body }),
    onSuccess: refresh,
  });
  const { errors } = form.formState;

  if (sign.data) {
    return <Signed certificate={sign.data} onDone={onDone} />;
  }

  return (
    <form
      onSubmit={form.handleSubmit((body) => sign.mutate(body))}
      className="flex flex-col gap-4"
      noValidate
    >
      <Field label={t("name")} error={errors.name?.message}>
        <Input {...form.register("name")} autoComplete="off" />
      </Field>
      <Field label={t("pem")} error={errors.csrPem?.message}>
        <Textarea
          {...form.register("csrPem")}
          rows={7}
          spellCheck={false}
          className="font-mono text-code"
          placeholder="-----BEGIN CERTIFICATE REQUEST-----"
        />
      </Field>
      <Field label={t("days")} error={errors.validDays?.message} className="max-w-40">
        <Input {...form.register("validDays", { valueAsNumber: true })} type="number" min={1} max={3650} />
      </Field>
      {sign.isError ? <ProblemNotice error={sign.error} /> : null}
      <div className="flex justify-end">
        <Button type="submit" variant="primary" pending={sign.isPending}>
          {t("submit")}
        </Button>
      </div>
    </form>
  );
}

function Signed({ certificate, onDone }: Readonly<{ certificate: ClientCertificate; onDone: () => void }>) {
  const t = useTranslations("certificates.csr");
  const tCommon = useTranslations("common");

  return (
    <div className="flex flex-col gap-4">
      <Notice tone="ok" live title={t("done")}>
        {t("doneBody")}
      </Notice>
      <CodeBlock code={certificate.pem} what={t("certificate")} />
      <div className="flex justify-end gap-2">
        <Button onClick={() => saveCertificate(certificate)}>
          <Download aria-hidden="true" />
          {tCommon("download")}
        </Button>
        <Button variant="primary" onClick={onDone}>
          {tCommon("close")}
        </Button>
      </div>
    </div>
  );
}
