import { createLoader, parseAsString, parseAsStringEnum } from "nuqs/server";
import { instanceStatus } from "@/lib/api/instances/schemas";

export const PER_PAGE = 50;

/** The list's filters as they stand in the URL. */
export const instanceFilters = {
  search: parseAsString.withDefault(""),
  status: parseAsStringEnum([...instanceStatus.options]),
};

export const loadInstanceFilters = createLoader(instanceFilters);

/** The API's query for the filters; the same on the server and in the browser, so that prefetched data is found. */
export function instanceListQuery(filters: Awaited<ReturnType<typeof loadInstanceFilters>>) {
  return {
    limit: PER_PAGE,
    search: filters.search === "" ? undefined : filters.search,
    status: filters.status ?? undefined,
  };
}
