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

/** Audit events that one KEK brings along. */
const RECENT_EVENTS = 8;

export const handlers: Handlers<typeof operations> = {
  listKeks: ({ actor, params: { id }, query }) => listKeks(actor, id, query),
  getKek: async ({ actor, params: { id, uniqueIdentifier } }) => {
    const [kek, events] = await Promise.all([
      getKek(actor, id, uniqueIdentifier),
      listAuditEvents(actor, { instanceId: id, targetId: uniqueIdentifier, limit: RECENT_EVENTS }),
    ]);

    return { ...kek, recentAuditEvents: events.items };
  },
  getKekImpact: ({ actor, params: { id, uniqueIdentifier } }) => kekImpact(actor, id, uniqueIdentifier),
  revokeKek: ({ actor, params: { id, uniqueIdentifier }, body }) =>
    revokeKek(actor, id, uniqueIdentifier, {
      ...body,
      compromiseOccurredAt: dateOf(body.compromiseOccurredAt),
    }),
  restoreKekService: ({ actor, params: { id, uniqueIdentifier } }) =>
    restoreService(actor, id, uniqueIdentifier, {}),
  destroyKek: ({ actor, params: { id, uniqueIdentifier }, body }) =>
    destroyKek(actor, id, uniqueIdentifier, body),
  bulkRevokeKeks: ({ actor, params: { id }, body }) => bulkRevoke(actor, id, body),
};
