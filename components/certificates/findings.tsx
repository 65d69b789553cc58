"use client";

import { useTranslations } from "next-intl";
import { ShapeMark } from "@/components/ui/badge";
import type { CertificateFinding } from "@/lib/api/client-certificates/schemas";
import type { Messages } from "@/lib/i18n/messages";

type FindingCode = Exclude<
  keyof Messages["certificates"]["findings"],
  "title" | "none" | "error" | "warning"
>;

/** What is wrong or unusual with a certificate; an unknown code shows the server's words. */
export function Findings({ findings }: Readonly<{ findings: readonly CertificateFinding[] }>) {
  const t = useTranslations("certificates.findings");

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
        const code = finding.code as FindingCode;
        const tone = finding.severity === "error" ? "bad" : "warn";

        return (
          <li key={`${finding.code}-${finding.message}`} className="flex gap-2" data-finding={finding.code}>
            <ShapeMark shape={tone} tone={tone} className="mt-[5.5px]" />
            <span className="min-w-0 break-anywhere">
              <span className="font-medium">{t(finding.severity)}: </span>
              {t.has(code) ? t(code) : finding.message}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
