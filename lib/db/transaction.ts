import type pg from "pg";

/** How often, and how far apart, the outcome of a commit is asked for whose answer was lost. */
const ASK_AGAIN_MS = [0, 200, 1_000] as const;

/** The connection was lost during COMMIT, and the database cannot be asked what became of it. */
export class CommitUnknown extends Error {
  constructor(cause: unknown) {
    super("It is not known whether a transaction was committed.", { cause });
    this.name = "CommitUnknown";
  }
}

/**
 * Runs work in one transaction of the plain pool.
 * @throws what `work` throws, after nothing has happened; CommitUnknown
 */
export async function inPoolTransaction<Result>(
  pool: Pick<pg.Pool, "connect" | "query">,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;

  try {
    await client.query("BEGIN");

    const { rows } = await client.query<{ id: string }>("SELECT pg_current_xact_id()::text AS id");
    const result = await work(client).catch(async (error: unknown) => {
      await client.query("ROLLBACK").catch((lost: Error) => {
        broken = lost;
      });
      throw error;
    });

    try {
      await client.query("COMMIT");
    } catch (error) {
      broken = error instanceof Error ? error : new Error(String(error));

      if (!(await committed(pool, rows[0]?.id, error))) {
        throw error;
      }
    }

    return result;
  } finally {
    client.release(broken);
  }
}

/** Whether a transaction whose COMMIT was not answered took place: the database remembers. @throws CommitUnknown */
async function committed(
  pool: Pick<pg.Pool, "query">,
  id: string | undefined,
  lost: unknown,
): Promise<boolean> {
  for (const pause of ASK_AGAIN_MS) {
    await new Promise((resolve) => setTimeout(resolve, pause));

    const { rows } = await pool
      .query<{ status: string | null }>("SELECT pg_xact_status($1::xid8) AS status", [id])
      .catch(() => ({ rows: [] }));
    const status = rows[0]?.status;

    if (status === "committed" || status === "aborted") {
      return status === "committed";
    }
  }

  throw new CommitUnknown(lost);
}
