import { DAY, HOUR, toStoredDate, toWireDate } from "../clock";
import type { KeyRecord, ResourceInstanceRecord } from "../store/model";
import { mediaTypes } from "./call";

/** How long a deleted key can be restored. */
export const RESTORE_WINDOW = 30 * DAY;
/** How long after its deletion a key can be purged. */
export const PURGE_WAIT = 4 * HOUR;
/** How long after its deletion a key is purged by the service. */
export const PURGE_AFTER = 90 * DAY;
/** How long the authorization of the first person to a deletion holds. */
const DUAL_AUTH_WINDOW = 7 * DAY;

/** State of a key at a time: an active key deactivates when it expires. */
export function stateAt(key: KeyRecord, now: number): KeyRecord["state"] {
  return key.state === 1 && key.expiresAt !== undefined && Date.parse(key.expiresAt) <= now ? 3 : key.state;
}

/** The version that wraps. */
export function latestVersion(key: KeyRecord): KeyRecord["versions"][number] {
  const version = key.versions.at(-1);
  if (!version) {
    throw new Error(`key ${key.id} has no version`);
  }

  return version;
}

/** When the first person's authorization to delete ends, in milliseconds; undefined if there is none now. */
export function deletionAuthorizedUntil(key: KeyRecord, now: number): number | undefined {
  const { enabled, setAt } = key.dualAuthDelete;
  if (!enabled || setAt === undefined) {
    return undefined;
  }
  const until = Date.parse(setAt) + DUAL_AUTH_WINDOW;

  return until > now ? until : undefined;
}

function wireTime(milliseconds: number): string {
  return toWireDate(toStoredDate(milliseconds));
}

function deletionView(key: KeyRecord, now: number): Record<string, unknown> {
  if (key.deletedAt === undefined) {
    return { deleted: false };
  }
  const deletedAt = Date.parse(key.deletedAt);

  return {
    deleted: true,
    deletionDate: toWireDate(key.deletedAt),
    deletedBy: key.deletedBy,
    restoreAllowed: now < deletedAt + RESTORE_WINDOW,
    restoreExpirationDate: wireTime(deletedAt + RESTORE_WINDOW),
    purgeAllowed: now >= deletedAt + PURGE_WAIT,
    purgeAllowedFrom: wireTime(deletedAt + PURGE_WAIT),
    purgeScheduledOn: wireTime(deletedAt + PURGE_AFTER),
  };
}

function dualAuthView(key: KeyRecord, now: number): Record<string, unknown> {
  if (!key.dualAuthDelete.enabled) {
    return { enabled: false };
  }
  const until = deletionAuthorizedUntil(key, now);

  return {
    enabled: true,
    keySetForDeletion: until !== undefined,
    ...(until === undefined ? {} : { authExpiration: wireTime(until) }),
  };
}

/**
 * A key as Key Protect describes it, without its material.
 *
 * @param now milliseconds since the epoch, for what depends on the time (expiry, restore window)
 */
export function keyView(
  instance: ResourceInstanceRecord,
  key: KeyRecord,
  now: number,
): Record<string, unknown> {
  const version = latestVersion(key);
  const state = stateAt(key, now);

  return {
    type: mediaTypes.key,
    id: key.id,
    name: key.name,
    ...(key.aliases.length > 0 ? { aliases: key.aliases.map(({ alias }) => alias) } : {}),
    ...(key.description === undefined ? {} : { description: key.description }),
    ...(key.tags.length > 0 ? { tags: key.tags } : {}),
    state,
    extractable: key.extractable,
    ...(key.expiresAt === undefined ? {} : { expirationDate: toWireDate(key.expiresAt) }),
    crn: `crn:v1:bluemix:public:${instance.serviceName}:${instance.region}:a/${instance.accountId}:${instance.guid}:key:${key.id}`,
    imported: key.imported,
    creationDate: toWireDate(key.createdAt),
    createdBy: key.createdBy,
    algorithmType: "Deprecated",
    algorithmMetadata: { bitLength: String(key.bitLength), mode: "Deprecated" },
    algorithmBitSize: key.bitLength,
    algorithmMode: "Deprecated",
    // Key Protect's examples show 2 for a deleted key; the other values are not documented.
    nonactiveStateReason: state === 5 ? 2 : 0,
    lastUpdateDate: toWireDate(key.updatedAt),
    ...(key.rotatedAt === undefined ? {} : { lastRotateDate: toWireDate(key.rotatedAt) }),
    keyVersion: { id: version.id, creationDate: toWireDate(version.createdAt) },
    keyRingID: key.keyRingId,
    dualAuthDelete: dualAuthView(key, now),
    ...(key.rotation
      ? { rotation: { enabled: key.rotation.enabled, interval_month: key.rotation.intervalMonths } }
      : {}),
    ...deletionView(key, now),
  };
}
