import { join } from "node:path";
import type pg from "pg";
import type pino from "pino";
import { readMigrations, unknownMigrations } from "@/lib/db/migrate";

const LOOK_EVERY_MS = 60_000;

/**
 * Says in the log, once for each, when a newer version has changed the database under this process: it is to be replaced
 * by that version.
 * @returns ends it
 */
export function watchSchema(pool: Pick<pg.Pool, "query">, logger: pino.Logger): () => void {
  const migrations = readMigrations(join(process.cwd(), "prisma", "migrations"));
  const told = new Set<string>();
  const look = async (): Promise<void> => {
    const unknown = (await unknownMigrations(pool, migrations)).filter((name) => !told.has(name));

    for (const name of unknown) {
      told.add(name);
    }

    if (unknown.length > 0) {
      logger.warn(
        { migrations: unknown },
        "the database is newer than this process: a newer version uses it",
      );
    }
  };
  // A database that is away is told of by others.
  const timer = setInterval(() => void look().catch(() => {}), LOOK_EVERY_MS);

  timer.unref();

  return () => clearInterval(timer);
}
