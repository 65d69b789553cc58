import { keysOfMove } from "../serving/delete-material";
import { callContext, readStandardKey, wrapAad } from "../serving/material-reader";
import { endMove, type Move, takeUpMoves } from "../serving/moves";
import { findRecord } from "../serving/objects";
import { finishMove, type MoveDependencies } from "./move-kek";

/** Moves without progress for so long are taken up; a process that still works on one of them loses it. */
const STALE_SECONDS = 30;
const BATCH = 50;

export type SettledMoves = {
  /** Copies deleted that no KEK refers to. */
  readonly copiesRemoved: number;
  /** Moves ended whose old standard key was still there. */
  readonly finished: number;
  readonly failed: number;
};

/**
 * Settles the moves of an instance that were interrupted: copies that nobody refers to are deleted, old standard keys
 * only after the KEK's present one has been read and unwrapped. It may run at any time, in any number of processes.
 */
export async function settleMoves(
  dependencies: MoveDependencies,
  instanceId: string,
  options: {
    readonly staleSeconds?: number | undefined;
    readonly settleSeconds: number;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<SettledMoves> {
  const { db, keyManager, clock, timeoutMs, logger, accountId, audit } = dependencies;
  const { staleSeconds = STALE_SECONDS } = options;
  const report = { copiesRemoved: 0, finished: 0, failed: 0 };
  const settled = new Date(clock.now().getTime() - options.settleSeconds * 1_000);

  /** A create that was under way may still make a standard key: until it is settled, it is looked for again. */
  async function removeCopy(move: Move): Promise<void> {
    const { uniqueIdentifier } = move;
    const record = await findRecord(db, instanceId, uniqueIdentifier);

    for (const id of await keysOfMove(keyManager, move, record?.keyManagerKeyId ?? null, timeoutMs)) {
      await audit({ kind: "copyRemoved", accountId, instanceId, uniqueIdentifier }, async (done) => {
        await keyManager.deleteStandardKey(id, callContext(timeoutMs));
        report.copiesRemoved += 1;
        await done(db);
      });
    }

    if (move.newKeyId !== null || move.createdAt <= settled) {
      await endMove(db, move, "cancelled");
    }
  }

  async function finish(move: Move): Promise<void> {
    const record = await findRecord(db, instanceId, move.uniqueIdentifier);

    if (record?.storage === "stored" && record.keyManagerKeyId !== null && move.phase !== "revoked") {
      // Never the only one that can be read.
      const { payload } = await readStandardKey(keyManager, record.keyManagerKeyId, callContext(timeoutMs));
      const aad = wrapAad(instanceId, move.uniqueIdentifier);
      const { plaintext } = await keyManager.unwrap(record.crkId, payload, aad, callContext(timeoutMs));

      plaintext.fill(0);
    }

    await finishMove(dependencies, move);
    report.finished += 1;
  }

  for (;;) {
    options.signal?.throwIfAborted();

    const moves = await takeUpMoves(db, instanceId, { staleSeconds, now: clock.now(), limit: BATCH });

    for (const move of moves) {
      options.signal?.throwIfAborted();

      try {
        await (move.phase === "cancelled" ? removeCopy(move) : finish(move));
      } catch (error) {
        report.failed += 1;
        logger.warn(
          { err: error, instanceId, uniqueIdentifier: move.uniqueIdentifier, phase: move.phase },
          "move of a KEK not settled; trying again later",
        );
      }
    }

    // With an age of zero every move is due again at once: one round is all there is to do.
    if (moves.length < BATCH || staleSeconds === 0) {
      return report;
    }
  }
}
