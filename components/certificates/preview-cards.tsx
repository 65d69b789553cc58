"use client";

import { useTranslations } from "next-intl";
import { Checkbox } from "@/components/ui/choice";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import type { Chosen } from "./chosen";
import { isBlocked } from "./chosen";
import { CertificateFacts } from "./facts";
import { Findings } from "./findings";
import type { PreviewedCertificate } from "./upload-field";

/** The certificates of an upload as they were parsed: what they say, what is odd, and the name to keep them by. */
export function PreviewCards({
  chosen,
  onChange,
  nameErrors = false,
}: Readonly<{
  chosen: readonly Chosen<PreviewedCertificate>[];
  onChange: (chosen: Chosen<PreviewedCertificate>[]) => void;
  /** Shows which names are missing. */
  nameErrors?: boolean;
}>) {
  const t = useTranslations("certificates.upload");
  const several = chosen.length > 1;

  const change = (index: number, patch: Partial<Chosen<PreviewedCertificate>>) =>
    onChange(chosen.map((entry, at) => (at === index ? { ...entry, ...patch } : entry)));

  return (
    <div className="flex flex-col gap-3">
      {several ? <p className="text-muted">{t("several", { count: chosen.length })}</p> : null}
      {chosen.map((entry, index) => {
        const blocked = isBlocked(entry.certificate);

        return (
          <div
            key={`${entry.certificate.sha256}-${entry.certificate.serialNumber}`}
            className="flex flex-col gap-3 rounded-panel border border-line bg-sunk px-3.5 py-3"
          >
            {several && !blocked ? (
              <Checkbox
                checked={entry.included}
                onCheckedChange={(included) => change(index, { included })}
                label={t("include")}
              />
            ) : null}
            {entry.included ? (
              <Field
                label={t("name")}
                hint={t("nameHint")}
                error={nameErrors && entry.name.trim() === "" ? t("nameNeeded") : undefined}
              >
                <Input
                  value={entry.name}
                  maxLength={80}
                  onChange={(event) => change(index, { name: event.target.value })}
                />
              </Field>
            ) : null}
            {blocked ? <Notice tone="bad" live title={t("blocked")} /> : null}
            <Findings certificate={entry.certificate} />
            <CertificateFacts certificate={entry.certificate} />
          </div>
        );
      })}
    </div>
  );
}
