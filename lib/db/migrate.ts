import { createHash, randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
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

export type MigrateOptions = {
  /** Told once of each migration that waits for a lock that somebody else holds. */
  readonly onWait?: (name: string) => void;
  /** How long a migration stands in the queue for a lock, with everybody else behind it, before it lets them pass. */
  readonly lockMs?: number;
  /** How long it tries again. */
  readonly patienceMs?: number;
};

const LOCK_MS = 1_000;
const PATIENCE_MS = 600_000;
const LOCK_NOT_AVAILABLE = "55P03";
const DEADLOCK = "40P01";
const TURN_MS = 200;

/**
 * Brings a database up to date. Each migration and its history row commit together, so a process that is killed
 * at any instant leaves either all of a migration or nothing. One of indexes alone is carried out beside whoever reads
 * and writes, statement by statement, and goes on where it was interrupted (ADR 0002, 0025).
 * @returns names of the migrations that were applied now
 * @throws MigrationError when the database is newer than this version, or an applied migration was edited
 */
export async function migrate(
  url: string,
  migrations: readonly Migration[],
  options: MigrateOptions = {},
): Promise<string[]> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "kmip-console migrate",
    connectionTimeoutMillis: 10_000,
  });

  client.on("error", () => {});
  await client.connect();

  try {
    await takeTurn(client);
    await client.query("SET client_min_messages = warning");
    await client.query(HISTORY_TABLE);

    const done: string[] = [];

    for (const migration of await pendingOf(client, migrations)) {
      try {
        await apply(client, migration, options);
      } catch (error) {
        throw failure(migration, error);
      }

      done.push(migration.name);
    }

    return done;
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * Waits until no other start migrates. It asks again and again: a statement that waited in the database would be a
 * transaction that is open, and an index that is built concurrently waits for all of those.
 */
async function takeTurn(client: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ mine: boolean }>("SELECT pg_try_advisory_lock($1) AS mine", [
      ADVISORY_LOCK,
    ]);

    if (rows[0]?.mine) {
      return;
    }

    await sleep(TURN_MS);
  }
}

/** @throws MigrationError when the database is not one that this version may touch */
async function pendingOf(client: pg.Client, migrations: readonly Migration[]): Promise<Migration[]> {
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

  for (const { name, checksum } of migrations) {
    const earlier = applied.get(name);

    if (earlier && earlier.checksum !== checksum) {
      throw new MigrationError(
        `The migration ${name} was edited after it had been applied. Nothing was changed.`,
      );
    }
  }

  return migrations.filter(({ name }) => !applied.has(name));
}

function failure({ name, sql }: Migration, error: unknown): MigrationError {
  const what =
    indexStatements(sql) === null
      ? "failed and was rolled back"
      : "failed and goes on where it was at the next start";

  return new MigrationError(
    `The migration ${name} ${what}: ${error instanceof Error ? error.message : String(error)}`,
    { cause: error },
  );
}

function apply(client: pg.Client, migration: Migration, options: MigrateOptions): Promise<void> {
  const statements = indexStatements(migration.sql);

  return statements === null
    ? applyAtOnce(client, migration, options)
    : applyIndexes(client, migration, statements);
}

async function recordIn(client: pg.Client, { name, checksum }: Migration): Promise<void> {
  await client.query(
    `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
     VALUES ($1, $2, now(), $3, now(), 1)`,
    [randomUUID(), checksum, name],
  );
}

/** In one transaction, which does not make others wait long for a lock that it does not get. */
async function applyAtOnce(client: pg.Client, migration: Migration, options: MigrateOptions): Promise<void> {
  const { lockMs = LOCK_MS, patienceMs = PATIENCE_MS, onWait } = options;
  const until = performance.now() + patienceMs;

  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.query("BEGIN");
      await client.query(`SET LOCAL lock_timeout = ${lockMs}`);
      await client.query(migration.sql);
      await recordIn(client, migration);
      await client.query("COMMIT");

      return;
    } catch (error) {
      const { code } = error as { code?: unknown };

      await client.query("ROLLBACK").catch(() => {});

      if ((code !== LOCK_NOT_AVAILABLE && code !== DEADLOCK) || performance.now() > until) {
        throw error;
      }

      if (attempt === 1) {
        onWait?.(migration.name);
      }

      // Those who queued behind it go first.
      await sleep(lockMs * (1 + Math.random()));
    }
  }
}

type IndexStatement = { readonly name: string; readonly create: string | null };

const CREATE_INDEX = /^CREATE (UNIQUE )?INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?"([^"]+)" (ON .+)$/is;
const DROP_INDEX = /^DROP INDEX (?:CONCURRENTLY )?(?:IF EXISTS )?"([^"]+)"$/i;

/** The statements of a migration that does nothing but make and drop indexes; null for any other. */
function indexStatements(sql: string): IndexStatement[] | null {
  const statements = sql
    .replaceAll(/^\s*--.*$/gm, "")
    .split(";")
    .map((statement) => statement.trim())
    .filter(Boolean);
  const read = statements.map((statement): IndexStatement | null => {
    const [, unique = "", made, on] = CREATE_INDEX.exec(statement) ?? [];
    const [, dropped] = DROP_INDEX.exec(statement) ?? [];

    if (made !== undefined) {
      return { name: made, create: `CREATE ${unique}INDEX CONCURRENTLY "${made}" ${on}` };
    }

    return dropped === undefined ? null : { name: dropped, create: null };
  });

  return read.length > 0 && read.every((statement) => statement !== null) ? read : null;
}

/**
 * Statement by statement, each beside whoever reads and writes the table. What an interrupted start has left is taken
 * up: an index that is whole stays, half of one is dropped.
 */
async function applyIndexes(
  client: pg.Client,
  migration: Migration,
  statements: readonly IndexStatement[],
): Promise<void> {
  for (const { name, create } of statements) {
    const { rows } = await client.query<{ valid: boolean }>(
      `SELECT i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       WHERE c.relname = $1 AND c.relnamespace = current_schema()::regnamespace`,
      [name],
    );
    const [there] = rows;

    if (there && (create === null || !there.valid)) {
      await client.query(`DROP INDEX CONCURRENTLY "${name}"`);
    }

    if (create !== null && !there?.valid) {
      await client.query(create);
    }
  }

  await recordIn(client, migration);
}

async function appliedNames(pool: Pick<pg.Pool, "query">): Promise<Set<string>> {
  const { rows } = await pool.query<{ migration_name: string }>(
    "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL",
  );

  return new Set(rows.map((row) => row.migration_name));
}

/** Migrations of the database that this version does not know: a newer one uses it. */
export async function unknownMigrations(
  pool: Pick<pg.Pool, "query">,
  migrations: readonly Migration[],
): Promise<string[]> {
  const known = new Set(migrations.map(({ name }) => name));

  return [...(await appliedNames(pool))].filter((name) => !known.has(name));
}

/** True when every known migration is applied. */
export async function isMigrated(
  pool: Pick<pg.Pool, "query">,
  migrations: readonly Migration[],
): Promise<boolean> {
  const applied = await appliedNames(pool);

  return migrations.every((migration) => applied.has(migration.name));
}
