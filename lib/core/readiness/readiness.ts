import { database } from "@/lib/db";
import { isMigrated, readMigrations } from "@/lib/db/migrate";
import { env } from "@/lib/env";
import { createLogger } from "@/lib/log";
import { liveZones } from "../endpoints";

/** Why the deployment is not ready, in stable codes with a sentence each. Empty when it is. */
export type ReadinessProblem = {
  readonly code: "DATABASE_UNAVAILABLE" | "MIGRATIONS_PENDING" | "ENDPOINT_DOWN";
  readonly detail: string;
};

const TIMEOUT_MS = 3_000;

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

async function problemsOf(migrationsDirectory: string): Promise<ReadinessProblem[]> {
  if (!(await isMigrated(database().pool, readMigrations(migrationsDirectory)))) {
    return [
      { code: "MIGRATIONS_PENDING", detail: "The database is older than this version of the console." },
    ];
  }

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

/**
 * What keeps the deployment from serving: database, migrations, and a live KMIP endpoint in each zone.
 * @param migrationsDirectory prisma/migrations of this version
 */
export async function readinessProblems(migrationsDirectory: string): Promise<ReadinessProblem[]> {
  try {
    return await withTimeout(problemsOf(migrationsDirectory));
  } catch (error) {
    createLogger("readiness").warn({ err: error }, "database not usable");

    return [{ code: "DATABASE_UNAVAILABLE", detail: "The database does not answer." }];
  }
}
