import { database } from "@/lib/db";
import { isMigrated, type Migration, readMigrations, unknownMigrations } from "@/lib/db/migrate";
import { env } from "@/lib/env";
import { createLogger } from "@/lib/log";
import { liveZones } from "../endpoints";

/** Why the deployment is not ready, in stable codes with a sentence each. */
type ReadinessProblem = {
  readonly code:
    | "DATABASE_UNAVAILABLE"
    | "MIGRATIONS_PENDING"
    | "ENDPOINT_DOWN"
    | "SERVER_CERTIFICATE_EXPIRED";
  readonly detail: string;
};

/** What is wrong although everybody is served. */
type ReadinessWarning = {
  readonly code: "SCHEMA_NEWER" | "CLOCK_DIFFERS";
  readonly detail: string;
};

type Readiness = {
  /** Empty when it is ready. */
  readonly problems: readonly ReadinessProblem[];
  readonly warnings: readonly ReadinessWarning[];
};

const TIMEOUT_MS = 3_000;
/** Clocks of machines that are kept in step differ by less. */
const CLOCK_SECONDS = 60;

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("The database did not answer in time.")), TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

async function endpointProblems(): Promise<ReadinessProblem[]> {
  const live = await liveZones();

  return env().KMIP_PORTS.flatMap((port, index) =>
    live.has(index + 1)
      ? []
      : [
          {
            code: "ENDPOINT_DOWN" as const,
            detail: `No KMIP endpoint of zone ${index + 1} (port ${port}) has been heard of lately.`,
          },
        ],
  );
}

/** Certificates of the zones that have ended by this machine's clock, which may be the one that is wrong. */
async function certificateProblems(now: Date): Promise<ReadinessProblem[]> {
  const { rows } = await database().pool.query<{ id: string }>(
    "SELECT id FROM tls_identity WHERE id LIKE 'zone-%' AND not_after <= $1 ORDER BY id",
    [now],
  );

  return rows.map(({ id }) => ({
    code: "SERVER_CERTIFICATE_EXPIRED",
    detail: `The server certificate ${id} has expired, or the clock of this machine is ahead.`,
  }));
}

async function schemaWarnings(migrations: readonly Migration[]): Promise<ReadinessWarning[]> {
  const [name] = await unknownMigrations(database().pool, migrations);

  return name === undefined
    ? []
    : [
        {
          code: "SCHEMA_NEWER",
          detail: `The database has the migration ${name}, which this version does not know: a newer version uses it.`,
        },
      ];
}

/** How many seconds this machine's clock is ahead of another: the database's, and its own of when this process began. */
function clockWarnings(now: Date, databaseNow: Date): ReadinessWarning[] {
  const moved = (now.getTime() - (performance.timeOrigin + performance.now())) / 1_000;
  const ahead = (now.getTime() - databaseNow.getTime()) / 1_000;
  const told = [
    [ahead, "the clock of the database"],
    [moved, "what it was when this process began"],
  ] as const;

  return told
    .filter(([seconds]) => Math.abs(seconds) > CLOCK_SECONDS)
    .map(([seconds, what]) => ({
      code: "CLOCK_DIFFERS",
      detail: `The clock of this machine is ${Math.abs(Math.round(seconds))} s ${seconds > 0 ? "ahead of" : "behind"} ${what}.`,
    }));
}

async function look(migrationsDirectory: string, now: Date): Promise<Readiness> {
  const migrations = readMigrations(migrationsDirectory);

  if (!(await isMigrated(database().pool, migrations))) {
    return {
      problems: [
        { code: "MIGRATIONS_PENDING", detail: "The database is older than this version of the console." },
      ],
      warnings: [],
    };
  }

  const [endpoints, certificates, schema, clock] = await Promise.all([
    endpointProblems(),
    certificateProblems(now),
    schemaWarnings(migrations),
    database().pool.query<{ now: Date }>("SELECT now() AS now"),
  ]);

  return {
    problems: [...endpoints, ...certificates],
    warnings: [...schema, ...clockWarnings(now, clock.rows[0]?.now ?? now)],
  };
}

/**
 * What keeps the deployment from serving: database, migrations, a live KMIP endpoint in each zone with a certificate
 * that has not ended; and what is wrong besides.
 * @param migrationsDirectory prisma/migrations of this version
 * @param now by this machine's clock
 */
export async function readiness(migrationsDirectory: string, now: Date = new Date()): Promise<Readiness> {
  try {
    return await withTimeout(look(migrationsDirectory, now));
  } catch (error) {
    createLogger("readiness").warn({ err: error }, "database not usable");

    return {
      problems: [{ code: "DATABASE_UNAVAILABLE", detail: "The database does not answer." }],
      warnings: [],
    };
  }
}
