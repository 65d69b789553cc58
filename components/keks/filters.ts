import { createLoader, parseAsString, parseAsStringLiteral } from "nuqs/server";
import { kekState } from "@/lib/api/keks/schemas";

export const KEKS_PER_PAGE = 50;
export const USAGES = ["recent", "unused30d", "unused90d", "never"] as const;
export const SORTS = ["-createdAt", "createdAt", "lastServedAt", "name"] as const;
export type Sort = (typeof SORTS)[number];

/** Filters of the KEK table as they stand in the URL. */
export const kekFilterParsers = {
  state: parseAsStringLiteral(kekState.options),
  search: parseAsString.withDefault(""),
  crkVersion: parseAsString,
  certificateId: parseAsString,
  usage: parseAsStringLiteral(USAGES),
  sort: parseAsStringLiteral(SORTS).withDefault("-createdAt"),
};

export const loadKekFilters = createLoader(kekFilterParsers);
export type KekFilters = Awaited<ReturnType<typeof loadKekFilters>>;

/** True when something narrows the list. */
export function isFiltered({ state, search, crkVersion, certificateId, usage }: KekFilters): boolean {
  return Boolean(state || search || crkVersion || certificateId || usage);
}

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
