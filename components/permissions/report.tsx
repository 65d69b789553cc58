"use client";

import { useTranslations } from "next-intl";
import type { ReactNode } from "react";
import { ShapeMark, StateBadge, type Tone } from "@/components/ui/badge";
import { cn } from "@/components/ui/cn";
import { CodeBlock } from "@/components/ui/copy";
import { Spinner } from "@/components/ui/spinner";
import type { PermissionCheckItem, PermissionReport } from "@/lib/api/key-managers/schemas";
import { useCheckTexts } from "./use-check-texts";

const CHECK_TONES: Record<PermissionCheckItem["status"], Tone> = {
  pass: "ok",
  warn: "warn",
  fail: "bad",
  skipped: "idle",
};

/** How a report came out, in a badge. */
export function ReportBadge({ report }: Readonly<{ report: Pick<PermissionReport, "checks"> }>) {
  const t = useTranslations("permissions");
  const count = report.checks.length;
  const failed = report.checks.filter((check) => check.status === "fail").length;
  const warnings = report.checks.filter((check) => check.status === "warn").length;

  if (failed > 0) {
    return <StateBadge tone="bad">{t("someFail", { failed, count })}</StateBadge>;
  }
  if (warnings > 0) {
    return <StateBadge tone="warn">{t("warnings", { count: warnings })}</StateBadge>;
  }

  return <StateBadge tone="ok">{t("allPass", { count })}</StateBadge>;
}

/** Every check with what it found; a failure with its cause, what to do, and the command that does it. */
export function ReportChecks({ checks }: Readonly<{ checks: readonly PermissionCheckItem[] }>) {
  return (
    <ul className="divide-y divide-line">
      {checks.map((check) => (
        <CheckRow key={check.id} check={check} />
      ))}
    </ul>
  );
}

function CheckRow({ check }: Readonly<{ check: PermissionCheckItem }>) {
  const t = useTranslations("permissions");
  const tCommon = useTranslations("common");
  const words = useCheckTexts()(check);
  const tone = CHECK_TONES[check.status];
  const quiet = check.status === "skipped";

  return (
    <li className="flex gap-3 px-4 py-2.5" data-check={check.id} data-status={check.status}>
      <ShapeMark shape={tone} tone={tone} className="mt-[5px] size-2.5" />
      <div className="min-w-0 flex-1">
        <p className={cn(check.status === "fail" && "font-semibold", quiet && "text-muted")}>
          <span className="sr-only">{t(check.status)}: </span>
          {words.title}
        </p>
        <p className="break-anywhere text-muted">{words.detail}</p>
        {check.status !== "pass" && words.remedy ? (
          <p className="mt-1.5 break-anywhere">{words.remedy}</p>
        ) : null}
        {check.status !== "pass" && check.command ? (
          <CodeBlock code={check.command} what={t("command")} wrap className="mt-2" />
        ) : null}
      </div>
      {check.durationMs && !quiet ? (
        <span className="tabular shrink-0 text-label text-muted">
          {tCommon("ms", { value: Math.max(1, Math.round(check.durationMs)) })}
        </span>
      ) : null}
    </li>
  );
}

/** While checks run. Default words: permission checks'. */
export function ReportRunning({
  action,
  title,
  hint,
}: Readonly<{ action?: ReactNode; title?: string; hint?: string }>) {
  const t = useTranslations("permissions");

  return (
    <div role="status" className="flex items-start gap-3 px-4 py-4">
      <Spinner className="mt-0.5 text-accent" />
      <div className="min-w-0 flex-1">
        <p>{title ?? t("running")}</p>
        <p className="text-muted">{hint ?? t("runningHint")}</p>
      </div>
      {action}
    </div>
  );
}
