/**
 * Query options for prefetching in server components: the tree of queries.ts, the same keys, but answered by lib/core
 * in this process instead of over HTTP.
 *
 *     const session = await requirePageSession();
 *     await queryClient.prefetchInfiniteQuery(serverQueries(session).instances.list({ status: "installed" }));
 */
import "server-only";
import type { z } from "zod";
import type { Authenticated } from "@/lib/auth";
import type { Operation, QueryInputOf } from "./contract/operation";
import * as operations from "./operations";
import type { ListQuery } from "./queries";
import { queryKeys } from "./query-keys";
import { read } from "./resources";

type Ops = typeof operations;
type Page = { readonly nextCursor: string | null };

/** A query as a route handler would parse it: defaults filled in, bad values refused. */
function parse<O extends Operation & { readonly query: z.ZodObject }>(
  operation: O,
  query: QueryInputOf<O>,
): z.output<O["query"]> {
  const given = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );

  return operation.query.parse(
    Object.fromEntries(
      given.map(([name, value]) => [name, typeof value === "number" ? String(value) : value]),
    ),
  ) as z.output<O["query"]>;
}

function firstPage<const Key extends readonly unknown[], P extends Page>(
  queryKey: Key,
  load: () => Promise<P>,
) {
  return {
    queryKey,
    queryFn: load,
    initialPageParam: null as string | null,
    getNextPageParam: (last: P) => last.nextCursor,
  };
}

function single<const Key extends readonly unknown[], T>(queryKey: Key, load: () => T | Promise<T>) {
  return { queryKey, queryFn: async () => load() };
}

export function serverQueries(authenticated: Authenticated) {
  const { actor } = authenticated;

  return {
    me: () => single(queryKeys.me(), () => read.me(authenticated)),

    instances: {
      list: (query: ListQuery<Ops["listInstances"]> = {}) =>
        firstPage(queryKeys.instances.list(query), () =>
          read.instances.list(actor, parse(operations.listInstances, query)),
        ),
      detail: (id: string) => single(queryKeys.instances.detail(id), () => read.instances.get(actor, id)),
      rewrap: (id: string) => single(queryKeys.instances.rewrap(id), () => read.instances.rewrap(actor, id)),
    },

    permissionChecks: {
      list: (id: string, query: ListQuery<Ops["listPermissionChecks"]> = {}) =>
        firstPage(queryKeys.permissionChecks.list(id, query), () =>
          read.permissionChecks.list(actor, id, parse(operations.listPermissionChecks, query)),
        ),
    },

    clientCertificates: {
      list: (id: string, query: ListQuery<Ops["listClientCertificates"]> = {}) =>
        firstPage(queryKeys.clientCertificates.list(id, query), () =>
          read.clientCertificates.list(actor, id, parse(operations.listClientCertificates, query)),
        ),
      detail: (id: string, certificateId: string) =>
        single(queryKeys.clientCertificates.detail(id, certificateId), () =>
          read.clientCertificates.get(actor, id, certificateId),
        ),
    },

    keks: {
      list: (id: string, query: ListQuery<Ops["listKeks"]> = {}) =>
        firstPage(queryKeys.keks.list(id, query), () =>
          read.keks.list(actor, id, parse(operations.listKeks, query)),
        ),
      detail: (id: string, uniqueIdentifier: string) =>
        single(queryKeys.keks.detail(id, uniqueIdentifier), () => read.keks.get(actor, id, uniqueIdentifier)),
      impact: (id: string, uniqueIdentifier: string) =>
        single(queryKeys.keks.impact(id, uniqueIdentifier), () =>
          read.keks.impact(actor, id, uniqueIdentifier),
        ),
    },

    auditEvents: {
      list: (query: ListQuery<Ops["listAuditEvents"]> = {}) =>
        firstPage(queryKeys.auditEvents.list(query), () =>
          read.auditEvents.list(actor, parse(operations.listAuditEvents, query)),
        ),
      histogram: (query: QueryInputOf<Ops["getAuditHistogram"]> = {}) =>
        single(queryKeys.auditEvents.histogram(query), () =>
          read.auditEvents.histogram(actor, parse(operations.getAuditHistogram, query)),
        ),
    },

    endpoints: {
      list: () => single(queryKeys.endpoints.list(), () => read.endpoints.list(actor)),
    },

    members: {
      list: (query: ListQuery<Ops["listMembers"]> = {}) =>
        firstPage(queryKeys.members.list(query), () =>
          read.members.list(actor, parse(operations.listMembers, query)),
        ),
    },

    tokens: {
      list: (query: ListQuery<Ops["listTokens"]> = {}) =>
        firstPage(queryKeys.tokens.list(query), () =>
          read.tokens.list(actor, parse(operations.listTokens, query)),
        ),
    },
  };
}
