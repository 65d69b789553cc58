import { PrismaPg } from "@prisma/adapter-pg";
import type pg from "pg";
import { processSlot } from "@/lib/per-process";
import { PrismaClient } from "./generated/client";
import { type Patience, Pulse } from "./pulse";
import { WatchedPool } from "./watched-pool";

/**
 * The two doors to one PostgreSQL: Prisma for the console's reads and writes, and the plain pools for the hot
 * paths (KMIP, audit), which prepare their statements and stream (ADR 0003). Each kind of work that may take long has
 * connections of its own, so that no other waits for them (ADR 0025).
 */
export type Database = {
  readonly url: string;
  /** What is short and indexed. */
  readonly pool: pg.Pool;
  readonly prisma: PrismaClient;
  /** The audit's appends, for which every answer with a key waits. */
  readonly appends: pg.Pool;
  /** Searches of people, cancelled after `SEARCH_SECONDS`. */
  readonly searches: pg.Pool;
  /** Locates of clients, cancelled after `LOCATE_SECONDS`. */
  readonly locates: pg.Pool;
  /** Exports and checks of the whole audit log, which somebody waits for on purpose. */
  readonly reports: pg.Pool;
  /** Who waits for a connection now, by kind of work. */
  waiting(): { readonly [kind: string]: number };
  /** Ends all; idle connections at once, busy ones when they are done. */
  close(): Promise<void>;
};

/** Who waits for the database, which says how long: clients of KMIP, people, or nobody. */
type DatabaseWork = "endpoint" | "console" | "background";

/** An answer that needs the database several times is given within 8 s, whatever becomes of it (ADR 0025). */
const PATIENCE: Record<DatabaseWork, Patience> = {
  endpoint: { firstMs: 3_000, againMs: 700 },
  console: { firstMs: 5_000, againMs: 700 },
  background: { firstMs: 60_000, againMs: 10_000 },
};

export const SEARCH_SECONDS = 3;
export const LOCATE_SECONDS = 4;
const REPORT_SECONDS = 120;
/** Before the connection is given up, the server itself ends a statement, and says that it did. */
const SERVER_FIRST_MS = 500;
const CONNECTIONS = { appends: 3, searches: 6, locates: 6, reports: 2 } as const;
/** For a free connection among the few for searches. */
const TURN_MS = 2_000;

/**
 * The server looks this often whether the client of a running statement is still there, and cancels it if not: so a
 * search ends with whoever asked for it.
 */
const CLIENT_CHECK = "-c client_connection_check_interval=500";

export type DatabaseOptions = {
  /** Connections of the plain pool; Prisma's own pool is as large. */
  readonly max?: number;
  readonly applicationName?: string;
  /** Default `background`. */
  readonly work?: DatabaseWork;
  /** Told of errors of idle connections, which otherwise would end the process. */
  readonly onError?: (error: Error) => void;
  /** Told when the database says nothing any more, and when it is heard of again. */
  readonly onSilence?: (silent: boolean) => void;
};

/**
 * Opens a database.
 * @param url postgresql:// connection string
 */
export function openDatabase(url: string, options: DatabaseOptions = {}): Database {
  const { work = "background", max = 10, applicationName = "kmip-console" } = options;
  const { onError = () => {}, onSilence = () => {} } = options;
  const base: pg.PoolConfig = {
    connectionString: url,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    options: CLIENT_CHECK,
  };
  const pulse = new Pulse(url, PATIENCE[work], (silent) => {
    for (const pool of patient) {
      pool.followPulse();
    }

    onSilence(silent);
  });
  const statement_timeout = work === "background" ? 0 : PATIENCE[work].firstMs - SERVER_FIRST_MS;
  const short = (connections: number, name: string) =>
    new WatchedPool(
      { ...base, max: connections, statement_timeout, application_name: `${applicationName}${name}` },
      pulse,
    );
  const long = (kind: "searches" | "locates" | "reports", seconds: number) =>
    new WatchedPool(
      {
        ...base,
        max: CONNECTIONS[kind],
        statement_timeout: seconds * 1_000,
        connectionTimeoutMillis: TURN_MS,
        application_name: `${applicationName} ${kind}`,
      },
      pulse,
      seconds * 1_000 + SERVER_FIRST_MS,
    );
  const pool = short(max, "");
  const prismaPool = short(max, "");
  const appends = short(CONNECTIONS.appends, " audit");
  const patient = [pool, prismaPool, appends];
  const bounded = {
    searches: long("searches", SEARCH_SECONDS),
    locates: long("locates", LOCATE_SECONDS),
    reports: long("reports", REPORT_SECONDS),
  };
  const pools = { pool, prisma: prismaPool, appends, ...bounded };

  for (const each of Object.values(pools)) {
    each.on("error", onError);
  }

  const prisma = new PrismaClient({ adapter: new PrismaPg(prismaPool) });

  return {
    url,
    pool,
    prisma,
    appends,
    ...bounded,
    waiting: () =>
      Object.fromEntries(Object.entries(pools).map(([kind, { waitingCount }]) => [kind, waitingCount])),
    async close() {
      pulse.close();
      await prisma.$disconnect();
      await Promise.all(Object.values(pools).map((each) => each.end()));
    },
  };
}

const slot = processSlot<Database>("database");

/** Makes `database()` answer this one from now on; null forgets it (tests, process entry points). */
export const setDatabase = slot.set;

/** The open database of this process, or null. */
export const currentDatabase = slot.get;
