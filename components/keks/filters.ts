import { parseAsString, parseAsStringLiteral } from "nuqs/server";
import { defineFilters, type FilterValues } from "@/components/data-table/define-filters";
import { kekState } from "@/lib/api/keks/schemas";

export const KEKS_PER_PAGE = 50;
export const USAGES = ["recent", "unused30d", "unused90d", "never"] as const;
export const SORTS = ["-createdAt", "createdAt", "lastServedAt", "name"] as const;
export type Sort = (typeof SORTS)[number];
export const DEFAULT_SORT = "-createdAt" satisfies Sort;

/** Filters of the KEK table as they stand in the URL. */
export const kekFilters = defineFilters(
  {
    state: parseAsStringLiteral(kekState.options),
    search: parseAsString.withDefault(""),
    crkVersion: parseAsString,
    certificateId: parseAsString,
    usage: parseAsStringLiteral(USAGES),
    sort: parseAsStringLiteral(SORTS).withDefault(DEFAULT_SORT),
  },
  { beside: ["sort"] },
);

export const loadKekFilters = kekFilters.load;
export type KekFilters = FilterValues<typeof kekFilters>;

/** The API's query for the filters, the same on the server and in the browser. */
export function kekListQuery(filters: KekFilters) {
  return {
    limit: KEKS_PER_PAGE,
    sort: filters.sort,
    state: filters.state ?? undefined,
    search: filters.search || undefined,
    crkVersion: filters.crkVersion ?? undefined,
    certificateId: /^[0-9a-f-]{36}$/i.test(filters.certificateId ?? "")
      ? (filters.certificateId ?? undefined)
      : undefined,
    usage: filters.usage ?? undefined,
  };
}
