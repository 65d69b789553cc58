import { randomUUID } from "node:crypto";
import fc from "fast-check";
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BinaryStatement } from "@/lib/db/binary-statement";
import { createTestDatabase, type TestDatabase } from "@/test/support/database";

let test: TestDatabase;
let pool: pg.Pool;
let rowType: number;

beforeAll(async () => {
  test = await createTestDatabase();
  pool = test.database.pool;
  await pool.query(`
    CREATE TYPE kept_row AS (position bigint, id uuid, at timestamptz, word text, raw text, blob bytea);
    CREATE TABLE kept (
      one text, number bigint, bytes bytea, position bigint UNIQUE, id uuid, at timestamptz, word text, raw text, blob bytea
    )`);

  const { rows } = await pool.query<{ type: number }>("SELECT 'kept_row'::regtype::oid::int AS type");

  rowType = rows[0]?.type ?? 0;
});

afterAll(() => test.drop());

beforeEach(async () => {
  await pool.query("TRUNCATE kept");
});

const INSERT = `
  INSERT INTO kept SELECT $1::text, $2::bigint, $3::bytea, e.* FROM unnest($4::kept_row[]) AS e`;

type Row = { id: string | null; at: Date; word: string | null; raw: string; blob: Buffer };

function fill(statement: BinaryStatement, rows: readonly Row[], one = "one"): void {
  statement.begin();
  statement.text(one);
  statement.bigint(-5n);
  statement.bytes("\0\xff");
  statement.records(rowType, 6, [...rows.entries()], ([position, { id, at, word, raw, blob }]) => {
    statement.bigintField(BigInt(position));
    statement.uuidField(id);
    statement.timestampField(at);
    statement.textField(word);
    statement.utf8Field(Buffer.from(raw));
    statement.bytesField(blob.toString("latin1"));
  });
}

async function withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();

  try {
    return await work(client);
  } finally {
    client.release();
  }
}

const kept = async () =>
  (
    await pool.query<Row & { one: string; number: string; bytes: Buffer }>(
      "SELECT one, number, bytes, id, at, word, raw, blob FROM kept ORDER BY position",
    )
  ).rows;

describe("a statement with binary values", () => {
  it("stores what it was given, used again and again", async () => {
    const statement = new BinaryStatement("kept", INSERT, 4);
    // PostgreSQL has no NUL and no halves of surrogate pairs.
    const text = fc.string({ unit: "grapheme", maxLength: 300 }).map((value) => value.replaceAll("\0", ""));
    const row: fc.Arbitrary<Row> = fc.record({
      id: fc.option(fc.uuid()),
      at: fc.date({ min: new Date("1900-01-01"), max: new Date("2200-01-01"), noInvalidDate: true }),
      word: fc.option(text),
      raw: text,
      blob: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
    });

    await withClient((client) =>
      fc.assert(
        fc.asyncProperty(fc.array(row, { maxLength: 20 }), text, async (rows, one) => {
          await pool.query("TRUNCATE kept");
          fill(statement, rows, one);

          expect(await statement.run(client)).toBe(rows.length);
          expect(await kept()).toEqual(
            rows.map((each) => ({ one, number: "-5", bytes: Buffer.from([0, 255]), ...each })),
          );
        }),
        { numRuns: 40 },
      ),
    );
  });

  it("grows with its values, past what it keeps", async () => {
    const statement = new BinaryStatement("kept", INSERT, 4);
    const rows = Array.from({ length: 400 }, (_, index) => ({
      id: randomUUID(),
      at: new Date(index),
      word: null,
      raw: "ä".repeat(2_000),
      blob: Buffer.alloc(32, index),
    }));

    await withClient(async (client) => {
      for (let round = 0; round < 2; round += 1) {
        await pool.query("TRUNCATE kept");
        fill(statement, rows);
        expect(await statement.run(client)).toBe(400);
      }
    });
    expect((await kept()).map(({ raw }) => raw.length)).toEqual(Array(400).fill(2_000));
  });

  it("is prepared on every connection by itself, beside other statements", async () => {
    const statement = new BinaryStatement("kept", INSERT, 4);
    const clients = [await pool.connect(), await pool.connect()];

    try {
      for (const client of [...clients, ...clients]) {
        await pool.query("TRUNCATE kept");
        fill(statement, [{ id: null, at: new Date(0), word: "w", raw: "r", blob: Buffer.alloc(0) }]);
        await statement.run(client);
        expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
      }
    } finally {
      for (const client of clients) {
        client.release();
      }
    }
  });

  it("says what PostgreSQL refuses, and the connection stays good", async () => {
    const row = { id: null, at: new Date(0), word: "w", raw: "r", blob: Buffer.alloc(0) };

    await withClient(async (client) => {
      const first = new BinaryStatement("kept", INSERT, 4);

      fill(first, [row]);
      await first.run(client);
      fill(first, [row]);
      await expect(first.run(client)).rejects.toMatchObject({ severity: "ERROR", code: "23505" });
      expect((await client.query("SELECT count(*)::int AS rows FROM kept")).rows).toEqual([{ rows: 1 }]);

      const unparsable = new BinaryStatement("nonsense", "INSERT INTO nowhere SELECT $1::text", 1);

      unparsable.begin();
      unparsable.text("x");
      await expect(unparsable.run(client)).rejects.toMatchObject({ severity: "ERROR", code: "42P01" });
      expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    });
  });

  it("ends with its connection", async () => {
    const statement = new BinaryStatement(
      "sleep",
      "INSERT INTO kept (one) SELECT $1::text FROM pg_sleep(60)",
      1,
    );
    const client = await pool.connect();
    const errors: Error[] = [];

    client.on("error", (error) => errors.push(error));
    statement.begin();
    statement.text("never");

    const run = statement.run(client);

    // It may end before the loop looks: a rejection that nobody listens to yet would fail the whole run.
    run.catch(() => {});

    for (let ended = 0; ended === 0; ) {
      const { rowCount } = await pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()`,
      );

      ended = rowCount ?? 0;
    }

    await expect(run).rejects.toThrow();
    client.release(true);
    expect(await kept()).toEqual([]);
  });
});
