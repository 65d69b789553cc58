import { type Database, notifyCall } from "@/lib/db";
import { KeyManagerError, type KeyManagerFailure, type RootKey } from "@/lib/key-managers/key-manager";
import type { EngineClock, EngineLogger } from "@/lib/kmip/ports";
import { AppError } from "../errors";
import { isLiving } from "../instance";
import { openInstanceKeyManager } from "../key-managers/open-key-manager";
import { isDefinite } from "../serving/failures";
import { type InstanceRecord, readInstance } from "../serving/instance-records";
import { callContext, type OpenKeyManager } from "../serving/material-reader";
import { type BegunMove, beginMoves, type MoveTarget } from "../serving/moves";
import { type AuditChange, auditChange } from "./audit-change";
import { type MoveDependencies, moveKek } from "./move-kek";

export type RewrapOptions = {
  readonly database: Pick<Database, "pool">;
  readonly logger: EngineLogger;
  readonly clock?: EngineClock;
  readonly openKeyManager?: OpenKeyManager;
  /** KEKs that this process moves at once. */
  readonly parallel?: number;
  /** KEKs that this process moves in a second at most. */
  readonly perSecond?: number;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Default: the audit log. */
  readonly audit?: AuditChange;
};

export type RewrapReport = {
  readonly moved: number;
  /** KEKs that stayed where they were; they are tried again later. */
  readonly failed: number;
  /** KEKs that are still to be moved. */
  readonly remaining: number;
};

/** Room for the clients: they share the key manager's request rate, and this process's share of its connections. */
const PARALLEL = 8;
const PER_SECOND = 50;
const INSTANCES_AT_ONCE = 4;
/** So many failures in a row are not the KEKs' but the key manager's. */
const GIVE_UP_AFTER = 5;
/** When an instance is looked at again whose KEKs are all on the target, and one where some are not. */
const IDLE_SECONDS = 600;
const RETRY_SECONDS = 15;

/** What keeps an instance's KEKs from being rewrapped, as a code that has a text in the messages. */
const REASONS: { readonly [failure in KeyManagerFailure]: string } = {
  credentials: "API_KEY_REFUSED",
  forbidden: "WRAP_FORBIDDEN",
  notFound: "WRAPPING_KEY_GONE",
  deleted: "WRAPPING_KEY_GONE",
  keyState: "WRAPPING_KEY_DISABLED",
  ciphertext: "KEK_NOT_UNWRAPPED",
  rejected: "KEY_MANAGER_REFUSED",
  throttled: "KEY_MANAGER_THROTTLED",
  timeout: "KEY_MANAGER_TIMEOUT",
  unreachable: "KEY_MANAGER_UNREACHABLE",
  serverError: "KEY_MANAGER_FAILURE",
};

function reasonOf(error: unknown): string {
  if (error instanceof KeyManagerError) {
    return REASONS[error.failure];
  }

  return error instanceof AppError ? error.code : "REWRAP_FAILED";
}

/** The code of a root key that wraps nothing. */
const STATE_REASONS: { readonly [state in RootKey["state"]]: string | null } = {
  active: null,
  preActive: "CRK_PRE_ACTIVE",
  suspended: "CRK_DISABLED",
  deactivated: "CRK_DEACTIVATED",
  destroyed: "CRK_DESTROYED",
};

/** Spreads starts evenly. */
function createPace(perSecond: number): () => Promise<void> {
  let next = 0;

  return async () => {
    const now = performance.now();
    const at = Math.max(next, now);

    next = at + 1_000 / perSecond;

    if (at > now) {
      await new Promise((resolve) => setTimeout(resolve, at - now));
    }
  };
}

/**
 * What the key manager says of the root key now; a rotation that it tells of is noted, so that everybody sees it.
 * @throws KeyManagerError
 */
async function readTarget(
  { database }: RewrapOptions,
  instance: InstanceRecord,
  opened: ReturnType<OpenKeyManager>,
  timeoutMs: number,
): Promise<MoveTarget & { readonly state: RootKey["state"] }> {
  const { currentVersion, state } = await opened.keyManager.getRootKey(opened.crkId, callContext(timeoutMs));
  const values: unknown[] = [instance.id, opened.crkId, currentVersion];
  const notify = notifyCall({ type: "instance.changed", instanceId: instance.id }, values);

  await database.pool.query(
    `WITH i AS (
       UPDATE instance SET crk_version = $3, crk_seen_at = now()
       WHERE id = $1 AND crk_id = $2 AND $3::text IS NOT NULL AND crk_version IS DISTINCT FROM $3::text
       RETURNING 1
     )
     SELECT ${notify} FROM i`,
    values,
  );

  return { crkId: opened.crkId, crkVersion: currentVersion, state };
}

/**
 * Moves the KEKs of an instance that are not wrapped under its root key's latest version. Any number of processes may
 * do so at once: each KEK is moved by one. A KEK that cannot be moved is passed over.
 * @throws the reason of options.signal
 */
export async function rewrapInstance(options: RewrapOptions, instanceId: string): Promise<RewrapReport> {
  const { pool } = options.database;
  const clock = options.clock ?? { now: () => new Date() };
  const timeoutMs = options.timeoutMs ?? 10_000;
  const parallel = options.parallel ?? PARALLEL;
  const pace = createPace(options.perSecond ?? PER_SECOND);
  const instance = await readInstance(pool, instanceId);
  const report = { moved: 0, failed: 0, remaining: 0 };

  if (!instance || instance.crkId === null) {
    return report;
  }

  const record = instance;
  let reason: string | null = null;
  let failuresInRow = 0;
  let stopped = false;

  async function moveOne(dependencies: MoveDependencies, move: BegunMove): Promise<void> {
    try {
      const outcome = await moveKek(dependencies, move);

      report.moved += outcome === "moved" ? 1 : 0;
      failuresInRow = 0;
    } catch (error) {
      report.failed += 1;
      failuresInRow += 1;
      reason = reasonOf(error);
      // An outage is everybody's; a refusal may be this KEK's alone.
      stopped ||= !isDefinite(error) || failuresInRow >= GIVE_UP_AFTER;
      options.logger.warn(
        { err: error, instanceId, uniqueIdentifier: move.uniqueIdentifier },
        "KEK not rewrapped; trying again later",
      );
    }
  }

  async function run(): Promise<void> {
    const opened = (options.openKeyManager ?? openInstanceKeyManager)(record);
    const { state, ...read } = await readTarget(options, record, opened, timeoutMs);
    const dependencies: MoveDependencies = {
      ...opened,
      db: pool,
      clock,
      logger: options.logger,
      timeoutMs,
      accountId: record.accountId,
      audit: options.audit ?? auditChange,
    };
    let after = "";
    let ended = false;

    const target: MoveTarget = read;

    reason = STATE_REASONS[state];
    stopped = reason !== null;

    /** The next KEK; a few are begun at a time, for as many as work on them. */
    let waiting: BegunMove[] = [];
    let filling: Promise<void> | null = null;

    async function fill(): Promise<void> {
      const begun = await beginMoves(pool, instanceId, target, { after, limit: parallel, now: clock.now() });

      after = begun.at(-1)?.uniqueIdentifier ?? after;
      ended = begun.length === 0;
      waiting = begun;
    }

    async function next(): Promise<BegunMove | null> {
      while (!stopped && !options.signal?.aborted) {
        const move = waiting.shift();

        if (move || ended) {
          return move ?? null;
        }

        filling ??= fill().finally(() => {
          filling = null;
        });
        await filling;
      }

      return null;
    }

    await Promise.all(
      Array.from({ length: parallel }, async () => {
        for (let move = await next(); move; move = await next()) {
          await pace();
          await moveOne(dependencies, move);
        }
      }),
    );

    // Begun, but not by anybody: so that the next run need not wait for the reconciler.
    await pool.query("DELETE FROM kek_move WHERE id = ANY ($1::uuid[]) AND phase = 'moving'", [
      waiting.map(({ id }) => id),
    ]);
  }

  try {
    await run();
  } catch (error) {
    reason = reasonOf(error);
    options.logger.warn({ err: error, instanceId }, "KEKs not rewrapped; trying again later");
  }

  options.signal?.throwIfAborted();
  report.remaining = await noteRun(pool, record.id, record.crkId, reason);

  return report;
}

/** KEKs that cannot be unwrapped where they are cannot be served either: the instance says so, until they can. */
const NOT_SERVED = "('WRAPPING_KEY_DISABLED', 'WRAPPING_KEY_GONE')";

/** Keeps what a run came to. @returns how many KEKs are still to be moved */
async function noteRun(
  pool: Database["pool"],
  instanceId: string,
  crkId: string | null,
  reason: string | null,
): Promise<number> {
  const { rows } = await pool.query<{ remaining: number }>(
    `WITH r AS (
       SELECT count(*)::int AS remaining FROM instance i JOIN managed_object o ON o.instance_id = i.id
       WHERE i.id = $1 AND o.storage = 'stored'
         AND (o.crk_id <> i.crk_id OR (i.crk_version IS NOT NULL AND o.crk_version IS DISTINCT FROM i.crk_version))
     ), i AS (
       UPDATE instance SET
         rewrap_seen = crk_id || '/' || coalesce(crk_version, ''),
         rewrap_due_at = now() + make_interval(secs => CASE WHEN r.remaining > 0 THEN $4::int ELSE $5::int END),
         rewrap_error = CASE WHEN r.remaining > 0 THEN $3::text END,
         rewrap_error_at = CASE WHEN r.remaining > 0 AND $3 IS NOT NULL THEN
           CASE WHEN rewrap_error = $3 THEN coalesce(rewrap_error_at, now()) ELSE now() END END
       FROM r WHERE id = $1 AND crk_id = $2
     )
     SELECT remaining FROM r`,
    [instanceId, crkId, reason, RETRY_SECONDS, IDLE_SECONDS],
  );

  const values: unknown[] = [instanceId];
  const notify = notifyCall({ type: "instance.changed", instanceId }, values);

  await pool.query(
    `WITH i AS (
       UPDATE instance SET
         status = (CASE WHEN coalesce(rewrap_error, '') IN ${NOT_SERVED} THEN 'attention' ELSE 'installed' END)::"InstanceStatus",
         status_reason = CASE WHEN coalesce(rewrap_error, '') IN ${NOT_SERVED} THEN rewrap_error END
       WHERE id = $1 AND (
         status = 'installed' AND rewrap_error IN ${NOT_SERVED}
         OR status = 'attention' AND status_reason IN ${NOT_SERVED} AND rewrap_error IS DISTINCT FROM status_reason)
       RETURNING 1
     )
     SELECT ${notify} FROM i`,
    values,
  );

  return rows[0]?.remaining ?? 0;
}

/**
 * Rewraps what is due, of all instances: those whose root key or version is another than at the last run, and those
 * whose last run left something or was long ago.
 */
export async function rewrapDue(options: RewrapOptions): Promise<RewrapReport> {
  const { rows } = await options.database.pool.query<{ id: string }>(
    `SELECT id FROM instance i
     WHERE ${isLiving("i")} AND status IN ('installed', 'attention') AND crk_id IS NOT NULL AND (
       rewrap_due_at IS NULL OR rewrap_due_at <= now()
       OR rewrap_seen IS DISTINCT FROM crk_id || '/' || coalesce(crk_version, ''))
     ORDER BY rewrap_due_at NULLS FIRST`,
  );
  const total = { moved: 0, failed: 0, remaining: 0 };
  const due = rows.values();

  async function work(): Promise<void> {
    for (const { id } of due) {
      options.signal?.throwIfAborted();

      try {
        const report = await rewrapInstance(options, id);

        total.moved += report.moved;
        total.failed += report.failed;
        total.remaining += report.remaining;
      } catch (error) {
        options.signal?.throwIfAborted();
        options.logger.error({ err: error, instanceId: id }, "instance not rewrapped; trying again later");
      }
    }
  }

  // A large instance does not keep the small ones waiting.
  await Promise.all(Array.from({ length: INSTANCES_AT_ONCE }, work));

  return total;
}
