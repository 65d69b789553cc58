import { timingSafeEqual } from "node:crypto";
import type { Database } from "@/lib/db";
import { inPoolTransaction } from "@/lib/db/transaction";
import type { KeyManager, WrappedKey } from "@/lib/key-managers/key-manager";
import { destruction } from "@/lib/kmip/attributes/lifecycle";
import type { EngineClock, EngineLogger } from "@/lib/kmip/ports";
import { applyUpdate, markDestroyed } from "../serving/change-object";
import { deleteMaterial } from "../serving/delete-material";
import { hadNoEffect } from "../serving/failures";
import {
  callContext,
  confirmGone,
  readStandardKey,
  StandardKeyGone,
  wrapAad,
} from "../serving/material-reader";
import {
  type BegunMove,
  endMove,
  type Move,
  moveMarks,
  noteVersion,
  stepMove,
  switchMove,
} from "../serving/moves";
import { findRecord } from "../serving/objects";
import type { AuditChange } from "./audit-change";

/** What became of a move. */
export type MoveOutcome =
  /** The KEK is wrapped under the target now, and nothing of the old wrap is left. */
  | "moved"
  /** It was there already. */
  | "current"
  /** Destroyed, replaced, or taken over by another process meanwhile. */
  | "overtaken"
  /** Its standard key was deleted in the key manager: it is destroyed. */
  | "revoked";

export type MoveDependencies = {
  readonly db: Database["pool"];
  readonly keyManager: KeyManager;
  /** The root key that KEKs move to, and the ring for their new standard keys. */
  readonly crkId: string;
  readonly keyRing: string | null;
  readonly clock: EngineClock;
  readonly logger: EngineLogger;
  readonly timeoutMs: number;
  /** The account of the instance. */
  readonly accountId: string;
  readonly audit: AuditChange;
};

/** Where a KEK went. */
type MoveTo = {
  readonly keyId: string;
  readonly crkId: string;
  readonly crkVersion: string | null;
};

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && timingSafeEqual(one, other);
}

/**
 * The KEK wrapped under the target, proven to be unwrapped to the same bytes; null when its present wrap is under the
 * target's latest version already.
 */
async function rewrap(
  { keyManager, crkId, timeoutMs }: MoveDependencies,
  move: BegunMove,
  payload: Uint8Array,
): Promise<{ readonly wrapped: WrappedKey | null; readonly from: string | null }> {
  const aad = wrapAad(move.instanceId, move.uniqueIdentifier);
  const before = await keyManager.unwrap(move.crkId, payload, aad, callContext(timeoutMs));

  try {
    const stays = move.crkId === crkId;
    // Key Protect answers an unwrap with the rewrapped text when the version is retired.
    const wrapped =
      (stays ? before.rewrapped : undefined) ??
      (await keyManager.wrap(crkId, before.plaintext, aad, callContext(timeoutMs)));

    if (stays && wrapped.crkVersion === before.crkVersion) {
      return { wrapped: null, from: before.crkVersion };
    }

    const after = await keyManager.unwrap(crkId, wrapped.bytes, aad, callContext(timeoutMs));

    try {
      if (!isSame(after.plaintext, before.plaintext)) {
        throw new Error("A KEK that was wrapped anew is not unwrapped to the same bytes.");
      }
    } finally {
      after.plaintext.fill(0);
    }

    return { wrapped, from: before.crkVersion };
  } finally {
    before.plaintext.fill(0);
  }
}

/** What a move may have left in the key manager. */
type Made = { readonly keyId: string } | "nothing" | "unknown";

/** Gives up a move that has not switched, and what it has made. What cannot be deleted now is left to the reconciler. */
async function giveUp(dependencies: MoveDependencies, move: Move, made: Made): Promise<void> {
  const { db, clock, keyManager, timeoutMs, logger } = dependencies;
  const keyId = typeof made === "string" ? null : made.keyId;

  try {
    // Also where another process has cancelled it: that one may have looked before the key was made.
    const cancelled = { to: "cancelled", now: clock.now(), newKeyId: keyId } as const;

    if (!(await stepMove(db, move, { ...cancelled, from: "moving" }))) {
      await stepMove(db, move, { ...cancelled, from: "cancelled" });
    }

    if (keyId !== null) {
      await keyManager.deleteStandardKey(keyId, callContext(timeoutMs));
    }

    if (made !== "unknown") {
      await endMove(db, move, "cancelled");
    }
  } catch (error) {
    logger.warn(
      {
        err: error,
        instanceId: move.instanceId,
        uniqueIdentifier: move.uniqueIdentifier,
        standardKey: keyId,
      },
      "move of a KEK not cleaned up; the reconciler will",
    );
  }
}

/** Stores the new wrap. The call is never repeated: without an answer the key is looked for by its marks. */
async function storeCopy(
  { keyManager, keyRing, timeoutMs }: MoveDependencies,
  move: Move,
  payload: Uint8Array,
): Promise<string> {
  const marks = moveMarks(move);

  try {
    const { id } = await keyManager.createStandardKey(
      { ...marks, payload, ...(keyRing === null ? {} : { keyRing }) },
      callContext(timeoutMs),
    );

    return id;
  } catch (error) {
    const [found] = hadNoEffect(error)
      ? []
      : await keyManager.findStandardKeys(marks, callContext(timeoutMs)).catch(() => {
          // Whatever the look-up met, the copy may be there: its refusal is not the creation's.
          throw error;
        });

    if (!found) {
      throw error;
    }

    return found.id;
  }
}

/**
 * Destroys a KEK whose standard key was deleted in the key manager: whoever did so revoked it, and no copy of ours is
 * to undo that. Does nothing if the KEK refers to another standard key by now.
 */
async function destroyRevoked(
  dependencies: MoveDependencies,
  move: Move,
  keyIds: readonly (string | null)[],
): Promise<void> {
  const { db, clock, keyManager, timeoutMs, logger } = dependencies;
  const { instanceId, uniqueIdentifier } = move;
  const record = await findRecord(db, instanceId, uniqueIdentifier);

  if (record?.storage !== "stored" || !keyIds.includes(record.keyManagerKeyId)) {
    return;
  }

  const now = clock.now();
  const { accountId, audit } = dependencies;
  const { oldKeyId } = move;
  const destroying = await audit(
    { kind: "lost", accountId, instanceId, uniqueIdentifier, oldKeyId },
    (done) =>
      inPoolTransaction(db, async (client) => {
        const changed = await applyUpdate(client, {
          instanceId,
          uniqueIdentifier,
          ...destruction(record, now),
          from: ["stored"],
          to: "destroying",
          changedAt: now,
        });

        if (changed) {
          await done(client);
        }

        return changed;
      }),
  );

  if (!destroying) {
    throw new Error("A KEK that was deleted in the key manager is being changed at the same time.");
  }

  logger.warn(
    { instanceId, uniqueIdentifier },
    "standard key deleted in the key manager; the KEK is destroyed",
  );
  await deleteMaterial({ db, keyManager, timeoutMs }, destroying, now);
  await markDestroyed(db, instanceId, uniqueIdentifier);
}

/**
 * Ends a move that has switched: the old standard key is deleted. If somebody else has deleted it before we began to,
 * they revoked the KEK.
 * @throws KeyManagerError; the move can be ended later
 */
export async function finishMove(dependencies: MoveDependencies, move: Move): Promise<MoveOutcome> {
  const { db, clock, keyManager, timeoutMs } = dependencies;

  if (move.phase === "switched") {
    try {
      await readStandardKey(keyManager, move.oldKeyId, callContext(timeoutMs));
    } catch (error) {
      if (!(error instanceof StandardKeyGone)) {
        throw error;
      }

      await confirmGone(keyManager, dependencies.crkId, error, callContext(timeoutMs));

      // Only while nobody of us has begun to delete it.
      if (!(await stepMove(db, move, { from: "switched", to: "revoked", now: clock.now() }))) {
        return "overtaken";
      }

      return finishMove(dependencies, { ...move, phase: "revoked" });
    }

    if (!(await stepMove(db, move, { from: "switched", to: "deleting", now: clock.now() }))) {
      return "overtaken";
    }
  }

  if (move.phase === "revoked") {
    await destroyRevoked(dependencies, move, [move.newKeyId]);
    await endMove(db, move, "revoked");

    return "revoked";
  }

  await keyManager.deleteStandardKey(move.oldKeyId, callContext(timeoutMs));
  await endMove(db, move, "deleting");

  return "moved";
}

/** @returns false when the move was overtaken */
function switchTo(
  { db, clock, accountId, audit }: MoveDependencies,
  move: Move,
  to: MoveTo,
): Promise<boolean> {
  const { instanceId, uniqueIdentifier, oldKeyId } = move;

  return audit({ kind: "moved", accountId, instanceId, uniqueIdentifier, oldKeyId, to }, (done) =>
    inPoolTransaction(db, async (client) => {
      const switched = await switchMove(client, move, { ...to, now: clock.now() });

      if (switched) {
        await done(client);
      }

      return switched;
    }),
  );
}

/**
 * Moves a KEK's material to a standard key that is wrapped under the target's latest version. At any moment the KEK
 * refers to a standard key that has been read and unwrapped, and the move's row tells of the other one.
 * @throws KeyManagerError and others; the KEK is where it was, or where it was to go
 */
export async function moveKek(dependencies: MoveDependencies, move: BegunMove): Promise<MoveOutcome> {
  const { db, keyManager, crkId, timeoutMs } = dependencies;
  let made: Made = "nothing";
  let to: MoveTo;

  try {
    const old = await readStandardKey(keyManager, move.oldKeyId, callContext(timeoutMs));
    const { wrapped, from } = await rewrap(dependencies, move, old.payload);

    if (wrapped === null) {
      await noteVersion(db, move, from);
      await endMove(db, move, "moving");

      return "current";
    }

    made = "unknown";
    const keyId = await storeCopy(dependencies, move, wrapped.bytes).catch((error: unknown) => {
      if (hadNoEffect(error)) {
        made = "nothing";
      }

      throw error;
    });

    made = { keyId };

    // Deleting the old one meanwhile was a revocation, which the switch must not undo.
    const [copy] = await Promise.all([
      keyManager.getStandardKey(keyId, callContext(timeoutMs)),
      readStandardKey(keyManager, move.oldKeyId, callContext(timeoutMs)),
    ]);

    if (!isSame(copy.payload, wrapped.bytes)) {
      throw new Error("A standard key does not hold what was stored in it.");
    }

    to = { keyId, crkId, crkVersion: wrapped.crkVersion };
  } catch (error) {
    await giveUp(dependencies, move, made);

    if (!(error instanceof StandardKeyGone)) {
      throw error;
    }

    await confirmGone(keyManager, move.crkId, error, callContext(timeoutMs));
    await destroyRevoked(dependencies, move, [move.oldKeyId]);

    return "revoked";
  }

  // When this fails, it is not known here which standard key is the KEK's: the reconciler sees it in the row.
  if (!(await switchTo(dependencies, move, to))) {
    await giveUp(dependencies, move, made);

    return "overtaken";
  }

  try {
    return await finishMove(dependencies, { ...move, phase: "switched", newKeyId: to.keyId });
  } catch (error) {
    dependencies.logger.warn(
      { err: error, instanceId: move.instanceId, uniqueIdentifier: move.uniqueIdentifier },
      "former standard key of a KEK not deleted; the reconciler will",
    );

    return "moved";
  }
}
