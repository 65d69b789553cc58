"use client";

import { useLocale, useTranslations } from "next-intl";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy";
import { Notice } from "@/components/ui/notice";
import { ApiError } from "@/lib/api/contract/call";
import type { Problem } from "@/lib/api/contract/common";
import type { Messages } from "@/lib/i18n/messages";

type Code = keyof Messages["errors"]["codes"];
type HintCode = keyof Messages["errors"]["hints"];
type CauseCode = keyof Messages["errors"]["keyManager"]["cause"];

export type ProblemWords = {
  title: string;
  /** The server's own sentence: it names the particulars. */
  detail: string | null;
  /** What to do, in the reader's language. */
  hint: string | null;
  requestId: string | null;
  code: string;
};

/** The problem document of a failed call; anything else is a fault of the console itself. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) {
    return error.problem;
  }

  return {
    type: "about:blank",
    title: "",
    status: 0,
    code: "INTERNAL",
    detail: error instanceof Error ? error.message : String(error),
    requestId: "",
  };
}

/** The key manager's own code, where the failure is one of its. */
function keyManagerCode(problem: Problem): string | null {
  const { keyManager } = problem;

  return typeof keyManager === "object" && keyManager !== null && "code" in keyManager
    ? String(keyManager.code)
    : null;
}

/** Words an error: the stable code in the reader's language, the server's text beside it. */
export function useProblemWords(): (error: unknown) => ProblemWords {
  const t = useTranslations("errors");

  return (error) => {
    const problem = problemOf(error);
    const code = problem.code as Code;
    const hintCode = problem.code as HintCode;
    const cause = keyManagerCode(problem) as CauseCode | null;
    // Only a refused schema is told field by field; any other code has a sentence of its own.
    const invalid = (problem.code === "VALIDATION_FAILED" ? (problem.invalidParams ?? []) : [])
      .map((param) => `${param.name} ${param.reason}`)
      .join("; ");

    // The key manager's code has words of its own, in every language.
    if (cause !== null && t.has(`keyManager.cause.${cause}`)) {
      return {
        title: t(`keyManager.cause.${cause}`),
        detail: null,
        hint: t(`keyManager.remedy.${cause}`),
        requestId: problem.requestId || null,
        code: cause,
      };
    }

    return {
      title: t.has(`codes.${code}`) ? t(`codes.${code}`) : problem.title || problem.detail,
      // No server said anything: the title is all there is.
      detail: problem.code === "UNREACHABLE" ? null : invalid || problem.detail || null,
      hint: t.has(`hints.${hintCode}`) ? t(`hints.${hintCode}`) : null,
      requestId: problem.requestId || null,
      code: problem.code,
    };
  };
}

/** An error where it happened: what, why, what to do, and the id that finds it in the log. */
export function ProblemNotice({
  error,
  title,
  onRetry,
  className,
  children,
}: Readonly<{
  error: unknown;
  /** What could not be done; the error's own title follows as the reason. */
  title?: ReactNode;
  onRetry?: () => void;
  className?: string;
  children?: ReactNode;
}>) {
  const t = useTranslations("errors");
  const tCommon = useTranslations("common");
  const locale = useLocale();
  const words = useProblemWords()(error);
  const detail = words.detail === words.title ? null : words.detail;

  return (
    <Notice
      tone="bad"
      live
      className={className}
      title={title ?? words.title}
      actions={
        onRetry ? (
          <Button size="small" onClick={onRetry}>
            {tCommon("retry")}
          </Button>
        ) : undefined
      }
    >
      {title ? <p>{words.title}</p> : null}
      {detail ? <p lang="en">{locale === "en" ? detail : t("serverSays", { detail })}</p> : null}
      {words.hint ? <p>{words.hint}</p> : null}
      {children}
      {words.requestId ? (
        <p className="mt-1 flex items-center gap-1 text-label text-muted">
          <span className="font-mono">{t("requestId", { id: words.requestId })}</span>
          <CopyButton value={words.requestId} what={t("requestIdName")} />
        </p>
      ) : null}
    </Notice>
  );
}
