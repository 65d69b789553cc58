"use client";

import { useTranslations } from "next-intl";
import type { ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { cn } from "@/components/ui/cn";
import { FilterChip, FilterMenu } from "./filters";
import { SearchBox } from "./search-box";
import type { Filters } from "./use-filters";

/** How a filter is shown and changed. */
export type FilterField<Values> =
  | { kind: "search"; name: keyof Values & string; label: string; className?: string }
  | {
      kind: "menu";
      name: keyof Values & string;
      label: string;
      /** Words of the filter's absence, or of its default. */
      any: string;
      options: readonly { value: string; label: ReactNode }[];
      /** Stands at the end of the bar, behind what narrows the list. */
      atEnd?: boolean;
    }
  /** What cannot be chosen here: it comes from a link, and can be taken away. Shown while it has a value. */
  | { kind: "chip"; names: readonly (keyof Values & string)[]; label: string; value: ReactNode };

type Props<Values> = {
  filters: Filters<Values>;
  fields: readonly FilterField<Values>[];
  /** Inside of the list's panel, or above it. */
  inside?: boolean;
};

/** The filters of a list in the order of `fields`, and the button that takes all of them away. */
export function FilterBar<Values>({ filters, fields, inside = false }: Readonly<Props<Values>>) {
  const t = useTranslations("common");
  const atEnd = (field: FilterField<Values>) => field.kind === "menu" && field.atEnd === true;
  const ending = fields.filter(atEnd);

  return (
    <div
      className={cn(
        "flex min-w-0 flex-wrap items-center gap-2",
        inside ? "border-line border-b px-4 py-3" : "mb-3",
      )}
    >
      {fields
        .filter((field) => !atEnd(field))
        .map((field) => (
          <FilterControl key={keyOf(field)} filters={filters} field={field} />
        ))}
      {filters.isFiltered ? (
        <Button variant="ghost" size="small" onClick={filters.clear}>
          {t("clearFilters")}
        </Button>
      ) : null}
      {ending.length > 0 ? (
        <div className="sm:ms-auto">
          {ending.map((field) => (
            <FilterControl key={keyOf(field)} filters={filters} field={field} />
          ))}
        </div>
      ) : null}
    </div>
  );
}

function keyOf<Values>(field: FilterField<Values>): string {
  return field.kind === "chip" ? `chip ${field.names.join(" ")}` : `${field.kind} ${field.name}`;
}

function FilterControl<Values>({
  filters,
  field,
}: Readonly<{ filters: Filters<Values>; field: FilterField<Values> }>) {
  const set = (names: readonly (keyof Values)[], value: string | null) =>
    filters.set(Object.fromEntries(names.map((name) => [name, value])) as Parameters<typeof filters.set>[0]);

  if (field.kind === "chip") {
    return field.value ? (
      <FilterChip name={field.label} value={field.value} onRemove={() => set(field.names, null)} />
    ) : null;
  }

  const held = filters.values[field.name];
  const value = typeof held === "string" ? held : null;

  if (field.kind === "search") {
    return (
      <SearchBox
        label={field.label}
        value={value ?? ""}
        onSearch={(text) => set([field.name], text === "" ? null : text)}
        className={field.className ?? "w-full sm:w-72"}
      />
    );
  }

  return (
    <FilterMenu
      name={field.label}
      value={value === filters.defaults[field.name] ? null : value}
      anyLabel={field.any}
      options={field.options}
      onChange={(next) => set([field.name], next)}
    />
  );
}
