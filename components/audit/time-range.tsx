"use client";

import { CalendarRange } from "lucide-react";
import { useTranslations } from "next-intl";
import { Popover } from "radix-ui";
import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { Segmented } from "@/components/ui/choice";
import { Field, Input } from "@/components/ui/field";
import { fieldOfMoment, momentOfField, type Zone } from "@/components/ui/moments";
import { type AuditFilters, RANGES } from "./filters";

/** How far back, or from when to when. */
export function TimeRange({
  filters,
  zone,
  onChange,
}: Readonly<{
  filters: AuditFilters;
  zone: Zone;
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
  zone: Zone;
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
