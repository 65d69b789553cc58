/**
 * Query options per resource for @tanstack/react-query in the browser. Everything with a cursor is an
 * infinite query (useInfiniteQuery / useSuspenseInfiniteQuery), everything else a plain one.
 */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, type CallOptions } from "./client";
import type { Operation, QueryInputOf } from "./contract/operation";
import type * as operations from "./operations";
import { queryKeys } from "./query-keys";

/** Filters of a list; the cursor is the query's page parameter. */
export type ListQuery<O extends Operation> = Omit<QueryInputOf<O>, "cursor">;

export const FIRST_PAGE = null;

type Page = { readonly nextCursor: string | null };

function pages<const Key extends readonly unknown[], P extends Page>(
  queryKey: Key,
  load: (cursor: string | undefined, options: CallOptions) => Promise<P>,
) {
  return infiniteQueryOptions({
    queryKey,
    queryFn: ({ pageParam, signal }) => load(pageParam ?? undefined, { signal }),
    initialPageParam: FIRST_PAGE as string | null,
    getNextPageParam: (last) => last.nextCursor,
  });
}

type Ops = typeof operations;

export const queries = {
  me: () => queryOptions({ queryKey: queryKeys.me(), queryFn: ({ signal }) => api.me.get({ signal }) }),

  instances: {
    list: (query: ListQuery<Ops["listInstances"]> = {}) =>
      pages(queryKeys.instances.list(query), (cursor, options) =>
        api.instances.list({ ...query, cursor }, options),
      ),
    detail: (id: string) =>
      queryOptions({
        queryKey: queryKeys.instances.detail(id),
        queryFn: ({ signal }) => api.instances.get(id, { signal }),
      }),
    rewrap: (id: string) =>
      queryOptions({
        queryKey: queryKeys.instances.rewrap(id),
        queryFn: ({ signal }) => api.instances.rewrap(id, { signal }),
      }),
  },

  permissionChecks: {
    list: (id: string, query: ListQuery<Ops["listPermissionChecks"]> = {}) =>
      pages(queryKeys.permissionChecks.list(id, query), (cursor, options) =>
        api.permissionChecks.list(id, { ...query, cursor }, options),
      ),
  },

  clientCertificates: {
    list: (id: string, query: ListQuery<Ops["listClientCertificates"]> = {}) =>
      pages(queryKeys.clientCertificates.list(id, query), (cursor, options) =>
        api.clientCertificates.list(id, { ...query, cursor }, options),
      ),
    detail: (id: string, certificateId: string) =>
      queryOptions({
        queryKey: queryKeys.clientCertificates.detail(id, certificateId),
        queryFn: ({ signal }) => api.clientCertificates.get(id, certificateId, { signal }),
      }),
  },

  keks: {
    list: (id: string, query: ListQuery<Ops["listKeks"]> = {}) =>
      pages(queryKeys.keks.list(id, query), (cursor, options) =>
        api.keks.list(id, { ...query, cursor }, options),
      ),
    detail: (id: string, uniqueIdentifier: string) =>
      queryOptions({
        queryKey: queryKeys.keks.detail(id, uniqueIdentifier),
        queryFn: ({ signal }) => api.keks.get(id, uniqueIdentifier, { signal }),
      }),
    impact: (id: string, uniqueIdentifier: string) =>
      queryOptions({
        queryKey: queryKeys.keks.impact(id, uniqueIdentifier),
        queryFn: ({ signal }) => api.keks.impact(id, uniqueIdentifier, { signal }),
        // Somebody decides by these numbers: they are fetched each time the dialog opens.
        staleTime: 0,
      }),
  },

  auditEvents: {
    list: (query: ListQuery<Ops["listAuditEvents"]> = {}) =>
      pages(queryKeys.auditEvents.list(query), (cursor, options) =>
        api.auditEvents.list({ ...query, cursor }, options),
      ),
    histogram: (query: QueryInputOf<Ops["getAuditHistogram"]> = {}) =>
      queryOptions({
        queryKey: queryKeys.auditEvents.histogram(query),
        queryFn: ({ signal }) => api.auditEvents.histogram(query, { signal }),
      }),
  },

  endpoints: {
    list: () =>
      queryOptions({
        queryKey: queryKeys.endpoints.list(),
        queryFn: ({ signal }) => api.endpoints.list({ signal }),
      }),
  },

  members: {
    list: (query: ListQuery<Ops["listMembers"]> = {}) =>
      pages(queryKeys.members.list(query), (cursor, options) =>
        api.members.list({ ...query, cursor }, options),
      ),
  },

  tokens: {
    list: (query: ListQuery<Ops["listTokens"]> = {}) =>
      pages(queryKeys.tokens.list(query), (cursor, options) =>
        api.tokens.list({ ...query, cursor }, options),
      ),
  },
};
