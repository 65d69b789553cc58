/**
 * Client certificates of connection tests. The endpoints let one in beside the pinned ones, for Discover Versions and
 * Query alone, from the moment its row is there until the row is gone or its time is over.
 */
import { database, publishIn } from "@/lib/db";
import { isLiving } from "../instance";

/** Far longer than a test takes, and the most that a killed process leaves behind. */
export const PROBE_SECONDS = 60;

export type ConnectionProbe = {
  readonly instanceId: string;
  readonly sha256: string;
  /** Marks the test's audit events. */
  readonly testId: string;
};

type ForgottenRow = { instanceId: string; sha256: string };

/** What the endpoints remember of a probe ends by itself in time; the news ends it at once. */
async function tell(rows: readonly ForgottenRow[]): Promise<void> {
  for (const row of rows) {
    await publishIn(database().pool, { type: "certificate.removed", ...row });
  }
}

/**
 * Forgets probes whose time is over; for a worker, every half minute or so. (Nothing heeds them meanwhile.)
 * @param instanceId only this instance's
 */
export async function forgetConnectionProbes(instanceId: string | null = null): Promise<void> {
  const { rows } = await database().pool.query<ForgottenRow>(
    `DELETE FROM connection_probe WHERE expires_at <= now() AND ($1::uuid IS NULL OR instance_id = $1)
     RETURNING instance_id AS "instanceId", sha256`,
    [instanceId],
  );

  await tell(rows);
}

/** Lets a probe in. @returns false when another test of the instance runs, or the instance serves nobody */
export async function admitProbe(probe: ConnectionProbe): Promise<boolean> {
  await forgetConnectionProbes(probe.instanceId);
  const { rowCount } = await database().pool.query(
    `INSERT INTO connection_probe (sha256, instance_id, test_id, expires_at)
     SELECT $1, id, $3, now() + make_interval(secs => $4) FROM instance i
     WHERE id = $2 AND ${isLiving("i")} AND status IN ('installed', 'attention')
     ON CONFLICT (instance_id) DO NOTHING`,
    [probe.sha256, probe.instanceId, probe.testId, PROBE_SECONDS],
  );

  return rowCount === 1;
}

/** Ends a probe: its open connections are closed, on every endpoint. */
export async function withdrawProbe({ instanceId, sha256 }: ConnectionProbe): Promise<void> {
  await database().pool.query("DELETE FROM connection_probe WHERE sha256 = $1", [sha256]);
  await tell([{ instanceId, sha256 }]);
}
