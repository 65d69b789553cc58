import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import {
  isMigrated,
  type Migration,
  MigrationError,
  migrate,
  readMigrations,
  unknownMigrations,
} from "@/lib/db/migrate";
import { type ChangeEvent, publishIn, subscribe } from "@/lib/db/notify";
import { createTestDatabase, type TestDatabase } from "@/test/support/database";

const migrations = readMigrations(fileURLToPath(new URL("../../prisma/migrations", import.meta.url)));
let test: TestDatabase;

beforeAll(async () => {
  test = await createTestDatabase();
});

afterAll(() => test.drop());

async function tables(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ table_name: string }>(
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
  );

  return rows.map((row) => row.table_name);
}

describe("migrate", () => {
  it("has nothing to do on a database that is up to date", async () => {
    expect(await migrate(test.url, migrations)).toEqual([]);
    expect(await isMigrated(test.database.pool, migrations)).toBe(true);
  });

  it("leaves nothing behind when a migration fails in its middle", async () => {
    const before = await tables(test.database.pool);
    const broken: Migration = {
      name: "99990101000000_broken",
      sql: "CREATE TABLE half (id int); SELECT nonsense();",
      checksum: "x",
    };

    await expect(migrate(test.url, [...migrations, broken])).rejects.toThrow(MigrationError);
    expect(await tables(test.database.pool)).toEqual(before);
    expect(await isMigrated(test.database.pool, [...migrations, broken])).toBe(false);

    const mended: Migration = { ...broken, sql: "CREATE TABLE whole (id int);" };

    expect(await migrate(test.url, [...migrations, mended])).toEqual([mended.name]);
    expect(await tables(test.database.pool)).toContain("whole");
    // An older version of the program must not touch what a newer one made.
    await expect(migrate(test.url, migrations)).rejects.toThrow(/newer version/);
    await expect(migrate(test.url, [...migrations, { ...mended, checksum: "y" }])).rejects.toThrow(/edited/);
  });

  it("lets two starts at once migrate one database", async () => {
    const name = `twice_${Date.now()}`;

    await test.database.pool.query(`CREATE DATABASE ${name}`);

    const url = inject("databaseUrl").replace(/\/[^/]*$/, `/${name}`);
    const results = await Promise.all([
      migrate(url, migrations),
      migrate(url, migrations),
      migrate(url, migrations),
    ]);

    expect(results.flat().sort()).toEqual(migrations.map((migration) => migration.name));
    await test.database.pool.query(`DROP DATABASE ${name} WITH (FORCE)`);
  });

  it("waits for a lock that another session holds, and keeps nobody else waiting", async () => {
    const fresh = await createTestDatabase();
    const holder = new pg.Client({ connectionString: fresh.url });
    const reader = new pg.Client({ connectionString: fresh.url });
    const waited: string[] = [];
    const added: Migration = {
      name: "99990101000000_added",
      sql: `ALTER TABLE "account" ADD COLUMN "extra" TEXT;`,
      checksum: "x",
    };

    try {
      await Promise.all([holder.connect(), reader.connect()]);
      await holder.query("BEGIN");
      // Whoever reads in a long transaction, a dump for one.
      await holder.query("SELECT count(*) FROM account");

      const migrated = migrate(fresh.url, [...migrations, added], {
        lockMs: 200,
        onWait: (name) => waited.push(name),
      });

      await expect.poll(() => waited).toEqual([added.name]);

      for (let read = 0; read < 30; read += 1) {
        await reader.query("SET statement_timeout = '5s'; SELECT count(*) FROM account");
      }

      await holder.query("COMMIT");
      expect(await migrated).toEqual([added.name]);
      expect(waited).toEqual([added.name]);
    } finally {
      await Promise.all([holder.end(), reader.end()]);
      await fresh.drop();
    }
  });

  it("gives a lock up that it never gets, and changes nothing", async () => {
    const fresh = await createTestDatabase();
    const client = await fresh.database.pool.connect();

    try {
      await client.query("BEGIN");
      await client.query("SELECT count(*) FROM account");
      await expect(
        migrate(
          fresh.url,
          [
            ...migrations,
            {
              name: "99990101000000_never",
              sql: `CREATE TABLE half (id int); ALTER TABLE "account" ADD COLUMN "extra" TEXT;`,
              checksum: "x",
            },
          ],
          { lockMs: 50, patienceMs: 300 },
        ),
      ).rejects.toThrow(/99990101000000_never failed and was rolled back: .*lock timeout/);
      expect(await tables(fresh.database.pool)).not.toContain("half");
    } finally {
      await client.query("ROLLBACK");
      client.release();
      await fresh.drop();
    }
  });

  it("makes indexes beside whoever writes, and goes on with what an interrupted start has left", async () => {
    const fresh = await createTestDatabase();
    const { pool } = fresh.database;
    const writer = await pool.connect();
    const indexes: Migration = {
      name: "99990101000000_indexes",
      sql: `-- Two of them; one is not read any more.
-- CreateIndex
CREATE INDEX "account_name_a_idx" ON "account"("name");

-- CreateIndex
CREATE UNIQUE INDEX "account_name_b_idx" ON "account"("name") WHERE (name <> 'a');

-- DropIndex
DROP INDEX "audit_event_account_id_instance_id_id_idx";`,
      checksum: "x",
    };

    try {
      await pool.query(
        "INSERT INTO account (id, name) VALUES (gen_random_uuid(), 'twice'), (gen_random_uuid(), 'twice')",
      );
      // Half of one, as a start that was killed leaves it: not valid.
      await expect(
        pool.query('CREATE UNIQUE INDEX CONCURRENTLY "account_name_b_idx" ON account (name)'),
      ).rejects.toThrow();
      await pool.query("DELETE FROM account");

      const migrated = migrate(fresh.url, [...migrations, indexes]);
      // Somebody writes in a transaction of their own, and is not kept waiting; the indexes wait for its end.
      await writer.query("BEGIN");
      await writer.query("SET LOCAL statement_timeout = '5s'");
      await writer.query("INSERT INTO account (id, name) VALUES (gen_random_uuid(), 'beside')");
      await new Promise((resolve) => setTimeout(resolve, 500));
      await writer.query("UPDATE account SET name = 'still beside'");
      await writer.query("COMMIT");

      expect(await migrated).toEqual([indexes.name]);

      const { rows } = await pool.query<{ name: string; valid: boolean }>(
        `SELECT c.relname AS name, i.indisvalid AS valid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         WHERE c.relname LIKE 'account_name_%' OR c.relname = 'audit_event_account_id_instance_id_id_idx' ORDER BY 1`,
      );

      expect(rows).toEqual([
        { name: "account_name_a_idx", valid: true },
        { name: "account_name_b_idx", valid: true },
      ]);
      expect(await unknownMigrations(pool, migrations)).toEqual([indexes.name]);
      expect(await unknownMigrations(pool, [...migrations, indexes])).toEqual([]);

      // Killed before it was noted down: what is there stays.
      await pool.query("DELETE FROM _prisma_migrations WHERE migration_name = $1", [indexes.name]);
      expect(await migrate(fresh.url, [...migrations, indexes])).toEqual([indexes.name]);
    } finally {
      writer.release();
      await fresh.drop();
    }
  });

  it("lets several starts at once make indexes of one database", async () => {
    const fresh = await createTestDatabase();
    const indexes: Migration = {
      name: "99990101000000_indexes",
      sql: `CREATE INDEX "account_name_a_idx" ON "account"("name");`,
      checksum: "x",
    };

    try {
      const results = await Promise.all([1, 2, 3].map(() => migrate(fresh.url, [...migrations, indexes])));

      expect(results.flat()).toEqual([indexes.name]);
    } finally {
      await fresh.drop();
    }
  });

  it("has no migration that makes an index of a large table together with anything else", () => {
    // Up to this one they did; a database that has them has been through it.
    const since = "20261130191527_audit_intent";
    const mixed = migrations.filter(
      ({ name, sql }) =>
        name > since &&
        /CREATE (UNIQUE )?INDEX[^;]*ON "(audit_event|managed_object|managed_object_term)"/i.test(sql) &&
        /^\s*(CREATE TABLE|ALTER|UPDATE|INSERT|DELETE)/im.test(sql),
    );

    expect(mixed.map(({ name }) => name)).toEqual([]);
  });

  it("tells terms of earlier versions when their object was created", async () => {
    const fresh = await createTestDatabase();
    const { pool } = fresh.database;

    try {
      await pool.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
      await migrate(fresh.url, migrations.slice(0, 1));
      await pool.query(`
        INSERT INTO account (id, name) VALUES ('019a0000-0000-7000-8000-000000000001', 'a');
        INSERT INTO instance (id, account_id, name, region, status, created_by, updated_at)
        SELECT '019a0000-0000-7000-8000-000000000002', id, 'i', 'r', 'installed', 't', now() FROM account;
        INSERT INTO managed_object (instance_id, unique_identifier, object_type, state, storage, attributes, crk_id, created_at)
        SELECT id, 'kek', 2, 1, 'stored', '{}', 'crk', '2026-01-02T03:04:05.678Z' FROM instance;
        INSERT INTO managed_object_term (instance_id, unique_identifier, name, value)
        SELECT id, 'kek', 'x-Product', 'text:vSAN' FROM instance`);
      await migrate(fresh.url, migrations);

      expect((await pool.query("SELECT name, created_at FROM managed_object_term")).rows).toEqual([
        { name: "x-Product", created_at: new Date("2026-01-02T03:04:05.678Z") },
      ]);
    } finally {
      await fresh.drop();
    }
  });

  it("keeps what instances do with expired certificates; new ones have a year of grace", async () => {
    const fresh = await createTestDatabase();
    const { pool } = fresh.database;
    const before = migrations.findIndex(({ name }) => name.endsWith("_expired_certificates"));
    const add = (n: number) =>
      pool.query(`
        INSERT INTO instance (id, account_id, name, region, status, created_by, updated_at)
        SELECT '019a0000-0000-7000-8000-00000000001${n}', id, 'i${n}', 'r', 'installed', 't', now() FROM account`);

    try {
      await pool.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
      await migrate(fresh.url, migrations.slice(0, before));
      await pool.query("INSERT INTO account (id, name) VALUES ('019a0000-0000-7000-8000-000000000001', 'a')");
      await add(1);
      await migrate(fresh.url, migrations);
      await add(2);

      const { rows } = await pool.query(
        "SELECT name, expired_certificates AS rule, expired_grace_days AS days FROM instance ORDER BY name",
      );
      expect(rows).toEqual([
        { name: "i1", rule: "warn", days: 365 },
        { name: "i2", rule: "grace", days: 365 },
      ]);
    } finally {
      await fresh.drop();
    }
  });

  it("keeps the key managers of instances when their kind becomes text", async () => {
    const fresh = await createTestDatabase();
    const { pool } = fresh.database;
    const before = migrations.findIndex(({ name }) => name.endsWith("_key_manager_text"));

    try {
      await pool.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
      await migrate(fresh.url, migrations.slice(0, before));
      await pool.query(`
        INSERT INTO account (id, name) VALUES ('019a0000-0000-7000-8000-000000000001', 'a');
        INSERT INTO instance (id, account_id, name, region, status, created_by, updated_at,
                              key_manager_kind, key_manager_guid, crk_id, api_key_sealed)
        SELECT ('019a0000-0000-7000-8000-00000000001' || n)::uuid, account.id, 'i' || n, 'r', 'installed', 't',
               '2026-01-02T03:04:05Z', kind::"KeyManagerKind", guid, 'crk' || n, '\\x00ff'
          FROM account, (VALUES (1, 'key-protect', 'shared'), (2, 'key-protect', 'shared'), (3, 'hpcs', 'own'),
                                (4, 'pkcs11', 'serial'), (5, NULL, NULL)) AS given (n, kind, guid)`);
      await migrate(fresh.url, migrations);

      const { rows } = await pool.query(
        `SELECT name, key_manager_kind AS kind, key_manager_guid AS guid, dedicated, key_manager_claim AS claim,
                crk_id AS crk, encode(api_key_sealed, 'hex') AS sealed, updated_at AS at
           FROM instance ORDER BY name`,
      );
      const kept = { sealed: "00ff", at: new Date("2026-01-02T03:04:05Z") };
      const shared = { ...kept, dedicated: false, claim: null };
      expect(rows).toEqual([
        { ...shared, name: "i1", kind: "key-protect", guid: "shared", crk: "crk1" },
        { ...shared, name: "i2", kind: "key-protect", guid: "shared", crk: "crk2" },
        { ...kept, name: "i3", kind: "hpcs", guid: "own", crk: "crk3", dedicated: true, claim: "hpcs/own" },
        { ...shared, name: "i4", kind: "pkcs11", guid: "serial", crk: "crk4" },
        { ...shared, name: "i5", kind: null, guid: null, crk: "crk5" },
      ]);
      // What is claimed is claimed once, as it was before.
      await expect(
        pool.query("UPDATE instance SET key_manager_claim = 'hpcs/own' WHERE name = 'i5'"),
      ).rejects.toMatchObject({ constraint: "instance_key_manager_claim_key" });
    } finally {
      await fresh.drop();
    }
  });

  it("knows the makers of tokens, and the passwords that administrators gave", async () => {
    const fresh = await createTestDatabase();
    const { pool } = fresh.database;
    const before = migrations.findIndex(({ name }) => name.endsWith("_people"));

    try {
      await pool.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
      await migrate(fresh.url, migrations.slice(0, before));
      await pool.query(`
        INSERT INTO account (id, name) VALUES ('019a0000-0000-7000-8000-000000000001', 'a');
        INSERT INTO "user" (id, email, name, password_hash)
        SELECT ('019a0000-0000-7000-8000-00000000001' || n)::uuid, email, email, hash
          FROM (VALUES (1, 'first@a', 'x'), (2, 'second@a', 'x'), (3, 'oidc@a', NULL)) AS given (n, email, hash);
        INSERT INTO membership (account_id, user_id, role, created_at)
        SELECT account.id, u.id, 'administrator', now() + (u.email <> 'first@a')::int * interval '1 s'
          FROM account, "user" u WHERE u.email <> 'oidc@a';
        INSERT INTO api_token (id, account_id, name, role, token_hash, prefix, created_by)
        SELECT gen_random_uuid(), account.id, maker, 'viewer', maker::bytea, 'kmipc_', maker
          FROM account, (VALUES ('second@a'), ('cli'), ('oidc@a')) AS given (maker)`);
      await migrate(fresh.url, migrations);

      expect((await pool.query('SELECT email, password_given FROM "user" ORDER BY id')).rows).toEqual([
        { email: "first@a", password_given: false },
        { email: "second@a", password_given: true },
        { email: "oidc@a", password_given: false },
      ]);
      expect(
        (
          await pool.query(
            'SELECT t.name, u.email FROM api_token t LEFT JOIN "user" u ON u.id = t.maker_id ORDER BY 1',
          )
        ).rows,
      ).toEqual([
        { name: "cli", email: null },
        { name: "oidc@a", email: "oidc@a" },
        { name: "second@a", email: "second@a" },
      ]);
    } finally {
      await fresh.drop();
    }
  });

  it("has migrations that lead exactly to prisma/schema.prisma", async () => {
    const sql = await new Promise<string>((resolve, reject) => {
      execFile(
        process.execPath,
        ["--import", "tsx", fileURLToPath(new URL("../../scripts/make-migration.ts", import.meta.url)), "-"],
        { maxBuffer: 1 << 24 },
        (error, stdout) => (error ? reject(error) : resolve(stdout)),
      );
    });
    const fresh = await createTestDatabase();

    try {
      await fresh.database.pool.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");

      const describeSchema = `
        SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') AS line
          FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_prisma_migrations' AND table_name <> 'whole'
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'
        ORDER BY 1`;

      await fresh.database.pool.query(sql);

      const wanted = (await fresh.database.pool.query<{ line: string }>(describeSchema)).rows.map(
        (row) => row.line,
      );
      const real = (await test.database.pool.query<{ line: string }>(describeSchema)).rows.map(
        (row) => row.line,
      );

      expect(wanted.length).toBeGreaterThan(100);
      expect(real).toEqual(wanted);
    } finally {
      await fresh.drop();
    }
  });
});

describe("notify", () => {
  it("delivers events, and reports a gap when the connection was cut", async () => {
    const events: ChangeEvent[] = [];
    let gaps = 0;
    const subscription = subscribe(test.url, {
      onEvent: (event) => events.push(event),
      onGap: () => (gaps += 1),
    });

    await subscription.ready;
    await publishIn(test.database.pool, { type: "instance.changed", instanceId: "a" });
    await expect.poll(() => events).toEqual([{ type: "instance.changed", instanceId: "a" }]);

    await test.database.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kmip-console listen' AND datname = current_database()",
    );
    await expect.poll(() => gaps, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    await publishIn(test.database.pool, { type: "instance.changed", instanceId: "b" });
    await expect.poll(() => events.at(-1)).toEqual({ type: "instance.changed", instanceId: "b" });
    await subscription.close();
  });

  it("goes on after a payload that is no event, and says so once", async () => {
    const events: ChangeEvent[] = [];
    let malformed = 0;
    const subscription = subscribe(test.url, {
      onEvent: (event) => events.push(event),
      onGap: () => {},
      onMalformed: () => (malformed += 1),
    });

    await subscription.ready;

    for (const payload of [
      "{",
      "null",
      "[]",
      '{"type":"instance.changed"}',
      '{"type":"x","instanceId":"a"}',
    ]) {
      await test.database.pool.query("SELECT pg_notify('kmip_console', $1)", [payload]);
    }

    await publishIn(test.database.prisma, { type: "instance.changed", instanceId: "a" });
    await expect.poll(() => events).toEqual([{ type: "instance.changed", instanceId: "a" }]);
    expect(malformed).toBe(1);
    await subscription.close();
  });

  it("goes out with a transaction of Prisma, and not without it", async () => {
    const events: ChangeEvent[] = [];
    const subscription = subscribe(test.url, { onEvent: (event) => events.push(event), onGap: () => {} });
    const { prisma } = test.database;

    await subscription.ready;
    await prisma
      .$transaction(async (tx) => {
        await publishIn(tx, { type: "instance.removed", instanceId: "never" });
        throw new Error("rolled back");
      })
      .catch(() => {});
    await prisma.$transaction((tx) => publishIn(tx, { type: "instance.removed", instanceId: "a" }));
    await expect.poll(() => events).toEqual([{ type: "instance.removed", instanceId: "a" }]);
    await subscription.close();
  });

  it("sends nothing of a transaction that was rolled back", async () => {
    const events: ChangeEvent[] = [];
    const subscription = subscribe(test.url, { onEvent: (event) => events.push(event), onGap: () => {} });

    await subscription.ready;

    const client = await test.database.pool.connect();

    await client.query("BEGIN");
    await publishIn(client, { type: "instance.removed", instanceId: "never" });
    await client.query("ROLLBACK");
    client.release();
    await publishIn(test.database.pool, { type: "instance.changed", instanceId: "after" });
    await expect.poll(() => events).toEqual([{ type: "instance.changed", instanceId: "after" }]);
    await subscription.close();
  });
});
