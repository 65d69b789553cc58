import { recordAction } from "@/lib/core/audit";
import { systemActor } from "@/lib/core/keks/system-actor";
import { database, publish } from "@/lib/db";
import { checkInstance } from "./check-instance";

export type DueChecksOptions = {
  /** Between two checks of an instance, in seconds. */
  readonly everySeconds: number;
  readonly signal?: AbortSignal;
  /** Told of checks that could not run; their instances are due again after the interval. */
  readonly onError: (error: unknown, instanceId: string) => void;
};

/** One claim: whoever moves the due time first has the instance; a tenth of jitter keeps instances apart. */
const CLAIM = `
  UPDATE instance SET next_check_at = now() + make_interval(secs => $1::float8 * (0.9 + random() * 0.2))
  WHERE id = (
    SELECT id FROM instance
    WHERE status IN ('installed', 'attention') AND key_manager_kind IS NOT NULL
      AND (next_check_at IS NULL OR next_check_at <= now())
    ORDER BY next_check_at NULLS FIRST LIMIT 1 FOR UPDATE SKIP LOCKED
  )
  RETURNING id, account_id AS "accountId", name, last_check_at AS "lastCheckAt"`;

/**
 * Runs the permission checks that are due, one instance after the other, however many workers do the same. Each is
 * an audit event of the worker; the wrap in the key manager's own log belongs to it by its correlation id.
 * @returns how many ran
 */
export async function checkDueInstances(options: DueChecksOptions): Promise<number> {
  const { pool } = database();

  for (let ran = 0; ; ran += 1) {
    if (options.signal?.aborted) {
      return ran;
    }

    const { rows } = await pool.query<{
      id: string;
      accountId: string;
      name: string;
      lastCheckAt: Date | null;
    }>(CLAIM, [options.everySeconds]);
    const due = rows[0];

    if (!due) {
      return ran;
    }

    // A new instance was checked when it was ordered: its first due time is an interval after that.
    if (due.lastCheckAt && Date.now() - due.lastCheckAt.getTime() < options.everySeconds * 500) {
      continue;
    }

    const actor = systemActor("worker", due.accountId);

    try {
      const checked = await checkInstance(due.id, "schedule", {
        correlationId: actor.requestId,
        onChanged: (instanceId) => publish(pool, { type: "instance.changed", instanceId }),
        ...(options.signal ? { signal: options.signal } : {}),
      });

      await recordAction(actor, {
        action: "vmware-solutions.permission-check.run",
        target: { id: due.id, name: due.name },
        instanceId: due.id,
        requestData: { trigger: "schedule" },
        responseData: {
          ok: checked.report.ok,
          status: checked.after.status,
          reason: checked.after.statusReason,
        },
      });
    } catch (error) {
      options.onError(error, due.id);
    }
  }
}
