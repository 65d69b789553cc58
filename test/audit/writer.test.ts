import type { Socket } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createChainStore } from "@/lib/audit/chain-store";
import type { AuditEventInput } from "@/lib/audit/event";
import { toEventRow } from "@/lib/audit/event-row";
import { createUuid7 } from "@/lib/audit/uuid7";
import { verifyChain } from "@/lib/audit/verify-chain";
import { AuditWriteError, createAuditWriter, type HashChainWriter } from "@/lib/audit/writer";
import { createTestDatabase, type TestDatabase } from "@/test/support/database";

const ACCOUNT = "019a0000-0000-7000-8000-000000000001";

function event(targetId: string, action = "vmware-solutions.kmip-key.read"): AuditEventInput {
  return {
    action,
    outcome: "success",
    severity: "normal",
    message: `VMware Solutions: read KMIP key ${targetId}`,
    accountId: ACCOUNT,
    instanceId: null,
    dataEvent: true,
    correlationId: "c",
    initiator: {
      id: "CertificateID-00",
      name: "vc",
      typeURI: "service/security/client/certificateid",
      credentialType: "certificate",
      address: "192.0.2.1",
      agent: null,
    },
    target: { id: targetId, name: null, typeURI: "vmware-solutions/kmip-key" },
  };
}

let test: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  test = await createTestDatabase();
  pool = test.database.pool;
});

afterAll(() => test.drop());

beforeEach(async () => {
  await pool.query("TRUNCATE audit_event, audit_chain");
});

async function stored(node: string): Promise<string[]> {
  const { rows } = await pool.query<{ targetId: string }>(
    'SELECT target_id AS "targetId" FROM audit_event WHERE node = $1 ORDER BY sequence',
    [node],
  );

  return rows.map((row) => row.targetId);
}

/** A pool whose next append misbehaves; everything else passes through. */
function faultyPool(onAppend: (run: () => Promise<unknown>) => Promise<unknown>): pg.Pool {
  let armed = true;

  return {
    async connect() {
      const client = await pool.connect();

      return new Proxy(client, {
        get(target, property) {
          if (property === "query") {
            return (query: pg.QueryConfig & { done?: Promise<unknown> }) => {
              if (armed && query.name === "audit-append") {
                armed = false;

                return {
                  done: onAppend(async () => {
                    target.query(query);
                    await query.done;
                  }),
                };
              }

              return target.query(query);
            };
          }

          const value: unknown = Reflect.get(target, property);

          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  } as unknown as pg.Pool;
}

async function waitingBackends(): Promise<number[]> {
  const { rows } = await pool.query<{ pid: number }>(
    `SELECT pid FROM pg_locks
     WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );

  return rows.map((row) => row.pid);
}

/** Starts a write that PostgreSQL has taken but cannot carry out until `unblock`. */
async function blockedWrite(writer: HashChainWriter, targetId: string) {
  const blocker = new pg.Client({ connectionString: test.url });

  await blocker.connect();
  await blocker.query("BEGIN");
  await blocker.query("LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE");

  const write = writer.write([event(targetId)]);

  for (;;) {
    const [pid] = await waitingBackends();

    if (pid !== undefined) {
      return {
        write,
        pid,
        async unblock() {
          await blocker.query("ROLLBACK");
          await blocker.end();
        },
      };
    }
  }
}

describe("the audit writer", () => {
  it("joins concurrent writes in few commits and keeps one gapless chain in their order", async () => {
    const writer = createAuditWriter({ pool, node: "n" });

    await Promise.all(
      Array.from({ length: 300 }, (_, index) => writer.write([event(`a${index}`), event(`b${index}`)])),
    );

    expect(writer.stats()).toMatchObject({ events: 600, waiting: 0, failedGroups: 0 });
    expect(writer.stats().groups).toBeLessThan(10);
    expect(await stored("n")).toEqual(
      Array.from({ length: 300 }, (_, index) => [`a${index}`, `b${index}`]).flat(),
    );
    expect(await verifyChain(pool, "n")).toMatchObject({ checked: 600, firstBreak: null });
  });

  it("has made events durable, for any reader, when write resolves", async () => {
    const writer = createAuditWriter({ pool, node: "n" });

    await writer.write([event("k")]);

    expect(await stored("n")).toEqual(["k"]);
  });

  it("rejects every write of a group that PostgreSQL refuses, and goes on without a gap", async () => {
    const writer = createAuditWriter({ pool, node: "n" });

    await pool.query("ALTER TABLE audit_event ADD CONSTRAINT no_poison CHECK (action <> 'poison')");

    try {
      await writer.write([event("before")]);

      const first = writer.write([event("alone")]);
      const results = await Promise.allSettled([
        writer.write([event("x", "poison")]),
        writer.write([event("same group")]),
      ]);

      await first;

      for (const result of results) {
        expect(result.status === "rejected" && result.reason).toBeInstanceOf(AuditWriteError);
      }

      await writer.write([event("after")]);
    } finally {
      await pool.query("ALTER TABLE audit_event DROP CONSTRAINT no_poison");
    }

    expect(await stored("n")).toEqual(["before", "alone", "after"]);
    expect(await verifyChain(pool, "n")).toMatchObject({ checked: 3, firstBreak: null });
  });

  it("continues the chain of its name after a restart", async () => {
    await createAuditWriter({ pool, node: "n" }).write([event("1"), event("2")]);
    await createAuditWriter({ pool, node: "n" }).write([event("3")]);

    expect(await verifyChain(pool, "n")).toMatchObject({
      checked: 3,
      head: { sequence: 3n },
      firstBreak: null,
    });
  });

  it("keeps one chain even when two processes write it at the same time", async () => {
    const writers = [createAuditWriter({ pool, node: "n" }), createAuditWriter({ pool, node: "n" })];

    for (let round = 0; round < 10; round += 1) {
      await Promise.all(writers.map((writer, index) => writer.write([event(`${round}-${index}`)])));
    }

    expect((await stored("n")).length).toBe(20);
    expect(await verifyChain(pool, "n")).toMatchObject({ checked: 20, firstBreak: null });
  });

  it("finds out that a commit without an answer has happened", async () => {
    const faulty = faultyPool(async (run) => {
      await run();
      throw new Error("Connection terminated unexpectedly");
    });
    const writer = createAuditWriter({ pool: faulty, node: "n" });

    await writer.write([event("once")]);
    await writer.write([event("next")]);

    expect(await stored("n")).toEqual(["once", "next"]);
    expect(await verifyChain(pool, "n")).toMatchObject({ checked: 2, firstBreak: null });
  });

  it("repeats a statement that was lost before it took effect", async () => {
    const faulty = faultyPool(() => Promise.reject(new Error("read ECONNRESET")));
    const writer = createAuditWriter({ pool: faulty, node: "n" });

    await writer.write([event("once")]);

    expect(await stored("n")).toEqual(["once"]);
    expect(await verifyChain(pool, "n")).toMatchObject({ checked: 1, firstBreak: null });
  });

  it("repeats a statement that gets no answer in time, and the late one changes nothing", async () => {
    let late: Promise<unknown> = Promise.resolve();
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const faulty = faultyPool((run) => {
      late = held.then(() => run()).catch(() => undefined);

      return late;
    });
    const writer = createAuditWriter({ pool: faulty, node: "n", timeoutMs: 100 });

    await writer.write([event("once")]);
    release();
    await late;

    expect(await stored("n")).toEqual(["once"]);
    expect(await verifyChain(pool, "n")).toMatchObject({ checked: 1, firstBreak: null });
  });

  it("survives that PostgreSQL ends its connection in the middle of a statement", async () => {
    const writer = createAuditWriter({ pool, node: "n" });

    await writer.write([event("before")]);

    const { write, pid, unblock } = await blockedWrite(writer, "once");

    await pool.query("SELECT pg_terminate_backend($1)", [pid]);
    await unblock();
    await write;

    expect(await stored("n")).toEqual(["before", "once"]);
    expect(await verifyChain(pool, "n")).toMatchObject({ checked: 2, firstBreak: null });
  });

  it("survives a torn connection whose statement lives on in PostgreSQL, and writes once", async () => {
    const writer = createAuditWriter({ pool, node: "n" });

    await writer.write([event("before")]);

    let used: pg.PoolClient | undefined;

    pool.once("acquire", (client) => {
      used = client;
    });

    const { write, unblock } = await blockedWrite(writer, "once");
    const { stream } = (used as unknown as { connection: { stream: Socket } }).connection;

    stream.destroy(new Error("read ECONNRESET"));
    // The writer has raised the fence and its second attempt waits behind the first.
    while ((await waitingBackends()).length < 2) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }

    await unblock();
    await write;

    expect(await stored("n")).toEqual(["before", "once"]);
    expect(await verifyChain(pool, "n")).toMatchObject({ checked: 2, firstBreak: null });
  });

  it("writes nothing under a fence that was raised", async () => {
    const store = createChainStore(pool, "n", 5_000);
    const old = await store.takeOver();
    const time = new Date();
    const rows = [toEventRow(event("late"), { id: createUuid7()(time), time })];

    await store.takeOver();

    expect(await store.append(old, rows)).toEqual({ kind: "fenced" });
    expect(await stored("n")).toEqual([]);
  });

  it("rejects while the database is away and writes again when it is back", async () => {
    let away = true;
    const flaky = {
      connect: () => (away ? Promise.reject(new Error("connect ECONNREFUSED")) : pool.connect()),
    } as unknown as pg.Pool;
    const writer = createAuditWriter({ pool: flaky, node: "n" });

    await expect(writer.write([event("lost")])).rejects.toBeInstanceOf(AuditWriteError);
    away = false;
    await writer.write([event("kept")]);

    expect(await stored("n")).toEqual(["kept"]);
  });

  it("refuses more than it can hold, and anything once closed", async () => {
    const writer = createAuditWriter({ pool, node: "n", maxQueue: 2 });
    const held = writer.write([event("1"), event("2")]);

    await expect(writer.write([event("3")])).rejects.toBeInstanceOf(AuditWriteError);
    await writer.close();
    await held;
    await expect(writer.write([event("4")])).rejects.toBeInstanceOf(AuditWriteError);
    expect(await stored("n")).toEqual(["1", "2"]);
  });
});

describe("the check of a chain", () => {
  const tampering: readonly (readonly [string, string, string, number])[] = [
    [
      "an edited text",
      `UPDATE audit_event SET event = replace(event, 'k3', 'k9') WHERE sequence = 3`,
      "hash",
      3,
    ],
    ["an edited column", `UPDATE audit_event SET outcome = 'failure' WHERE sequence = 3`, "columns", 3],
    ["another account", `UPDATE audit_event SET account_id = NULL WHERE sequence = 3`, "columns", 3],
    ["a removed event", `DELETE FROM audit_event WHERE sequence = 3`, "missing", 3],
    ["a cut tail", `DELETE FROM audit_event WHERE sequence >= 4`, "missing", 4],
    ["a cut start", `DELETE FROM audit_event WHERE sequence = 1`, "missing", 1],
    ["an exchanged hash", `UPDATE audit_event SET hash = previous_hash WHERE sequence = 3`, "hash", 3],
    [
      "a link to another event",
      `UPDATE audit_event SET previous_hash = hash WHERE sequence = 3`,
      "previousHash",
      3,
    ],
    ["a removed head", `DELETE FROM audit_chain`, "head", 5],
    [
      "a head set back",
      `UPDATE audit_chain SET hash = (SELECT hash FROM audit_event WHERE sequence = 4)`,
      "head",
      5,
    ],
  ];

  it.each(tampering)("finds %s", async (_name, statement, problem, sequence) => {
    await createAuditWriter({ pool, node: "n" }).write(["k1", "k2", "k3", "k4", "k5"].map((id) => event(id)));
    expect(await verifyChain(pool, "n")).toMatchObject({ firstBreak: null });

    await pool.query(statement);

    expect((await verifyChain(pool, "n")).firstBreak).toMatchObject({ problem, sequence: BigInt(sequence) });
  });

  it("goes through more events than one batch", async () => {
    const writer = createAuditWriter({ pool, node: "n", maxGroup: 1_000 });

    await writer.write(Array.from({ length: 2_500 }, (_, index) => event(`k${index}`)));
    expect(await verifyChain(pool, "n")).toMatchObject({ checked: 2_500, firstBreak: null });

    await pool.query("UPDATE audit_event SET event = event || ' ' WHERE sequence = 2400");
    expect(await verifyChain(pool, "n")).toMatchObject({
      checked: 2_399,
      firstBreak: { problem: "hash", sequence: 2_400n },
    });
  });
});
