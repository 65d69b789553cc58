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

export type TransactionOptions = {
  /** Advisory lock that is held from the beginning to the end: who works under the same number comes after. */
  readonly lock?: number;
};

/**
 * Runs work in one transaction of the plain pool. Where the answer to COMMIT is lost with the connection, the database
 * is asked whether it took place.
 * @throws what `work` throws, after nothing has happened; CommitUnknown
 */
export async function inPoolTransaction<Result>(
  pool: Pick<pg.Pool, "connect" | "query">,
  work: (client: pg.PoolClient) => Promise<Result>,
  options: TransactionOptions = {},
): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A connection that breaks also emits an event, which without a listener would end the process.
  const onError = (error: Error) => {
    broken = error;
  };

  client.on("error", onError);

  try {
    const id = await begin(client, options).catch((error: Error) => {
      onError(error);
      throw error;
    });
    const result = await work(client).catch(async (error: unknown) => {
      await client.query("ROLLBACK").catch(onError);
      throw error;
    });

    await client.query("COMMIT").catch(async (error: Error) => {
      onError(error);

      if (!(await wasCommitted(pool, id, error))) {
        throw error;
      }
    });

    return result;
  } finally {
    client.release(broken);

    // A healthy connection goes back to the pool, which listens itself; a broken one may still have words.
    if (!broken) {
      client.removeListener("error", onError);
    }
  }
}

/** @returns the number of the transaction, by which its outcome can be asked for */
async function begin(client: pg.PoolClient, { lock }: TransactionOptions): Promise<string | undefined> {
  await client.query("BEGIN");

  const { rows } = await client.query<{ id: string }>("SELECT pg_current_xact_id()::text AS id");

  if (lock !== undefined) {
    await client.query("SELECT pg_advisory_xact_lock($1::bigint)", [lock]);
  }

  return rows[0]?.id;
}

/**
 * Whether a transaction whose COMMIT was not answered took place: the database remembers.
 * @param id `pg_current_xact_id()` of the transaction
 * @param lost what was thrown in place of the answer
 * @throws CommitUnknown when the database cannot be asked, or does not know yet
 */
export async function wasCommitted(
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
