import { database, notifyCall } from "@/lib/db";
import { inPoolTransaction } from "@/lib/db/transaction";
import { type KeyManager, KeyManagerError } from "@/lib/key-managers/key-manager";
import { type Actor, requireRole } from "../actor";
import { audited } from "../audit";
import { AppError } from "../errors";
import { requireInstance, requireInstanceWithKey, requireNotRemoving } from "../instance";
import { openInstanceKeyManager } from "../key-managers/open-key-manager";
import { toAppError } from "../key-managers/to-app-error";
import { KEY_STATE_NUMBERS } from "../permissions/report";
import { isDefinite } from "../serving/failures";
import { callContext } from "../serving/material-reader";
import type { Queryable } from "../serving/objects";

const TIMEOUT_MS = 15_000;

/** How far the KEKs of an instance are with moving to its root key's latest version. */
export type RewrapStatus = {
  /** `blocked`: some have to move and cannot; `error` says why. */
  readonly state: "idle" | "running" | "blocked";
  readonly crkId: string | null;
  readonly crkVersion: string | null;
  readonly total: number;
  readonly remaining: number;
  /** KEKs by the root key and version that wrap them, the instance's own first. */
  readonly versions: readonly {
    readonly crkId: string;
    readonly crkVersion: string | null;
    readonly keks: number;
    readonly current: boolean;
  }[];
  readonly error: { readonly code: string; readonly since: Date } | null;
};

/** @throws AppError FORBIDDEN, NOT_FOUND */
export async function rewrapStatus(actor: Actor, instanceId: string): Promise<RewrapStatus> {
  requireRole(actor, "viewer");

  const { pool } = database();
  const row = await requireInstance(actor, instanceId);
  const { crkId, crkVersion } = row;
  const { rows } = await pool.query<{ crkId: string; crkVersion: string | null; keks: number }>(
    `SELECT crk_id AS "crkId", crk_version AS "crkVersion", count(*)::int AS keks FROM managed_object
     WHERE instance_id = $1 AND storage = 'stored' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2`,
    [instanceId],
  );
  const versions = rows
    .map((group) => ({
      ...group,
      current: group.crkId === crkId && (crkVersion === null || group.crkVersion === crkVersion),
    }))
    .sort((one, other) => Number(other.current) - Number(one.current));
  const sum = (groups: typeof versions) => groups.reduce((all, { keks }) => all + keks, 0);
  const remaining = sum(versions.filter(({ current }) => !current));
  const error =
    remaining > 0 && row.rewrapError !== null
      ? { code: row.rewrapError, since: row.rewrapErrorAt ?? row.updatedAt }
      : null;

  return {
    state: remaining === 0 ? "idle" : error === null ? "running" : "blocked",
    crkId,
    crkVersion,
    total: sum(versions),
    remaining,
    versions,
    error,
  };
}

/** A refusal to rotate: the key manager's code says less of it than `settings.rootKey.refusal` of the messages. */
function refusalOf(error: unknown): unknown {
  if (!(error instanceof KeyManagerError)) {
    return error;
  }

  const mapped = toAppError(error);
  const reason = error.failure === "forbidden" ? "forbidden" : error.code;

  return mapped instanceof AppError && reason !== null
    ? new AppError(mapped.code, mapped.message, {
        extra: mapped.extra,
        text: { of: "rotation", reason },
        cause: error,
      })
    : mapped;
}

/** Rotates; without an answer the root key itself tells whether it happened. */
async function rotate(keyManager: KeyManager, crkId: string): Promise<string | null> {
  const read = async () => (await keyManager.getRootKey(crkId, callContext(TIMEOUT_MS))).currentVersion;
  const before = await read();

  try {
    await keyManager.rotateRootKey?.(crkId, callContext(TIMEOUT_MS));
  } catch (error) {
    if (isDefinite(error)) {
      throw error;
    }

    const version = await read();
    if (version === before) {
      throw error;
    }

    return version;
  }

  return read();
}

/**
 * Makes a new version of an instance's root key in the key manager. The KEKs follow in the background.
 * @throws AppError FORBIDDEN, NOT_FOUND, INVALID_STATE, NOT_AVAILABLE, KEY_MANAGER_* with the reason in words
 */
export async function rotateRootKey(actor: Actor, instanceId: string): Promise<RewrapStatus> {
  requireRole(actor, "administrator");

  const row = await requireInstanceWithKey(actor, instanceId);
  requireNotRemoving(row);
  const { keyManager, crkId } = openInstanceKeyManager(row);
  if (keyManager.rotateRootKey === undefined) {
    throw new AppError("NOT_AVAILABLE", "Root keys of this key manager are rotated with its own tools.");
  }

  const action = {
    action: "vmware-solutions.root-key.rotate",
    target: { id: crkId, name: row.crkName },
    instanceId,
  } as const;

  await audited(actor, { ...action, effects: "outside", announced: true }, async (done) => {
    const version = await rotate(keyManager, crkId).catch((error: unknown) => {
      throw refusalOf(error);
    });

    await inPoolTransaction(database().pool, async (client) => {
      await noteRotation(client, instanceId, crkId, version);
      await done(client, { responseData: { crkVersion: version } });
    });
  });

  return rewrapStatus(actor, instanceId);
}

/** Keeps the root key's new version and lets the worker move the KEKs at once. */
async function noteRotation(
  client: Queryable,
  instanceId: string,
  crkId: string,
  version: string | null,
): Promise<void> {
  const values: unknown[] = [instanceId, crkId, version, KEY_STATE_NUMBERS.active];
  const notify = notifyCall({ type: "instance.changed", instanceId }, values);
  await client.query(
    `WITH i AS (
       UPDATE instance SET crk_version = coalesce($3, crk_version), crk_state = $4, crk_seen_at = now(),
         rewrap_due_at = now()
       WHERE id = $1 AND crk_id = $2 RETURNING 1
     )
     SELECT ${notify} FROM i`,
    values,
  );
}
