/** Queries of @tanstack/react-query, made from operations: the same keys in the browser and at prefetch. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { call } from "./call";
import {
  type InputOf,
  isList,
  type ListOperation,
  type Operation,
  type ResponseOf,
  setValues,
  type ValuesOf,
} from "./operation";

/** Values of a query; the cursor of a list is the query's page parameter. */
export type QueryInput<O extends Operation> = Omit<ValuesOf<O>, "cursor">;

type Page = { readonly nextCursor: string | null };

/** How lists are read on, in the browser and at prefetch. */
export const PAGES = {
  initialPageParam: null as string | null,
  getNextPageParam: (last: Page) => last.nextCursor,
};

/** Prefix of the keys of all queries of an operation's resource, or of those with these values: for invalidation. */
export function resourceKey({ resource }: Operation, values: Readonly<Record<string, unknown>> = {}) {
  return [resource, setValues(values)] as const;
}

/**
 * Key of a query. As a filter (react-query compares keys in part) it stands for every query of the operation whose
 * input has these values among others: `queryKey(listInstances)` is every list of instances.
 */
export function queryKey<O extends Operation>(operation: O, values: Partial<QueryInput<O>> = {}) {
  return [...resourceKey(operation, values), operation.id] as const;
}

function page<O extends ListOperation>(operation: O, values: QueryInput<O>) {
  return infiniteQueryOptions({
    queryKey: queryKey(operation, values),
    queryFn: ({ pageParam, signal }): Promise<ResponseOf<O> & Page> => {
      const input: object = { ...values, cursor: pageParam };

      return call(operation, input as InputOf<O>, { signal }) as Promise<ResponseOf<O> & Page>;
    },
    ...PAGES,
  });
}

function single<O extends Operation>(operation: O, values: QueryInput<O>) {
  const input: object = values;

  return queryOptions({
    queryKey: queryKey(operation, values),
    queryFn: ({ signal }) => call(operation, input as InputOf<O>, { signal }),
  });
}

/**
 * Options of a query: for `useInfiniteQuery` where the operation is a list that is read page by page, for `useQuery`
 * otherwise.
 */
export function query<O extends ListOperation>(
  operation: O,
  values: QueryInput<O>,
): ReturnType<typeof page<O>>;
export function query<O extends Operation>(operation: O, values: QueryInput<O>): ReturnType<typeof single<O>>;
export function query(operation: Operation, values: QueryInput<Operation>): object {
  return isList(operation) ? page(operation, values) : single(operation, values);
}
