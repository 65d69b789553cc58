"use client";

import { useMutation } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { type FormEvent, useState } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { useToast } from "@/components/ui/toast";
import { useFocusFirst } from "@/components/ui/use-focus-first";
import { createClientCertificate } from "@/lib/api/client-certificates/operations";
import { call } from "@/lib/api/contract/call";
import { type Chosen, propose } from "./chosen";
import { PreviewCards } from "./preview-cards";
import { CertificateUploadField, type PreviewedCertificate } from "./upload-field";
import { useRefreshCertificates } from "./use-refresh";

/** Adds certificates to an instance: upload, look at what they say, then pin them. */
export function AddCertificateDialog({
  instanceId,
  open,
  onOpenChange,
}: Readonly<{ instanceId: string; open: boolean; onOpenChange: (open: boolean) => void }>) {
  const t = useTranslations("certificates.upload");

  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={t("title")} description={t("description")} wide>
      <AddCertificate instanceId={instanceId} onDone={() => onOpenChange(false)} />
    </Dialog>
  );
}

function AddCertificate({ instanceId, onDone }: Readonly<{ instanceId: string; onDone: () => void }>) {
  const t = useTranslations("certificates.upload");
  const toast = useToast();
  const refresh = useRefreshCertificates(instanceId);
  const [chosen, setChosen] = useState<Chosen<PreviewedCertificate>[] | null>(null);
  const [tried, setTried] = useState(false);
  const included = chosen?.filter((entry) => entry.included) ?? [];
  const previewed = chosen !== null && chosen.length > 0;
  const shown = useFocusFirst<HTMLDivElement>(previewed ? "preview" : "upload");

  const add = useMutation({
    // One after the other: when one is refused, those before it are pinned and are taken off the list.
    mutationFn: async (entries: readonly Chosen<PreviewedCertificate>[]) => {
      for (const entry of entries) {
        await call(createClientCertificate, {
          id: instanceId,
          body: {
            name: entry.name.trim(),
            pem: entry.certificate.pem,
          },
        });
        setChosen((current) => current?.filter((other) => other.certificate !== entry.certificate) ?? null);
        toast({ title: t("done", { name: entry.name.trim() }) });
      }
    },
    onSuccess: onDone,
    onSettled: refresh,
  });

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (included.length > 0 && included.every((entry) => entry.name.trim() !== "")) {
      add.mutate(included);
    }
  };

  if (!previewed) {
    return (
      <div ref={shown}>
        <CertificateUploadField
          instanceId={instanceId}
          onPreview={(certificates) => setChosen(propose(certificates))}
        />
      </div>
    );
  }

  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <div ref={shown}>
        <PreviewCards chosen={chosen} onChange={setChosen} nameErrors={tried} />
      </div>
      {add.isError ? <ProblemNotice error={add.error} /> : null}
      <div className="flex flex-wrap justify-end gap-2">
        <Button
          onClick={() => {
            setChosen(null);
            setTried(false);
            add.reset();
          }}
        >
          {t("another")}
        </Button>
        <Button type="submit" variant="primary" pending={add.isPending} disabled={included.length === 0}>
          {t("submit", { count: Math.max(1, included.length) })}
        </Button>
      </div>
    </form>
  );
}
