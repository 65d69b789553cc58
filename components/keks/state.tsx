"use client";

import { useTranslations } from "next-intl";
import { type Shape, StateBadge, type Tone } from "@/components/ui/badge";
import { Tooltip } from "@/components/ui/tooltip";
import type { Kek, KekState } from "@/lib/api/keks/schemas";
import type { Messages } from "@/lib/i18n/messages";

const LOOK: Record<KekState, { tone: Tone; shape: Shape }> = {
  preActive: { tone: "idle", shape: "idle" },
  active: { tone: "ok", shape: "ok" },
  deactivated: { tone: "warn", shape: "warn" },
  compromised: { tone: "bad", shape: "bad" },
  destroyed: { tone: "idle", shape: "gone" },
  destroyedCompromised: { tone: "idle", shape: "gone" },
};

/** True when the KEK's material is gone. */
export function isDestroyed(state: KekState): boolean {
  return state === "destroyed" || state === "destroyedCompromised";
}

/** KMIP state of a KEK, and beside it that the console keeps it back. */
export function KekStateBadge({ kek }: Readonly<{ kek: Pick<Kek, "state" | "served" | "blocked"> }>) {
  const t = useTranslations("keks");

  return (
    <span className="inline-flex items-center gap-1.5">
      <StateBadge {...LOOK[kek.state]}>{t(`state.${kek.state}`)}</StateBadge>
      {kek.blocked ? (
        <Tooltip content={t("blockedHint")}>
          <span className="whitespace-nowrap text-label text-muted">{t("blocked")}</span>
        </Tooltip>
      ) : null}
    </span>
  );
}

/** Words a revocation reason; what a client of KMIP gave under another name is shown as it is. */
export function useReasonWords(): (reason: string) => string {
  const t = useTranslations("keks.reason");

  return (reason) => {
    const known = (reason.slice(0, 1).toLowerCase() + reason.slice(1)) as keyof Messages["keks"]["reason"];

    return t.has(known) ? t(known) : reason;
  };
}
