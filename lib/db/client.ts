import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { processSlot } from "@/lib/per-process";
import { PrismaClient } from "./generated/client";

/**
 * The two doors to one PostgreSQL: Prisma for the console's reads and writes, and the plain pool for the hot
 * paths (KMIP, audit), which prepare their statements and stream (ADR 0003).
 */
export type Database = {
  readonly url: string;
  readonly pool: pg.Pool;
  readonly prisma: PrismaClient;
  /** Ends both; idle connections at once, busy ones when they are done. */
  close(): Promise<void>;
};

/**
 * Opens a database.
 * @param url postgresql:// connection string
 * @param options.max connections of the plain pool (Prisma's own pool is as large)
 * @param options.onError told of errors of idle connections, which otherwise would end the process
 */
export function openDatabase(
  url: string,
  options: { max?: number; applicationName?: string; onError?: (error: Error) => void } = {},
): Database {
  const config: pg.PoolConfig = {
    connectionString: url,
    max: options.max ?? 10,
    application_name: options.applicationName ?? "kmip-console",
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
  };
  const pool = new pg.Pool(config);
  const prismaPool = new pg.Pool(config);
  const onError = options.onError ?? (() => {});

  pool.on("error", onError);
  prismaPool.on("error", onError);

  const prisma = new PrismaClient({ adapter: new PrismaPg(prismaPool) });

  return {
    url,
    pool,
    prisma,
    async close() {
      await prisma.$disconnect();
      await Promise.all([pool.end(), prismaPool.end()]);
    },
  };
}

const slot = processSlot<Database>("database");

/** Makes `database()` answer this one from now on; null forgets it (tests, process entry points). */
export const setDatabase = slot.set;

/** The open database of this process, or null. */
export const currentDatabase = slot.get;
