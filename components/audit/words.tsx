"use client";

import { useTranslations } from "next-intl";
import { ShapeMark, type Tone } from "@/components/ui/badge";
import type { AuditEvent } from "@/lib/api/audit-events/schemas";
import type { Messages } from "@/lib/i18n/messages";

const PREFIX = "vmware-solutions.";
type ActionKey = keyof Messages["audit"]["actions"];

/** An action without the prefix that all of them share. */
export function shortAction(action: string): string {
  return action.startsWith(PREFIX) ? action.slice(PREFIX.length) : action;
}

/** Words what an event is about; an action of a newer server is shown by its name. */
export function useActionWords(): (action: string) => string {
  const t = useTranslations("audit.actions");

  return (action) => {
    const key = shortAction(action).replaceAll(".", "_") as ActionKey;

    return t.has(key) ? t(key) : shortAction(action);
  };
}

const OUTCOME_TONES: Record<AuditEvent["outcome"], Tone> = {
  success: "ok",
  failure: "bad",
  pending: "idle",
};

/** Outcome as shape and word. */
export function Outcome({
  outcome,
  compact = false,
}: Readonly<{
  outcome: AuditEvent["outcome"];
  /** On narrow screens the word is only read out. */
  compact?: boolean;
}>) {
  const t = useTranslations("audit.outcome");
  const tone = OUTCOME_TONES[outcome];

  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap">
      <ShapeMark shape={tone} tone={tone} />
      <span className={compact ? "max-sm:sr-only" : undefined}>{t(outcome)}</span>
    </span>
  );
}
