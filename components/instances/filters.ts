import { parseAsString, parseAsStringEnum } from "nuqs/server";
import { defineFilters, type FilterValues } from "@/components/data-table/define-filters";
import { instanceStatus } from "@/lib/api/instances/schemas";

export const PER_PAGE = 50;

/** The list's filters as they stand in the URL. */
export const instanceFilters = defineFilters({
  search: parseAsString.withDefault(""),
  status: parseAsStringEnum([...instanceStatus.options]),
});

/** The API's query for deleted instances. */
export const DELETED_INSTANCES = { limit: PER_PAGE, deleted: "true" } as const;

export const loadInstanceFilters = instanceFilters.load;

/** The API's query for the filters; the same on the server and in the browser, so that prefetched data is found. */
export function instanceListQuery(filters: FilterValues<typeof instanceFilters>) {
  return {
    limit: PER_PAGE,
    search: filters.search === "" ? undefined : filters.search,
    status: filters.status ?? undefined,
  };
}
