import "server-only";
import type { QueryClient } from "@tanstack/react-query";
import type { Authenticated } from "@/lib/auth";
import { requireRole } from "@/lib/core/actor";
import { handlerOf, type KnownOperation } from "../handlers";
import { parseParams, parseQuery, toJson } from "./handler";
import { isList, operationUrl, type ResponseOf } from "./operation";
import { PAGES, type QueryInput, queryKey } from "./query";

/** A read of the API that answers JSON. */
type ReadOperation = KnownOperation & { readonly method: "GET"; readonly response: unknown };

/** Reads an operation into the cache of a page's client components; of a list, its first page. */
export type Read = <O extends ReadOperation>(operation: O, values: QueryInput<O>) => Promise<unknown>;

async function answer<O extends ReadOperation>(
  operation: O,
  values: QueryInput<O>,
  authenticated: Authenticated,
): Promise<ResponseOf<O>> {
  const { actor } = authenticated;
  requireRole(actor, operation.role);
  const { searchParams } = new URL(operationUrl(operation, values), "http://localhost");
  const result = await handlerOf(operation)({
    actor,
    authenticated,
    params: parseParams(operation, values),
    query: parseQuery(operation, searchParams),
    body: undefined,
    signal: new AbortController().signal,
    stillAllowed: async () => true,
  });

  return toJson(operation, result);
}

/**
 * The options of the browser's `query`, but answered in this process, as the operation's route would answer.
 * Its function throws what the route would make a problem document of.
 */
export function prefetch<O extends ReadOperation>(
  operation: O,
  values: QueryInput<O>,
  authenticated: Authenticated,
) {
  return {
    queryKey: queryKey(operation, values),
    queryFn: () => answer(operation, values, authenticated),
  };
}

/** Prefetches for somebody into a client's cache; what fails, fails. */
export function prefetchInto(client: QueryClient, authenticated: Authenticated): Read {
  return (operation, values) => {
    const options = prefetch(operation, values, authenticated);

    return isList(operation)
      ? client.fetchInfiniteQuery({ ...options, ...PAGES })
      : client.fetchQuery(options);
  };
}
