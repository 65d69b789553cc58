import { keysOfMove } from "./delete-material";
import { callContext, readStandardKey, wrapAad } from "./material-reader";
import { finishMove, type MoveDependencies } from "./move-kek";
import { endMove, type Move, takeUpMoves } from "./moves";
import { findRecord } from "./objects";

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
    readonly olderThanSeconds: number;
    readonly settleSeconds: number;
    readonly onRemoved?: (move: Move) => Promise<void>;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<SettledMoves> {
  const { db, keyManager, clock, timeoutMs, logger } = dependencies;
  const report = { copiesRemoved: 0, finished: 0, failed: 0 };
  const started = clock.now().getTime();
  const before = (seconds: number) => new Date(started - seconds * 1_000);

  /** A create that was under way may still make a standard key: until it is settled, it is looked for again. */
  async function removeCopy(move: Move): Promise<void> {
    const record = await findRecord(db, instanceId, move.uniqueIdentifier);

    for (const id of await keysOfMove(keyManager, move, record?.keyManagerKeyId ?? null, timeoutMs)) {
      await keyManager.deleteStandardKey(id, callContext(timeoutMs));
      report.copiesRemoved += 1;
      await options.onRemoved?.(move);
    }

    if (move.newKeyId !== null || move.createdAt <= before(options.settleSeconds)) {
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

    const due = {
      moving: before(options.staleSeconds ?? STALE_SECONDS),
      others: before(options.olderThanSeconds),
      now: clock.now(),
    };
    const moves = await takeUpMoves(db, instanceId, due, BATCH);

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

    if (moves.length < BATCH || due.moving.getTime() >= started) {
      return report;
    }
  }
}
