"use client";

import { useQueryStates } from "nuqs";
import type { inferParserType, Nullable, ParserMap } from "nuqs/server";
import type { defineFilters } from "./define-filters";

export type Filters<Values> = {
  values: Values;
  /** What each filter is when the URL does not name it. */
  defaults: Readonly<Partial<Record<keyof Values, unknown>>>;
  /** Changes some; null takes a filter away. */
  set: (patch: Partial<Nullable<Values>>) => void;
  /** Takes away everything that narrows the list. */
  clear: () => void;
  isFiltered: boolean;
  /** Another text for other filters. */
  key: string;
};

/**
 * The filters of a list, kept in the URL.
 * @param onChange is called before each change, e.g. to forget what was selected in the list before
 */
export function useFilters<Parsers extends ParserMap>(
  definition: ReturnType<typeof defineFilters<Parsers>>,
  onChange?: () => void,
): Filters<inferParserType<Parsers>> {
  type Values = inferParserType<Parsers>;

  const [state, setState] = useQueryStates(definition.parsers, { clearOnDefault: true });
  const values = state as Values;
  const set = (patch: Partial<Nullable<Values>>) => {
    onChange?.();
    void setState(patch as Parameters<typeof setState>[0]);
  };

  return {
    values,
    defaults: Object.fromEntries(
      Object.entries(definition.parsers).map(([name, parser]) => [name, parser.defaultValue ?? null]),
    ) as Filters<Values>["defaults"],
    set,
    clear: () =>
      set(Object.fromEntries(definition.narrowing.map((name) => [name, null])) as Partial<Nullable<Values>>),
    isFiltered: definition.isFiltered(values),
    key: JSON.stringify(values),
  };
}
