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
import { dateOf, type Handlers } from "../contract/handler";
import type * as operations from "./operations";
import { serializeKekDetail } from "./serializers";

/** Audit events that one KEK brings along. */
const RECENT_EVENTS = 8;

export const handlers: Handlers<typeof operations> = {
  listKeks: ({ actor, params: { id }, query, signal }) => listKeks(actor, id, { ...query, signal }),
  getKek: async ({ actor, params: { id, uniqueIdentifier } }) => {
    const [kek, events] = await Promise.all([
      getKek(actor, id, uniqueIdentifier),
      listAuditEvents(actor, { instanceId: id, targetId: uniqueIdentifier, limit: RECENT_EVENTS }),
    ]);

    return { ...serializeKekDetail(kek), recentAuditEvents: events.items };
  },
  getKekImpact: ({ actor, params: { id, uniqueIdentifier } }) => kekImpact(actor, id, uniqueIdentifier),
  revokeKek: async ({ actor, params: { id, uniqueIdentifier }, body }) =>
    serializeKekDetail(
      await revokeKek(actor, id, uniqueIdentifier, {
        ...body,
        compromiseOccurredAt: dateOf(body.compromiseOccurredAt),
      }),
    ),
  restoreKekService: async ({ actor, params: { id, uniqueIdentifier } }) =>
    serializeKekDetail(await restoreService(actor, id, uniqueIdentifier, {})),
  destroyKek: async ({ actor, params: { id, uniqueIdentifier }, body }) =>
    serializeKekDetail(await destroyKek(actor, id, uniqueIdentifier, body)),
  bulkRevokeKeks: ({ actor, params: { id }, body }) => bulkRevoke(actor, id, body),
};
