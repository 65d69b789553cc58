"use client";

import { useTranslations } from "next-intl";
import type { Shape, Tone } from "@/components/ui/badge";
import { StateBadge } from "@/components/ui/badge";
import type { Instance, InstanceStatus } from "@/lib/api/instances/schemas";
import type { Messages } from "@/lib/i18n/messages";

const LOOK: Record<InstanceStatus, { tone: Tone; shape: Shape }> = {
  installing: { tone: "accent", shape: "idle" },
  inactive: { tone: "idle", shape: "idle" },
  configuring: { tone: "accent", shape: "idle" },
  installed: { tone: "ok", shape: "ok" },
  attention: { tone: "warn", shape: "warn" },
  removing: { tone: "idle", shape: "gone" },
};

/** States that pass by themselves: pages look again every few seconds while one holds. */
export function isSettling(status: InstanceStatus): boolean {
  return status === "installing" || status === "configuring" || status === "removing";
}

/** An instance's state: shape, word, colour. */
export function StatusBadge({ status }: Readonly<{ status: InstanceStatus }>) {
  const t = useTranslations("instances.status");

  return <StateBadge {...LOOK[status]}>{t(status)}</StateBadge>;
}

type ReasonCode = keyof Messages["instances"]["statusReason"];

/** Words why an instance needs attention; an unknown code is shown as it is. */
export function useStatusReason(): (instance: Pick<Instance, "statusReason">) => string | null {
  const t = useTranslations("instances.statusReason");

  return ({ statusReason }) => {
    if (statusReason === null) {
      return null;
    }
    const code = statusReason as ReasonCode;

    return t.has(code) ? t(code) : statusReason;
  };
}
