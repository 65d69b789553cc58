import { database } from "@/lib/db";
import type { Prisma } from "@/lib/db/generated/client";
import { type TransactionOptions, wasCommitted } from "@/lib/db/transaction";

/** What a step of a transaction of Prisma works with. */
export type Transaction = Prisma.TransactionClient;

/** Wider than Prisma's own: several changes of one account may wait for each other. In milliseconds. */
const LIMITS = { maxWait: 10_000, timeout: 20_000 };

/**
 * Runs work in one transaction of Prisma. Where the answer to COMMIT is lost with the connection, the database is asked
 * whether it took place.
 * @throws what `work` throws, after nothing has happened; CommitUnknown
 */
export async function inTransaction<Result>(
  work: (tx: Transaction) => Promise<Result>,
  options: TransactionOptions = {},
): Promise<Result> {
  const { prisma, pool } = database();
  let ended: { readonly id: string | undefined; readonly result: Result } | null = null;

  try {
    return await prisma.$transaction(async (tx) => {
      const [row] = await tx.$queryRaw<{ id: string }[]>`SELECT pg_current_xact_id()::text AS id`;

      if (options.lock !== undefined) {
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(${options.lock}::bigint)`;
      }

      const result = await work(tx);

      ended = { id: row?.id, result };

      return result;
    }, LIMITS);
  } catch (error) {
    return settle(pool, ended, error);
  }
}

/** The result of a transaction whose COMMIT failed, if it took place after all. */
async function settle<Result>(
  pool: Parameters<typeof wasCommitted>[0],
  ended: { readonly id: string | undefined; readonly result: Result } | null,
  error: unknown,
): Promise<Result> {
  if (ended !== null && (await wasCommitted(pool, ended.id, error))) {
    return ended.result;
  }

  throw error;
}
