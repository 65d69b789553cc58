import type { KekDetailView, KekImpactView, KekView } from "@/lib/core/keks";
import { keyManagerCause } from "@/lib/i18n/key-manager-texts";
import { english } from "../texts/english";
import type { Kek, KekDetail, KekImpact } from "./schemas";

function iso(date: Date | null): string | null {
  return date?.toISOString() ?? null;
}

/** KEK as lists show it. */
export function serializeKek(view: KekView): Kek {
  return {
    uniqueIdentifier: view.uniqueIdentifier,
    objectType: view.objectType,
    state: view.state,
    name: view.name,
    attributes: Object.fromEntries(
      Object.entries(view.attributes).map(([name, values]) => [name, [...values]]),
    ),
    algorithm: view.algorithm,
    length: view.length,
    usage: [...view.usage],
    keyManagerKeyId: view.keyManagerKeyId,
    crkId: view.crkId,
    crkVersion: view.crkVersion,
    served: view.served,
    blocked: view.blocked === null ? null : { ...view.blocked, at: view.blocked.at.toISOString() },
    createdAt: view.createdAt.toISOString(),
    createdByCertificate: view.createdByCertificate,
    changedAt: view.changedAt.toISOString(),
    lastServedAt: iso(view.lastServedAt),
    lastServedTo: view.lastServedTo,
    etag: view.etag,
  };
}

/** What a deletion waits for, in English where the key manager's code is documented. */
function describePendingDeletion(code: string | null): NonNullable<KekDetail["pendingDeletion"]> {
  const known = keyManagerCause(english, code);

  return { code, cause: known?.cause ?? null, remedy: known?.remedy ?? null };
}

/** KEK with all that is known of it. */
export function serializeKekDetail(view: KekDetailView): KekDetail {
  const { dates } = view;

  return {
    ...serializeKek(view),
    dates: {
      initial: dates.initial.toISOString(),
      activation: iso(dates.activation),
      deactivation: iso(dates.deactivation),
      destroy: iso(dates.destroy),
      compromise: iso(dates.compromise),
      compromiseOccurrence: iso(dates.compromiseOccurrence),
      lastChange: iso(dates.lastChange),
    },
    revocation: view.revocation,
    allAttributes: view.allAttributes.map((attribute) => ({ ...attribute })),
    servedCount: view.servedCount,
    pendingDeletion: view.pendingDeletion && describePendingDeletion(view.pendingDeletion.code),
  };
}

/** What breaks when a KEK goes. */
export function serializeKekImpact(view: KekImpactView): KekImpact {
  return {
    ...view,
    lastServedAt: iso(view.lastServedAt),
    clients: view.clients.map((client) => ({ ...client, lastAt: client.lastAt.toISOString() })),
  };
}

/** A revocation of a request as lib/core takes it. */
export function parseRevocation<Body extends { compromiseOccurredAt?: string | undefined }>(
  body: Body,
): Omit<Body, "compromiseOccurredAt"> & { compromiseOccurredAt?: Date } {
  const { compromiseOccurredAt, ...rest } = body;

  return {
    ...rest,
    ...(compromiseOccurredAt === undefined ? {} : { compromiseOccurredAt: new Date(compromiseOccurredAt) }),
  };
}
