import { dateOf, stateAt } from "@/lib/kmip/attributes/lifecycle";
import type { StoredAttributes } from "@/lib/kmip/ports";
import { CRYPTOGRAPHIC_ALGORITHMS, ENUMERATION_OF_TAG } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { type KekRecord, RECORD_COLUMNS } from "../serving/objects";
import { allAttributes, customAttributes, usageNames } from "./attribute-text";
import { type KekState, reasonName, stateName } from "./kek-states";

/** A KEK as lists show it. */
export type KekView = {
  readonly uniqueIdentifier: string;
  readonly objectType: string;
  readonly state: KekState;
  readonly name: string | null;
  /** Custom attributes. */
  readonly attributes: { readonly [name: string]: readonly string[] };
  readonly algorithm: string | null;
  readonly length: number | null;
  readonly usage: readonly string[];
  readonly keyManagerKeyId: string | null;
  readonly crkId: string;
  readonly crkVersion: string | null;
  readonly served: boolean;
  readonly blocked: {
    readonly at: Date;
    readonly by: string;
    readonly reason: string;
    readonly message: string | null;
  } | null;
  readonly createdAt: Date;
  /** `name` is null once the certificate was removed. */
  readonly createdByCertificate: { readonly id: string; readonly name: string | null } | null;
  readonly changedAt: Date;
  readonly lastServedAt: Date | null;
  readonly lastServedTo: {
    readonly id: string;
    readonly name: string | null;
    readonly address: string | null;
  } | null;
  /** Changes with every change of the KEK. */
  readonly etag: string;
};

/** A KEK with all that is known of it. */
export type KekDetailView = KekView & {
  readonly dates: {
    readonly initial: Date;
    readonly activation: Date | null;
    readonly deactivation: Date | null;
    readonly destroy: Date | null;
    readonly compromise: Date | null;
    readonly compromiseOccurrence: Date | null;
    readonly lastChange: Date | null;
  };
  readonly revocation: { readonly reason: string; readonly message: string | null } | null;
  readonly allAttributes: readonly {
    readonly name: string;
    readonly index: number;
    readonly value: string;
  }[];
  readonly servedCount: number;
  /** A destroyed KEK whose standard key the key manager has still; its own code for why, where that is known. */
  readonly pendingDeletion: { readonly code: string | null } | null;
};

export type KekRow = KekRecord & {
  name: string | null;
  algorithm: number | null;
  length: number | null;
  usageMask: number | null;
  blockedAt: Date | null;
  blockedBy: string | null;
  blockReason: string | null;
  blockMessage: string | null;
  changedAt: Date;
  certificateId: string | null;
  certificateName: string | null;
  lastServedAt: Date | null;
  lastServedTo: string | null;
  lastServedToName: string | null;
  lastServedAddress: string | null;
  servedCount: string;
  settleProblem: string | null;
};

/** SELECT of KekRow; conditions speak of `o`. */
export const SELECT_KEKS = `
  SELECT ${RECORD_COLUMNS}, o.name, o.cryptographic_algorithm AS algorithm, o.cryptographic_length AS length,
         o.cryptographic_usage_mask AS "usageMask", o.blocked_at AS "blockedAt", o.blocked_by AS "blockedBy",
         o.block_reason AS "blockReason", o.block_message AS "blockMessage", o.changed_at AS "changedAt",
         o.created_by_certificate_id AS "certificateId", creator.name AS "certificateName",
         o.last_served_at AS "lastServedAt", o.last_served_to AS "lastServedTo", client.name AS "lastServedToName",
         o.last_served_address AS "lastServedAddress", o.served_count::text AS "servedCount",
         o.settle_problem AS "settleProblem"
  FROM managed_object o
  LEFT JOIN client_certificate creator
    ON creator.id = o.created_by_certificate_id AND creator.instance_id = o.instance_id
  LEFT JOIN client_certificate client ON client.id = o.last_served_to AND client.instance_id = o.instance_id`;

/** The token of optimistic concurrency that callers pass back. */
export function etagOf(record: Pick<KekRecord, "revision">): string {
  return `r${record.revision}`;
}

/** Row to list item. */
export function toKek(row: KekRow, now: Date): KekView {
  return {
    uniqueIdentifier: row.uniqueIdentifier,
    objectType: ENUMERATION_OF_TAG.get(Tag.ObjectType)?.nameOf(row.objectType) ?? String(row.objectType),
    state: stateName(stateAt(row, now)),
    name: row.name,
    attributes: customAttributes(row.attributes),
    algorithm:
      row.algorithm === null
        ? null
        : (CRYPTOGRAPHIC_ALGORITHMS.nameOf(row.algorithm) ?? String(row.algorithm)),
    length: row.length,
    usage: usageNames(row.usageMask),
    keyManagerKeyId: row.keyManagerKeyId,
    crkId: row.crkId,
    crkVersion: row.crkVersion,
    served: row.served,
    blocked:
      row.served || row.blockedAt === null
        ? null
        : {
            at: row.blockedAt,
            by: row.blockedBy ?? "",
            reason: row.blockReason ?? "",
            message: row.blockMessage,
          },
    createdAt: row.createdAt,
    createdByCertificate:
      row.certificateId === null ? null : { id: row.certificateId, name: row.certificateName },
    changedAt: row.changedAt,
    lastServedAt: row.lastServedAt,
    lastServedTo:
      row.lastServedTo === null
        ? null
        : { id: row.lastServedTo, name: row.lastServedToName, address: row.lastServedAddress },
    etag: etagOf(row),
  };
}

function dateAttribute(attributes: StoredAttributes, name: string): Date | null {
  const seconds = dateOf(attributes, name);

  return seconds === null ? null : new Date(seconds * 1_000);
}

function revocationOf(attributes: StoredAttributes): KekDetailView["revocation"] {
  const value = attributes["Revocation Reason"]?.[0]?.v;

  if (value?.t !== "structure") {
    return null;
  }

  const field = (tag: number) => value.v.find((child) => child.tag === tag)?.value;
  const code = field(Tag.RevocationReasonCode);
  const message = field(Tag.RevocationMessage);

  return {
    reason: code?.t === "enumeration" ? (reasonName(code.v) ?? String(code.v)) : "unspecified",
    message: message?.t === "text" ? message.v : null,
  };
}

function pendingDeletionOf(row: KekRow): KekDetailView["pendingDeletion"] {
  return row.storage === "destroying" ? { code: row.settleProblem } : null;
}

/** Row to detail. */
export function toKekDetail(row: KekRow, now: Date): KekDetailView {
  const { attributes } = row;

  return {
    ...toKek(row, now),
    dates: {
      initial: row.createdAt,
      activation: dateAttribute(attributes, "Activation Date"),
      deactivation: dateAttribute(attributes, "Deactivation Date"),
      destroy: dateAttribute(attributes, "Destroy Date"),
      compromise: dateAttribute(attributes, "Compromise Date"),
      compromiseOccurrence: dateAttribute(attributes, "Compromise Occurrence Date"),
      lastChange: dateAttribute(attributes, "Last Change Date"),
    },
    revocation: revocationOf(attributes),
    allAttributes: allAttributes(attributes),
    servedCount: Number(row.servedCount),
    pendingDeletion: pendingDeletionOf(row),
  };
}
