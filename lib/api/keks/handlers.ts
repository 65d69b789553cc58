import { listAuditEvents } from "@/lib/core/audit";
import {
  bulkRevoke,
  destroyKek,
  getKek,
  kekImpact,
  listKeks,
  restoreService,
  revokeKek,
} from "@/lib/core/keks";
import { serializeAuditEvent } from "../audit-events/serializers";
import type { Handlers } from "../contract/handler";
import { serializePage } from "../contract/page";
import type * as operations from "./operations";
import { parseRevocation, serializeKek, serializeKekDetail, serializeKekImpact } from "./serializers";

/** Audit events that one KEK brings along. */
const RECENT_EVENTS = 8;

export const handlers: Handlers<typeof operations> = {
  listKeks: async ({ actor, params: { id }, query }) =>
    serializePage(await listKeks(actor, id, query), serializeKek),
  getKek: async ({ actor, params: { id, uniqueIdentifier } }) => {
    const [kek, events] = await Promise.all([
      getKek(actor, id, uniqueIdentifier),
      listAuditEvents(actor, { instanceId: id, targetId: uniqueIdentifier, limit: RECENT_EVENTS }),
    ]);

    return { ...serializeKekDetail(kek), recentAuditEvents: events.items.map(serializeAuditEvent) };
  },
  getKekImpact: async ({ actor, params: { id, uniqueIdentifier } }) =>
    serializeKekImpact(await kekImpact(actor, id, uniqueIdentifier)),
  revokeKek: async ({ actor, params: { id, uniqueIdentifier }, body }) =>
    serializeKekDetail(await revokeKek(actor, id, uniqueIdentifier, parseRevocation(body))),
  restoreKekService: async ({ actor, params: { id, uniqueIdentifier } }) =>
    serializeKekDetail(await restoreService(actor, id, uniqueIdentifier, {})),
  destroyKek: async ({ actor, params: { id, uniqueIdentifier }, body }) =>
    serializeKekDetail(await destroyKek(actor, id, uniqueIdentifier, body)),
  bulkRevokeKeks: async ({ actor, params: { id }, body }) => {
    const { results } = await bulkRevoke(actor, id, body);

    return { results: results.map((result) => ({ ...result })) };
  },
};
