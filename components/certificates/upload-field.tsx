"use client";

import { useMutation } from "@tanstack/react-query";
import { FileUp } from "lucide-react";
import { useTranslations } from "next-intl";
import { type DragEvent, useId, useRef, useState } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { Button } from "@/components/ui/button";
import { cn } from "@/components/ui/cn";
import { controlStyles } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Spinner } from "@/components/ui/spinner";
import { previewClientCertificates } from "@/lib/api/client-certificates/operations";
import type { CertificateFinding, ParsedCertificate } from "@/lib/api/client-certificates/schemas";
import { call } from "@/lib/api/contract/call";
import { readPastedText, readUploadedBytes, type Upload, type UploadRefusal } from "./read-upload";

export type PreviewedCertificate = ParsedCertificate & { findings: CertificateFinding[] };

type Props = Readonly<{
  instanceId?: string;
  onPreview: (certificates: PreviewedCertificate[]) => void;
}>;

/**
 * A certificate by file button, by dropping or by pasting. Nothing is stored: the server parses it and the
 * caller shows the preview. A private key is refused here, unsent, and wiped from the field.
 */
export function CertificateUploadField(props: Props) {
  const t = useTranslations("certificates");
  const upload = useUpload(props);
  const { preview, refusal } = upload;

  return (
    <div className="flex flex-col gap-3">
      <FileDrop onUpload={upload.take} />
      <PasteField {...upload} />
      {preview.isPending ? (
        <p role="status" className="flex items-center gap-2 text-muted">
          <Spinner />
          {t("upload.read")}
        </p>
      ) : null}
      {refusal ? (
        <Notice tone="bad" live title={t(`refuse.${refusal}`)}>
          {isSecret(refusal) ? t("refuse.privateKeyHint") : null}
        </Notice>
      ) : null}
      {preview.isError ? <ProblemNotice error={preview.error} /> : null}
    </div>
  );
}

function isSecret(refusal: UploadRefusal): boolean {
  return refusal === "privateKey" || refusal === "pkcs12";
}

/** The text of the field, what was refused of it, and the server's reading of what was not. */
function useUpload({ instanceId, onPreview }: Props) {
  const [text, setText] = useState("");
  const [refusal, setRefusal] = useState<UploadRefusal | null>(null);
  const preview = useMutation({
    mutationFn: (pem: string) =>
      call(previewClientCertificates, { body: { pem, ...(instanceId === undefined ? {} : { instanceId }) } }),
    onSuccess: ({ certificates }) => {
      setText("");
      onPreview(certificates);
    },
  });

  const take = (upload: Upload) => {
    preview.reset();

    if (upload.ok) {
      setRefusal(null);
      preview.mutate(upload.text);

      return;
    }

    setRefusal(upload.refusal);
    if (isSecret(upload.refusal)) {
      setText("");
    }
  };

  return { text, setText, refusal, setRefusal, preview, take };
}

/** A file by its button or dropped. */
function FileDrop({ onUpload }: Readonly<{ onUpload: (upload: Upload) => void }>) {
  const t = useTranslations("certificates.upload");
  const picker = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);

  const takeFile = async (file: File | undefined) => {
    if (file) {
      onUpload(readUploadedBytes(new Uint8Array(await file.arrayBuffer())));
    }
    // The same file may be chosen again after it was corrected.
    if (picker.current) {
      picker.current.value = "";
    }
  };

  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    const file = event.dataTransfer.files[0];

    if (file) {
      void takeFile(file);
    } else {
      onUpload(readPastedText(event.dataTransfer.getData("text")));
    }
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is an extra for mice; the button inside is the way for everybody
    <div
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
      className={cn(
        "flex flex-col items-center gap-2 rounded-panel border border-field border-dashed bg-sunk px-4 py-6 text-center transition-colors",
        over && "border-accent bg-accent-soft",
      )}
    >
      <FileUp aria-hidden="true" className="size-5 text-muted" />
      <p className="flex flex-wrap items-center justify-center gap-2">
        <span className="text-muted">{t("drop")}</span>
        <Button size="small" onClick={() => picker.current?.click()}>
          {t("choose")}
        </Button>
      </p>
      <p className="text-label text-muted">{t("kinds")}</p>
      <input
        ref={picker}
        type="file"
        tabIndex={-1}
        aria-label={t("choose")}
        accept=".pem,.crt,.cer,.der,.p7b,.p7c,.txt,application/x-x509-ca-cert,application/pkix-cert,application/x-pem-file,application/x-pkcs7-certificates"
        className="sr-only"
        onChange={(event) => void takeFile(event.target.files?.[0])}
      />
    </div>
  );
}

function PasteField({
  text,
  setText,
  refusal,
  setRefusal,
  preview,
  take,
}: Readonly<ReturnType<typeof useUpload>>) {
  const t = useTranslations("certificates.upload");
  const id = useId();

  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="text-muted">
        {t("paste")}
      </label>
      <textarea
        id={id}
        value={text}
        rows={4}
        spellCheck={false}
        autoComplete="off"
        placeholder={t("pastePlaceholder")}
        className={cn(controlStyles, "px-2.5 py-1.5 font-mono text-code")}
        onChange={(event) => {
          const { value } = event.target;
          const pasted = (event.nativeEvent as InputEvent).inputType === "insertFromPaste";
          setText(value);
          // What is pasted is whole; what is typed is not before its last line.
          if (pasted || /-----END [A-Z0-9 ]+-----\s*$/.test(value)) {
            take(readPastedText(value));
          } else {
            setRefusal(null);
          }
        }}
        onBlur={() => {
          if (text.trim() !== "" && refusal === null && !preview.isPending) {
            take(readPastedText(text));
          }
        }}
      />
    </div>
  );
}
