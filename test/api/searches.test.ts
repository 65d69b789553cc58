/** Searches that read too much, or that nobody waits for any more, keep nobody else from the console. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import { type Database, openDatabase, setDatabase } from "@/lib/db";
import { addInstanceRow, eventually } from "@/test/support/kek-fixtures";
import { callApi, houseForTests, type TestAccount } from "./support/house";

const house = houseForTests();
let database: Database;
let blocker: pg.Client;
const instances = new Map<TestAccount, string>();

beforeAll(async () => {
  for (const account of [house.a, house.b]) {
    instances.set(account, await addInstanceRow(house.database, account.id, { crkId: randomUUID() }));
  }

  database = openDatabase(house.database.url, { work: "console" });
  setDatabase(database);
  blocker = new pg.Client({ connectionString: house.database.url });
  await blocker.connect();
});

afterAll(async () => {
  await blocker.end();
  setDatabase(house.database);
  await database.close();
});

/** While `work` runs, a search of KEKs takes for ever: what it reads is locked. */
async function withSlowSearches(work: () => Promise<void>): Promise<void> {
  await blocker.query("BEGIN");
  await blocker.query("LOCK TABLE managed_object_term IN ACCESS EXCLUSIVE MODE");

  try {
    await work();
  } finally {
    await blocker.query("ROLLBACK");
  }
}

const searchKeks = (account: TestAccount, signal?: AbortSignal) =>
  callApi(operations.listKeks, {
    token: account.tokens.viewer,
    params: { id: instances.get(account) ?? "" },
    query: { search: "nothing" },
    ...(signal === undefined ? {} : { signal }),
  });

/** Statements of searches that PostgreSQL works on. */
async function running(): Promise<number> {
  const { rows } = await house.database.pool.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE '% searches' AND state = 'active'`,
  );

  return rows[0]?.count ?? 0;
}

/** What else the console asks for. */
const others = (account: TestAccount) => [
  callApi(operations.listInstances, { token: account.tokens.viewer }),
  callApi(operations.listAuditEvents, { token: account.tokens.viewer }),
  callApi(operations.listKeks, {
    token: account.tokens.viewer,
    params: { id: instances.get(account) ?? "" },
  }),
  callApi(operations.createToken, {
    token: account.tokens.administrator,
    body: { name: randomUUID(), role: "viewer" },
  }),
];

describe("twenty searches at once", () => {
  it("leave the console answering, and end in PostgreSQL when their client goes", async () => {
    await withSlowSearches(async () => {
      const gone = new AbortController();
      const searches = Array.from({ length: 20 }, () => searchKeks(house.a, gone.signal));

      await eventually(async () => (await running()) > 0, "a search runs");

      for (const account of [house.a, house.b]) {
        const answers = await Promise.all(others(account));

        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 201]);
      }

      gone.abort();
      await Promise.all(searches);
      // PostgreSQL looks twice a second whether somebody waits.
      await eventually(async () => (await running()) === 0, "PostgreSQL has given the searches up");
    });
  });

  it("are a few for each account; another account's run at once", async () => {
    await withSlowSearches(async () => {
      const ended = { a: 0 };
      const mine = Array.from({ length: 20 }, () =>
        searchKeks(house.a).finally(() => {
          ended.a += 1;
        }),
      );

      await eventually(async () => (await running()) === 3, "three of them run");

      const other = searchKeks(house.b);

      await eventually(async () => (await running()) === 4, "the other account's runs as well");
      expect(ended.a).toBe(0);

      const statuses = (await Promise.all(mine)).map(({ status, body }) => [status, body.code]);

      // Three were tried, the others did not get their turn.
      expect(statuses.filter(([status]) => status === 422)).toHaveLength(3);
      expect(statuses.filter(([, code]) => code === "RATE_LIMITED")).toHaveLength(17);
      expect((await other).status).toBe(422);
    });
    expect((await searchKeks(house.a)).status).toBe(200);
  });
});

describe("a search that reads too much", () => {
  it("is given up, and says by what it is narrowed", async () => {
    await withSlowSearches(async () => {
      const { status, body } = await searchKeks(house.a);

      expect({ status, body }).toMatchObject({ status: 422, body: { code: "SEARCH_TOO_BROAD" } });
      expect(body.detail).toMatch(/3 s .*search, state/);
    });

    await blocker.query("BEGIN");
    await blocker.query("LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE");

    const [list, histogram] = await Promise.all([
      callApi(operations.listAuditEvents, { token: house.a.tokens.viewer, query: { q: "nothing" } }),
      callApi(operations.getAuditHistogram, { token: house.a.tokens.viewer }),
    ]).finally(() => blocker.query("ROLLBACK"));

    for (const { status, body } of [list, histogram]) {
      expect({ status, body }).toMatchObject({ status: 422, body: { code: "SEARCH_TOO_BROAD" } });
      expect(body.invalidParams.map(({ name }: { name: string }) => name)).toContain("from");
    }
  });
});
