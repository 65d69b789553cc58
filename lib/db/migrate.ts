import { createHash, randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";

/** One folder of prisma/migrations. `checksum` is what Prisma records: SHA-256 of the script, hexadecimal. */
export type Migration = { readonly name: string; readonly sql: string; readonly checksum: string };

/** Any fixed number; two starts at once apply migrations one after the other. */
const ADVISORY_LOCK = 72_707_369;

/** Prisma's own table, column by column, so that `prisma migrate deploy` and `status` keep working. */
const HISTORY_TABLE = `
  CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum VARCHAR(64) NOT NULL,
    finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL,
    logs TEXT,
    rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0
  )`;

/** A database that this version must not touch. */
export class MigrationError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "MigrationError";
  }
}

/** Reads the migrations of a folder, oldest first. */
export function readMigrations(directory: string): Migration[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .map((name) => {
      const sql = readFileSync(join(directory, name, "migration.sql"), "utf8");

      return { name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    });
}

/**
 * Brings a database up to date. Each migration and its history row commit together, so a process that is killed
 * at any instant leaves either all of a migration or nothing (ADR 0002).
 * @returns names of the migrations that were applied now
 * @throws MigrationError when the database is newer than this version, or an applied migration was edited
 */
export async function migrate(url: string, migrations: readonly Migration[]): Promise<string[]> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "kmip-console migrate",
    connectionTimeoutMillis: 10_000,
  });

  client.on("error", () => {});
  await client.connect();

  try {
    await client.query("SELECT pg_advisory_lock($1)", [ADVISORY_LOCK]);
    await client.query("SET client_min_messages = warning");
    await client.query(HISTORY_TABLE);

    const { rows } = await client.query<{
      migration_name: string;
      checksum: string;
      finished_at: Date | null;
    }>("SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL");
    const applied = new Map(rows.map((row) => [row.migration_name, row]));
    const known = new Set(migrations.map((migration) => migration.name));

    for (const row of rows) {
      if (!known.has(row.migration_name)) {
        throw new MigrationError(
          `The database has the migration ${row.migration_name}, which this version does not know: it was used by a newer version. Nothing was changed.`,
        );
      }

      if (!row.finished_at) {
        throw new MigrationError(
          `The migration ${row.migration_name} was begun by another tool and did not end; see "prisma migrate resolve". Nothing was changed.`,
        );
      }
    }

    const done: string[] = [];

    for (const migration of migrations) {
      const earlier = applied.get(migration.name);

      if (earlier) {
        if (earlier.checksum !== migration.checksum) {
          throw new MigrationError(
            `The migration ${migration.name} was edited after it had been applied. Nothing was changed.`,
          );
        }

        continue;
      }

      try {
        await client.query("BEGIN");
        await client.query(migration.sql);
        await client.query(
          `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
           VALUES ($1, $2, now(), $3, now(), 1)`,
          [randomUUID(), migration.checksum, migration.name],
        );
        await client.query("COMMIT");
      } catch (error) {
        await client.query("ROLLBACK").catch(() => {});
        throw new MigrationError(
          `The migration ${migration.name} failed and was rolled back: ${error instanceof Error ? error.message : String(error)}`,
          { cause: error },
        );
      }

      done.push(migration.name);
    }

    return done;
  } finally {
    await client.end().catch(() => {});
  }
}

/** True when every known migration is applied. */
export async function isMigrated(pool: pg.Pool, migrations: readonly Migration[]): Promise<boolean> {
  const { rows } = await pool.query<{ migration_name: string }>(
    "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL",
  );
  const applied = new Set(rows.map((row) => row.migration_name));

  return migrations.every((migration) => applied.has(migration.name));
}
