import type { Database } from "@/lib/db";
import { inPoolTransaction } from "@/lib/db/transaction";
import type { EngineClock, EngineLogger } from "@/lib/kmip/ports";
import { isLiving } from "../instance";
import { openInstanceKeyManager } from "../key-managers/open-key-manager";
import { markDestroyed } from "../serving/change-object";
import { deleteMaterial } from "../serving/delete-material";
import { type InstanceRecord, readInstance } from "../serving/instance-records";
import { callContext, type OpenKeyManager } from "../serving/material-reader";
import { standardKeyMarks } from "../serving/objects";
import { noteUnsettled } from "../serving/pending-deletion";
import { type AuditChange, auditChange } from "./audit-change";
import { settleMoves } from "./settle-moves";

export type ReconcileOptions = {
  readonly database: Pick<Database, "pool">;
  readonly logger: EngineLogger;
  readonly clock?: EngineClock;
  readonly openKeyManager?: OpenKeyManager;
  /** Default: the audit log. */
  readonly audit?: AuditChange;
  /** Rows without progress for so long are taken up; far longer than a slow Create or Destroy takes. */
  readonly olderThanSeconds?: number;
  /** The same for moves of material to another standard key, which are quick. */
  readonly staleSeconds?: number;
  /**
   * An abandoned Create's row is forgotten so long after it began. Until then its key is looked for again and
   * again, because a request that was under way may still make a standard key.
   */
  readonly settleSeconds?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

export type ReconcileReport = {
  /** Creates that ended without an answer, given up now. */
  readonly abandoned: number;
  /** Standard keys deleted that nobody was told of. */
  readonly orphansRemoved: number;
  /** Destructions finished. */
  readonly destroyed: number;
  /** Interrupted moves of material that were ended, or of which a copy was deleted. */
  readonly moves: number;
  /** Rows that the key manager did not let us settle; they are taken up again next time. */
  readonly failed: number;
};

type ClaimedRow = {
  uniqueIdentifier: string;
  storage: "abandoned" | "destroying";
  keyManagerKeyId: string | null;
  createdAt: Date;
  wasStoring: boolean;
};

const BATCH = 100;

/**
 * Claims rows: one process at a time works on a row, and a Create that is still running finds its row abandoned
 * and fails instead of acknowledging. `changed_at` is the claim's time.
 */
const CLAIM = `
  WITH due AS (
    SELECT instance_id, unique_identifier, storage FROM managed_object
    WHERE instance_id = $1 AND storage IN ('storing', 'abandoned', 'destroying') AND changed_at <= $2
      AND (settle_after IS NULL OR settle_after <= $3)
    ORDER BY changed_at LIMIT ${BATCH}
    FOR UPDATE SKIP LOCKED
  )
  UPDATE managed_object o SET
    storage = CASE WHEN o.storage = 'storing' THEN 'abandoned' ELSE o.storage END, changed_at = $3
  FROM due
  WHERE o.instance_id = due.instance_id AND o.unique_identifier = due.unique_identifier
  RETURNING o.unique_identifier AS "uniqueIdentifier", o.storage::text AS storage,
            o.key_manager_key_id AS "keyManagerKeyId", o.created_at AS "createdAt",
            due.storage = 'storing' AS "wasStoring"`;

/**
 * Whether a row is still as it was claimed. As long as it is there, no other Create can have its identifier, so what
 * was found by its marks until now is its own; once another worker has settled it, a client may import a key of that
 * identifier anew.
 */
const STILL_CLAIMED = `
  SELECT 1 FROM managed_object
  WHERE instance_id = $1 AND unique_identifier = $2 AND storage = 'abandoned' AND changed_at = $3`;

const FORGET = `
  DELETE FROM managed_object
  WHERE instance_id = $1 AND unique_identifier = $2 AND storage = 'abandoned' AND changed_at = $3`;

/** Settles one instance. */
class Reconciliation {
  readonly #options: ReconcileOptions;
  readonly #pool: Database["pool"];
  readonly #clock: EngineClock;
  readonly #openKeyManager: OpenKeyManager;
  readonly #timeoutMs: number;
  readonly #settleSeconds: number;
  readonly #audit: AuditChange;
  readonly #instance: InstanceRecord;
  readonly #started: number;
  readonly #report = { abandoned: 0, orphansRemoved: 0, destroyed: 0, moves: 0, failed: 0 };

  constructor(options: ReconcileOptions, instance: InstanceRecord) {
    this.#options = options;
    this.#pool = options.database.pool;
    this.#clock = options.clock ?? { now: () => new Date() };
    this.#openKeyManager = options.openKeyManager ?? openInstanceKeyManager;
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#settleSeconds = options.settleSeconds ?? 900;
    this.#audit = options.audit ?? auditChange;
    this.#instance = instance;
    this.#started = this.#clock.now().getTime();
  }

  async run(): Promise<ReconcileReport> {
    const due = new Date(this.#started - (this.#options.olderThanSeconds ?? 120) * 1_000);

    await this.#settleMoves();

    for (;;) {
      this.#options.signal?.throwIfAborted();

      const claimedAt = this.#clock.now();
      const { rows } = await this.#pool.query<ClaimedRow>(CLAIM, [this.#instance.id, due, claimedAt]);

      for (const row of rows) {
        this.#report.abandoned += row.wasStoring ? 1 : 0;
        await this.#settle(row, claimedAt);
      }

      // With an age of zero every row is due again at once: one round is all there is to do.
      if (rows.length < BATCH || due.getTime() >= this.#started) {
        return this.#report;
      }
    }
  }

  async #settle(row: ClaimedRow, claimedAt: Date): Promise<void> {
    const { logger } = this.#options;
    const kek = { instanceId: this.#instance.id, uniqueIdentifier: row.uniqueIdentifier };

    try {
      await (row.storage === "abandoned"
        ? this.#settleAbandoned(row, claimedAt)
        : this.#finishDestruction(row));
    } catch (error) {
      this.#report.failed += 1;
      logger.warn({ err: error, ...kek, storage: row.storage }, "KEK not settled; trying again later");
      await noteUnsettled(this.#pool, kek, error, this.#clock.now()).catch((noteError: unknown) => {
        logger.warn({ err: noteError, instanceId: kek.instanceId }, "reason of an unsettled KEK not noted");
      });
    }
  }

  async #settleAbandoned(row: ClaimedRow, claimedAt: Date): Promise<void> {
    const { id: instanceId, accountId } = this.#instance;
    const { uniqueIdentifier } = row;
    const claim = [instanceId, uniqueIdentifier, claimedAt];
    const { keyManager } = this.#openKeyManager(this.#instance);
    // Material that was replaced is known by its id; that of an interrupted creation by its marks alone.
    const known = row.keyManagerKeyId;
    const found = known
      ? [{ id: known }]
      : await keyManager.findStandardKeys(
          standardKeyMarks(instanceId, uniqueIdentifier),
          callContext(this.#timeoutMs),
        );

    if (!known && found.length > 0 && (await this.#pool.query(STILL_CLAIMED, claim)).rowCount === 0) {
      return;
    }

    for (const { id } of found) {
      await this.#audit({ kind: "orphanRemoved", accountId, instanceId, uniqueIdentifier }, async (done) => {
        await keyManager.deleteStandardKey(id, callContext(this.#timeoutMs));
        this.#report.orphansRemoved += 1;
        await done(this.#pool);
      });
    }

    if (known || row.createdAt.getTime() <= this.#started - this.#settleSeconds * 1_000) {
      await this.#pool.query(FORGET, claim);
    }
  }

  async #finishDestruction({ uniqueIdentifier, keyManagerKeyId }: ClaimedRow): Promise<void> {
    const { id: instanceId, accountId } = this.#instance;
    const { keyManager } = this.#openKeyManager(this.#instance);
    const db = this.#pool;

    await this.#audit(
      { kind: "destructionFinished", accountId, instanceId, uniqueIdentifier },
      async (done) => {
        await deleteMaterial(
          { db, keyManager, timeoutMs: this.#timeoutMs },
          { instanceId, uniqueIdentifier, keyManagerKeyId },
          this.#clock.now(),
        );
        await inPoolTransaction(db, async (client) => {
          await markDestroyed(client, instanceId, uniqueIdentifier);
          await done(client);
        });
        this.#report.destroyed += 1;
      },
    );
  }

  async #settleMoves(): Promise<void> {
    const { id: instanceId, accountId } = this.#instance;
    const { logger, signal, staleSeconds, olderThanSeconds } = this.#options;
    const { rows } = await this.#pool.query("SELECT FROM kek_move WHERE instance_id = $1 LIMIT 1", [
      instanceId,
    ]);

    if (rows.length === 0) {
      return;
    }

    const settled = await settleMoves(
      {
        ...this.#openKeyManager(this.#instance),
        db: this.#pool,
        clock: this.#clock,
        logger,
        timeoutMs: this.#timeoutMs,
        accountId,
        audit: this.#audit,
      },
      instanceId,
      { staleSeconds: staleSeconds ?? olderThanSeconds, settleSeconds: this.#settleSeconds, signal },
    );

    this.#report.moves += settled.copiesRemoved + settled.finished;
    this.#report.failed += settled.failed;
  }
}

const NOTHING: ReconcileReport = { abandoned: 0, orphansRemoved: 0, destroyed: 0, moves: 0, failed: 0 };

/**
 * Settles what interrupted Creates and Destroys of an instance left behind. It may run at any time, in any number
 * of processes, beside live traffic, and may itself be interrupted anywhere.
 */
export async function reconcileInstance(
  options: ReconcileOptions,
  instanceId: string,
): Promise<ReconcileReport> {
  const instance = await readInstance(options.database.pool, instanceId);

  return instance ? new Reconciliation(options, instance).run() : NOTHING;
}

/** Reconciles every instance that has something to settle. Errors of one instance do not keep the others waiting. */
export async function reconcileAll(options: ReconcileOptions): Promise<ReconcileReport> {
  const clock = options.clock ?? { now: () => new Date() };
  const due = new Date(clock.now().getTime() - (options.olderThanSeconds ?? 120) * 1_000);
  const { rows } = await options.database.pool.query<{ instanceId: string }>(
    `WITH due AS (
       SELECT DISTINCT instance_id FROM managed_object
       WHERE storage IN ('storing', 'abandoned', 'destroying') AND changed_at <= $1
         AND (settle_after IS NULL OR settle_after <= $2)
       UNION
       SELECT DISTINCT instance_id FROM kek_move WHERE changed_at <= $3
     )
     SELECT i.id AS "instanceId" FROM due JOIN instance i ON i.id = due.instance_id WHERE ${isLiving("i")}`,
    [
      due,
      clock.now(),
      new Date(clock.now().getTime() - (options.staleSeconds ?? options.olderThanSeconds ?? 30) * 1_000),
    ],
  );
  const total = { abandoned: 0, orphansRemoved: 0, destroyed: 0, moves: 0, failed: 0 };

  for (const { instanceId } of rows) {
    options.signal?.throwIfAborted();

    try {
      const report = await reconcileInstance(options, instanceId);

      total.abandoned += report.abandoned;
      total.orphansRemoved += report.orphansRemoved;
      total.destroyed += report.destroyed;
      total.moves += report.moves;
      total.failed += report.failed;
    } catch (error) {
      total.failed += 1;
      options.logger.error({ err: error, instanceId }, "instance not reconciled; trying again later");
    }
  }

  return total;
}
