import { database, publishIn } from "@/lib/db";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import { PROVIDERS } from "@/lib/key-managers/registry";
import { isLiving } from "../instance";
import { systemActor } from "../system-actor";
import { checkInstance } from "./check-instance";

/** A worker that dies with claimed instances leaves them to another after this time. */
const LEASE_SECONDS = 120;
const BATCH = 8;

/**
 * Runs the permission checks that are due, of all accounts, and tells the other processes of every change. Instances are
 * claimed with their row, so that several workers check each one once; the next time is `everySeconds` later, give or
 * take a tenth, so that instances of one key manager do not come all at once.
 * @param options.onError told when a check could not run at all (not when it found a failure)
 * @returns how many instances were checked
 */
export async function checkDueInstances(options: {
  everySeconds: number;
  signal?: AbortSignal;
  onError?: (error: unknown, instanceId: string) => void;
  cloud?: IbmCloud;
}): Promise<number> {
  let checked = 0;

  while (!options.signal?.aborted) {
    const due = await claimDue();

    if (due.length === 0) {
      break;
    }

    const done = await Promise.all(due.map((instance) => checkOne(instance, options)));
    checked += done.filter(Boolean).length;
  }

  return checked;
}

type DueInstance = { readonly id: string; readonly accountId: string };

async function claimDue(): Promise<DueInstance[]> {
  const withoutSecret = PROVIDERS.flatMap(({ kind, authorization }) => (authorization ? kind : []));
  const { rows } = await database().pool.query<DueInstance>(
    `UPDATE instance SET next_check_at = now() + make_interval(secs => $1)
      WHERE id IN (
        SELECT id FROM instance i
         WHERE ${isLiving("i")} AND status IN ('installed', 'attention')
           AND crk_id IS NOT NULL AND (api_key_sealed IS NOT NULL OR key_manager_kind = ANY ($3))
           AND (next_check_at IS NULL OR next_check_at <= now())
         ORDER BY next_check_at NULLS FIRST
         LIMIT $2
         FOR UPDATE SKIP LOCKED)
     RETURNING id, account_id AS "accountId"`,
    [LEASE_SECONDS, BATCH, withoutSecret],
  );

  return rows;
}

async function checkOne(
  { id: instanceId, accountId }: DueInstance,
  options: Parameters<typeof checkDueInstances>[0],
): Promise<boolean> {
  const { pool } = database();
  const onError = options.onError ?? (() => {});

  try {
    await checkInstance(instanceId, "schedule", {
      actor: systemActor("worker", accountId),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      ...(options.cloud === undefined ? {} : { cloud: options.cloud }),
      onChanged: () => publishIn(pool, { type: "instance.changed", instanceId }),
      onError: (error) => onError(error, instanceId),
    });
  } catch (error) {
    if (options.signal?.aborted) {
      // Cut short by the process's end: the lease runs out and another worker takes it.
      return false;
    }

    onError(error, instanceId);
  }

  await pool.query(
    "UPDATE instance SET next_check_at = now() + make_interval(secs => $2 * (0.9 + random() * 0.2)) WHERE id = $1",
    [instanceId, options.everySeconds],
  );

  return true;
}
