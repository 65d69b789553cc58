import { z } from "zod";
import { auditEvent } from "../audit-events/schemas";
import { id, page, pageQuery, timestamp } from "../contract/common";

export const kekState = z.enum([
  "preActive",
  "active",
  "deactivated",
  "compromised",
  "destroyed",
  "destroyedCompromised",
]);

export const revocationReason = z.enum([
  "unspecified",
  "keyCompromise",
  "caCompromise",
  "affiliationChanged",
  "superseded",
  "cessationOfOperation",
  "privilegeWithdrawn",
]);

const kek = z
  .object({
    uniqueIdentifier: z.string(),
    objectType: z.string(),
    state: kekState,
    name: z.string().nullable(),
    /** Custom attributes, e.g. x-Product. */
    attributes: z.record(z.string(), z.array(z.string())),
    algorithm: z.string().nullable(),
    length: z.int().nullable(),
    usage: z.array(z.string()),
    keyManagerKeyId: z.string().nullable(),
    crkId: z.string(),
    crkVersion: z.string().nullable(),
    served: z.boolean(),
    blocked: z
      .object({ at: timestamp, by: z.string(), reason: z.string(), message: z.string().nullable() })
      .nullable(),
    createdAt: timestamp,
    createdByCertificate: z.object({ id, name: z.string().nullable() }).nullable(),
    changedAt: timestamp,
    lastServedAt: timestamp.nullable(),
    lastServedTo: z.object({ id, name: z.string().nullable(), address: z.string().nullable() }).nullable(),
    etag: z.string(),
  })
  .meta({ id: "Kek" });

export const kekDetail = kek
  .extend({
    dates: z.object({
      initial: timestamp,
      activation: timestamp.nullable(),
      deactivation: timestamp.nullable(),
      destroy: timestamp.nullable(),
      compromise: timestamp.nullable(),
      compromiseOccurrence: timestamp.nullable(),
      lastChange: timestamp.nullable(),
    }),
    revocation: z.object({ reason: z.string(), message: z.string().nullable() }).nullable(),
    /** Every kept KMIP attribute as text, for reading. */
    allAttributes: z.array(z.object({ name: z.string(), index: z.int(), value: z.string() })),
    servedCount: z.int(),
    /**
     * A destroyed KEK whose standard key the key manager has still; `code` is the key manager's, e.g.
     * AUTHORIZATIONS_NOT_MET while a second person must authorise the deletion there.
     */
    pendingDeletion: z
      .object({ code: z.string().nullable(), cause: z.string().nullable(), remedy: z.string().nullable() })
      .nullable(),
  })
  .meta({ id: "KekDetail" });

/** One KEK when it is asked for by itself. */
export const kekWithEvents = kekDetail
  .extend({
    /** The latest, newest first. */
    recentAuditEvents: z.array(auditEvent),
  })
  .meta({ id: "KekWithEvents" });

export const kekPage = page(kek);

export const kekQuery = pageQuery.extend({
  state: kekState.optional(),
  search: z.string().max(200).optional(),
  crkVersion: z.string().max(100).optional(),
  certificateId: id.optional(),
  /** `never` served, or not served for so long. */
  usage: z.enum(["never", "unused30d", "unused90d", "recent"]).optional(),
  sort: z.enum(["createdAt", "-createdAt", "lastServedAt", "name"]).default("-createdAt"),
});

export const kekImpact = z
  .object({
    uniqueIdentifier: z.string(),
    state: kekState,
    served: z.boolean(),
    lastServedAt: timestamp.nullable(),
    lastServedTo: z.object({ id, name: z.string().nullable(), address: z.string().nullable() }).nullable(),
    servedCount: z.int(),
    servedLast24h: z.int(),
    clients: z.array(
      z.object({ certificateId: z.string(), name: z.string().nullable(), times: z.int(), lastAt: timestamp }),
    ),
    /** What revoking it leads to, for each reason; empty when it is destroyed. */
    revocations: z.array(z.object({ reason: revocationReason, leadsTo: kekState, compromise: z.boolean() })),
    etag: z.string(),
  })
  .meta({ id: "KekImpact" });

export const revokeKekRequest = z.object({
  reason: revocationReason,
  message: z.string().max(500).optional(),
  compromiseOccurredAt: timestamp.optional(),
  etag: z.string().optional(),
});

export const destroyKekRequest = z.object({ confirmIdentifier: z.string(), etag: z.string().optional() });

export const bulkRevokeRequest = z.object({
  uniqueIdentifiers: z.array(z.string().min(1).max(200)).min(1).max(100),
  reason: revocationReason,
  message: z.string().max(500).optional(),
  confirmCount: z.int(),
});

export const bulkRevokeResponse = z.object({
  results: z.array(
    z.object({
      uniqueIdentifier: z.string(),
      ok: z.boolean(),
      code: z.string().optional(),
      detail: z.string().optional(),
    }),
  ),
});

export type Kek = z.output<typeof kek>;
export type KekDetail = z.output<typeof kekDetail>;
export type KekState = z.output<typeof kekState>;
export type KekImpact = z.output<typeof kekImpact>;
export type RevocationReason = z.output<typeof revocationReason>;
