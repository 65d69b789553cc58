"use client";

import { CalendarRange } from "lucide-react";
import { useTranslations } from "next-intl";
import { Popover } from "radix-ui";
import { type FormEvent, useState } from "react";
import { FilterChip, FilterMenu } from "@/components/data-table/filters";
import { SearchBox } from "@/components/data-table/search-box";
import { Button } from "@/components/ui/button";
import { Segmented } from "@/components/ui/choice";
import { Field, Input } from "@/components/ui/field";
import { useExactTime } from "@/components/ui/time";
import { auditOutcome, auditSeverity } from "@/lib/api/audit-events/schemas";
import {
  ACTION_FILTERS,
  type AuditFilters,
  fieldOfMoment,
  isFiltered,
  momentOfField,
  RANGES,
} from "./filters";
import { shortAction } from "./words";

/** Filters; what cannot be chosen from a menu (a target, a person) stands as a chip. */
export function AuditFilterBar({
  filters,
  zone,
  onChange,
  onClear,
  instancePage,
}: Readonly<{
  filters: AuditFilters;
  zone: "local" | "utc";
  onChange: (filters: Partial<AuditFilters>) => void;
  onClear: () => void;
  instancePage: boolean;
}>) {
  const t = useTranslations("audit");
  const tCommon = useTranslations("common");
  const exact = useExactTime();
  const bounded = filters.from !== null || filters.to !== null;
  const knownAction = ACTION_FILTERS.some(({ value }) => value === filters.action);
  const when = (text: string) => (Number.isNaN(new Date(text).getTime()) ? text : exact(text, zone));

  const rangeWords =
    filters.from && filters.to
      ? t("filter.fromTo", { from: when(filters.from), to: when(filters.to) })
      : filters.from
        ? t("filter.since", { from: when(filters.from) })
        : t("filter.until", { to: when(filters.to ?? "") });

  return (
    <div className="mb-3 flex min-w-0 flex-wrap items-center gap-2">
      <SearchBox
        label={t("search")}
        value={filters.q}
        onSearch={(q) => onChange({ q })}
        className="w-full sm:w-56"
      />
      <FilterMenu
        name={t("filter.action")}
        value={filters.action}
        anyLabel={t("filter.any")}
        options={ACTION_FILTERS.map(({ key, value }) => ({
          value: value as string,
          label: t(`actionGroup.${key}`),
        }))}
        onChange={(action) => onChange({ action })}
      />
      <FilterMenu
        name={t("filter.outcome")}
        value={filters.outcome}
        anyLabel={t("filter.any")}
        options={auditOutcome.options.map((value) => ({ value, label: t(`outcome.${value}`) }))}
        onChange={(outcome) => onChange({ outcome })}
      />
      <FilterMenu
        name={t("filter.severity")}
        value={filters.severity}
        anyLabel={t("filter.any")}
        options={auditSeverity.options.map((value) => ({ value, label: t(`severity.${value}`) }))}
        onChange={(severity) => onChange({ severity })}
      />
      {bounded ? (
        <FilterChip
          name={t("filter.range")}
          value={rangeWords}
          onRemove={() => onChange({ from: null, to: null })}
        />
      ) : null}
      {filters.action && !knownAction ? (
        <FilterChip
          name={t("filter.action")}
          value={shortAction(filters.action)}
          onRemove={() => onChange({ action: null })}
        />
      ) : null}
      {filters.initiator ? (
        <FilterChip
          name={t("filter.initiator")}
          value={filters.initiator}
          onRemove={() => onChange({ initiator: null })}
        />
      ) : null}
      {filters.targetId ? (
        <FilterChip
          name={t("filter.target")}
          value={filters.targetId}
          onRemove={() => onChange({ targetId: null })}
        />
      ) : null}
      {filters.instanceId && !instancePage ? (
        <FilterChip
          name={t("filter.instance")}
          value={filters.instanceId}
          onRemove={() => onChange({ instanceId: null })}
        />
      ) : null}
      {isFiltered(filters) ? (
        <Button variant="ghost" size="small" onClick={onClear}>
          {tCommon("clearFilters")}
        </Button>
      ) : null}
    </div>
  );
}

/** How far back, or from when to when. */
export function TimeRange({
  filters,
  zone,
  onChange,
}: Readonly<{
  filters: AuditFilters;
  zone: "local" | "utc";
  onChange: (filters: Partial<AuditFilters>) => void;
}>) {
  const t = useTranslations("audit");
  const bounded = filters.from !== null || filters.to !== null;

  return (
    <div className="flex min-w-0 flex-wrap items-center gap-2">
      <Segmented
        label={t("filter.range")}
        value={bounded ? undefined : filters.range}
        onValueChange={(range) => onChange({ range, from: null, to: null })}
        options={RANGES.map((range) => ({ value: range, label: t(`range.${range}`) }))}
      />
      <CustomRange filters={filters} zone={zone} onChange={onChange} />
    </div>
  );
}

/** Exact bounds by two fields, in the zone that the page shows. */
function CustomRange({
  filters,
  zone,
  onChange,
}: Readonly<{
  filters: AuditFilters;
  zone: "local" | "utc";
  onChange: (filters: Partial<AuditFilters>) => void;
}>) {
  const t = useTranslations("audit");
  const [open, setOpen] = useState(false);
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");

  const submit = (event: FormEvent) => {
    event.preventDefault();
    onChange({ from: momentOfField(from, zone), to: momentOfField(to, zone) });
    setOpen(false);
  };

  return (
    <Popover.Root
      open={open}
      onOpenChange={(next) => {
        if (next) {
          setFrom(fieldOfMoment(filters.from ?? undefined, zone));
          setTo(fieldOfMoment(filters.to ?? undefined, zone));
        }
        setOpen(next);
      }}
    >
      <Popover.Trigger asChild>
        <Button className="font-normal">
          <CalendarRange aria-hidden="true" className="text-muted" />
          {t("filter.custom")}
        </Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content
          align="start"
          sideOffset={4}
          collisionPadding={8}
          aria-label={t("filter.custom")}
          className="z-40 w-72 animate-fade rounded-panel border border-line bg-panel p-4 shadow-float"
        >
          <form onSubmit={submit} className="flex flex-col gap-3">
            <Field label={`${t("filter.from")} (${t(`zone.${zone}`)})`}>
              <Input type="datetime-local" value={from} onChange={(event) => setFrom(event.target.value)} />
            </Field>
            <Field label={`${t("filter.to")} (${t(`zone.${zone}`)})`}>
              <Input type="datetime-local" value={to} onChange={(event) => setTo(event.target.value)} />
            </Field>
            <Button type="submit" variant="primary">
              {t("filter.apply")}
            </Button>
          </form>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
