"use client";

import { useTranslations } from "next-intl";
import type { FilterField } from "@/components/data-table/filter-bar";
import type { Zone } from "@/components/ui/moments";
import { useExactTime } from "@/components/ui/time";
import { auditOutcome, auditSeverity } from "@/lib/api/audit-events/schemas";
import { ACTION_FILTERS, type AuditFilters } from "./filters";
import { shortAction } from "./words";

/** The filters of audit events; what cannot be chosen from a menu (a target, a person) stands as a chip. */
export function useAuditFields(
  values: AuditFilters,
  zone: Zone,
  instancePage: boolean,
): FilterField<AuditFilters>[] {
  const t = useTranslations("audit");
  const range = useRangeWords()(values, zone);
  const knownAction = ACTION_FILTERS.some(({ value }) => value === values.action);
  const any = t("filter.any");

  return [
    { kind: "search", name: "q", label: t("search"), className: "w-full sm:w-56" },
    {
      kind: "menu",
      name: "action",
      label: t("filter.action"),
      any,
      options: ACTION_FILTERS.map(({ key, value }) => ({ value, label: t(`actionGroup.${key}`) })),
    },
    {
      kind: "menu",
      name: "outcome",
      label: t("filter.outcome"),
      any,
      options: auditOutcome.options.map((value) => ({ value, label: t(`outcome.${value}`) })),
    },
    {
      kind: "menu",
      name: "severity",
      label: t("filter.severity"),
      any,
      options: auditSeverity.options.map((value) => ({ value, label: t(`severity.${value}`) })),
    },
    { kind: "chip", names: ["from", "to"], label: t("filter.range"), value: range },
    {
      kind: "chip",
      names: ["action"],
      label: t("filter.action"),
      value: values.action && !knownAction ? shortAction(values.action) : null,
    },
    { kind: "chip", names: ["initiator"], label: t("filter.initiator"), value: values.initiator },
    { kind: "chip", names: ["targetId"], label: t("filter.target"), value: values.targetId },
    {
      kind: "chip",
      names: ["instanceId"],
      label: t("filter.instance"),
      value: instancePage ? null : values.instanceId,
    },
  ];
}

/** Words the exact bounds; null when there are none. */
function useRangeWords(): (bounds: Pick<AuditFilters, "from" | "to">, zone: Zone) => string | null {
  const t = useTranslations("audit.filter");
  const exact = useExactTime();

  return ({ from, to }, zone) => {
    const when = (text: string) => (Number.isNaN(new Date(text).getTime()) ? text : exact(text, zone));

    if (from && to) {
      return t("fromTo", { from: when(from), to: when(to) });
    }
    if (from) {
      return t("since", { from: when(from) });
    }

    return from === null && to === null ? null : t("until", { to: when(to ?? "") });
  };
}
