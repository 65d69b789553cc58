"use client";

import { useFormatter, useNow, useTranslations } from "next-intl";
import { ShapeMark } from "@/components/ui/badge";
import type { CertificateFinding } from "@/lib/api/client-certificates/schemas";
import { findingText, type JudgedCertificate } from "./finding-text";

/** What is wrong or unusual with a certificate; an unknown code shows the server's words. */
export function Findings({
  certificate,
}: Readonly<{ certificate: JudgedCertificate & { readonly findings: readonly CertificateFinding[] } }>) {
  const t = useTranslations("certificates.findings");
  const translate = useTranslations();
  const format = useFormatter();
  const now = useNow();
  const { findings } = certificate;
  const day = (moment: string) =>
    format.dateTime(new Date(moment), { year: "numeric", month: "short", day: "numeric" });

  if (findings.length === 0) {
    return (
      <p className="flex gap-2">
        <ShapeMark shape="ok" tone="ok" className="mt-[5.5px]" />
        {t("none")}
      </p>
    );
  }

  return (
    <ul aria-label={t("title")} className="flex flex-col gap-1.5">
      {findings.map((finding) => {
        const tone = finding.severity === "error" ? "bad" : "warn";

        return (
          <li key={`${finding.code}-${finding.message}`} className="flex gap-2" data-finding={finding.code}>
            <ShapeMark shape={tone} tone={tone} className="mt-[5.5px]" />
            <span className="min-w-0 break-anywhere">
              <span className="font-medium">{t(finding.severity)}: </span>
              {findingText(translate, finding.code, certificate, { now, day, params: finding.params }) ??
                finding.message}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
