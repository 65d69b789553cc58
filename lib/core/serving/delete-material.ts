import type { KeyManager } from "@/lib/key-managers/key-manager";
import { callContext } from "./material-reader";
import { cancelMovesOf, endMove, type Move, moveMarks } from "./moves";
import type { KekRecord, Queryable } from "./objects";

/** Ids of the standard keys that a move may have left, but for the KEK's present one. */
export async function keysOfMove(
  keyManager: KeyManager,
  move: Move,
  currentKeyId: string | null,
  timeoutMs: number,
): Promise<string[]> {
  if (move.phase !== "cancelled") {
    return [move.oldKeyId, ...(move.newKeyId === null ? [] : [move.newKeyId])].filter(
      (id) => id !== currentKeyId,
    );
  }

  // Its old key is the KEK's present one, or that of another move.
  const made =
    move.newKeyId === null
      ? (await keyManager.findStandardKeys(moveMarks(move), callContext(timeoutMs))).map(({ id }) => id)
      : [move.newKeyId];

  return made.filter((id) => id !== currentKeyId);
}

export type DeleteDependencies = {
  readonly db: Queryable;
  readonly keyManager: KeyManager;
  /** For one call of the key manager, in milliseconds. */
  readonly timeoutMs: number;
  readonly correlationId?: string | undefined;
};

/**
 * Deletes all standard keys of a KEK that is being destroyed: what moves of its material have left (none of them can
 * switch any more), then its present one. So a refusal leaves a KEK that can be served.
 * @throws KeyManagerError
 */
export async function deleteMaterial(
  { db, keyManager, timeoutMs, correlationId }: DeleteDependencies,
  kek: Pick<KekRecord, "instanceId" | "uniqueIdentifier" | "keyManagerKeyId">,
  now: Date,
): Promise<void> {
  const { instanceId, uniqueIdentifier, keyManagerKeyId } = kek;

  for (const move of await cancelMovesOf(db, instanceId, uniqueIdentifier, now)) {
    for (const id of await keysOfMove(keyManager, move, keyManagerKeyId, timeoutMs)) {
      await keyManager.deleteStandardKey(id, callContext(timeoutMs, correlationId));
    }

    // One whose standard key is not known may still be making it: the reconciler looks again.
    if (move.phase !== "cancelled" || move.newKeyId !== null) {
      await endMove(db, move, move.phase);
    }
  }

  if (keyManagerKeyId !== null) {
    await keyManager.deleteStandardKey(keyManagerKeyId, callContext(timeoutMs, correlationId));
  }
}
