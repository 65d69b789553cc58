/**
 * Every read of the API as a function of the actor: lib/core, then the serializer. Route handlers answer with these,
 * and pages prefetch with them, in-process and in the same shape.
 */
import type { Authenticated } from "@/lib/auth";
import type { Actor } from "@/lib/core/actor";
import { auditHistogram, listAuditEvents } from "@/lib/core/audit";
import { getClientCertificate, listClientCertificates } from "@/lib/core/client-certificates";
import { listEndpointNodes } from "@/lib/core/endpoints";
import { getInstance, listInstances, listPermissionChecks, rewrapStatus } from "@/lib/core/instances";
import { getKek, kekImpact, listKeks } from "@/lib/core/keks";
import { listProviders } from "@/lib/core/key-managers";
import { listMembers } from "@/lib/core/members";
import { listTokens } from "@/lib/core/tokens";
import { serializeEndpointNode, serializeMe, serializeMember, serializeToken } from "./account/serializers";
import { parseAuditFilters, serializeAuditEvent, serializeHistogram } from "./audit-events/serializers";
import { serializeClientCertificate } from "./client-certificates/serializers";
import type { Operation, QueryOf, ResponseOf } from "./contract/operation";
import { serializePage } from "./contract/page";
import { serializeInstance, serializePermissionCheck, serializeRewrapStatus } from "./instances/serializers";
import { serializeKek, serializeKekDetail, serializeKekImpact } from "./keks/serializers";
import { serializeProvider } from "./key-managers/serializers";
import type * as operations from "./operations";

type Ops = typeof operations;
type Answer<O extends Operation> = Promise<ResponseOf<O>>;

/** Audit events that one KEK brings along. */
const RECENT_EVENTS = 8;

export const read = {
  me: (authenticated: Authenticated) => serializeMe(authenticated),

  instances: {
    list: async (actor: Actor, query: QueryOf<Ops["listInstances"]>): Answer<Ops["listInstances"]> =>
      serializePage(await listInstances(actor, query), serializeInstance),
    get: async (actor: Actor, id: string): Answer<Ops["getInstance"]> =>
      serializeInstance(await getInstance(actor, id)),
    rewrap: async (actor: Actor, id: string): Answer<Ops["getRewrap"]> =>
      serializeRewrapStatus(await rewrapStatus(actor, id)),
  },

  permissionChecks: {
    list: async (
      actor: Actor,
      id: string,
      query: QueryOf<Ops["listPermissionChecks"]>,
    ): Answer<Ops["listPermissionChecks"]> =>
      serializePage(await listPermissionChecks(actor, id, query), serializePermissionCheck),
  },

  clientCertificates: {
    list: async (
      actor: Actor,
      id: string,
      query: QueryOf<Ops["listClientCertificates"]>,
    ): Answer<Ops["listClientCertificates"]> =>
      serializePage(await listClientCertificates(actor, id, query), serializeClientCertificate),
    get: async (actor: Actor, id: string, certificateId: string): Answer<Ops["getClientCertificate"]> =>
      serializeClientCertificate(await getClientCertificate(actor, id, certificateId)),
  },

  keks: {
    list: async (actor: Actor, id: string, query: QueryOf<Ops["listKeks"]>): Answer<Ops["listKeks"]> =>
      serializePage(await listKeks(actor, id, query), serializeKek),
    get: async (actor: Actor, id: string, uniqueIdentifier: string): Answer<Ops["getKek"]> => {
      const [kek, events] = await Promise.all([
        getKek(actor, id, uniqueIdentifier),
        listAuditEvents(actor, { instanceId: id, targetId: uniqueIdentifier, limit: RECENT_EVENTS }),
      ]);

      return { ...serializeKekDetail(kek), recentAuditEvents: events.items.map(serializeAuditEvent) };
    },
    impact: async (actor: Actor, id: string, uniqueIdentifier: string): Answer<Ops["getKekImpact"]> =>
      serializeKekImpact(await kekImpact(actor, id, uniqueIdentifier)),
  },

  auditEvents: {
    list: async (actor: Actor, query: QueryOf<Ops["listAuditEvents"]>): Answer<Ops["listAuditEvents"]> =>
      serializePage(
        await listAuditEvents(actor, {
          ...parseAuditFilters(query),
          limit: query.limit,
          cursor: query.cursor,
        }),
        serializeAuditEvent,
      ),
    histogram: async (
      actor: Actor,
      query: QueryOf<Ops["getAuditHistogram"]>,
    ): Answer<Ops["getAuditHistogram"]> =>
      serializeHistogram(await auditHistogram(actor, parseAuditFilters(query))),
  },

  keyManagers: {
    list: async (actor: Actor): Answer<Ops["listKeyManagers"]> => ({
      items: listProviders(actor).map(serializeProvider),
      nextCursor: null,
    }),
  },

  endpoints: {
    list: async (actor: Actor): Answer<Ops["listEndpoints"]> => ({
      items: (await listEndpointNodes(actor)).map(serializeEndpointNode),
      nextCursor: null,
    }),
  },

  members: {
    list: async (actor: Actor, query: QueryOf<Ops["listMembers"]>): Answer<Ops["listMembers"]> =>
      serializePage(await listMembers(actor, query), serializeMember),
  },

  tokens: {
    list: async (actor: Actor, query: QueryOf<Ops["listTokens"]>): Answer<Ops["listTokens"]> =>
      serializePage(await listTokens(actor, query), serializeToken),
  },
};
