/** A PostgreSQL that hangs: connections stay open and nothing comes. Everybody is answered within 8 s. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import { verifyChain } from "@/lib/audit/verify-chain";
import { createAuditWriter } from "@/lib/audit/writer";
import { setAuditWriter } from "@/lib/core/audit";
import { createKmipPorts } from "@/lib/core/serving";
import { type Database, openDatabase, setDatabase } from "@/lib/db";
import type { KmipClient } from "@/lib/kmip/client/client";
import { ResultReason } from "@/lib/kmip/protocol/enumerations";
import { callApi, houseForTests } from "@/test/api/support/house";
import { createSelfSigned } from "@/test/support/certificates";
import { FakeKeyManager } from "@/test/support/fake-key-manager";
import { addCertificate, addInstanceRow, eventually } from "@/test/support/kek-fixtures";
import { type StallingProxy, stallingProxy } from "@/test/support/stalling-proxy";
import { type Endpoint, openWorld, type World } from "@/test/support/world";

/** What the contract says, with nothing added. */
const ANSWERED_MS = 8_000;

async function timed<T>(work: Promise<T>): Promise<{ outcome: PromiseSettledResult<T>; ms: number }> {
  const begun = performance.now();
  const [outcome] = await Promise.allSettled([work]);

  return { outcome, ms: performance.now() - begun };
}

describe("an endpoint whose database hangs", () => {
  let world: World & { close(): Promise<void> };
  let proxy: StallingProxy;
  let database: Database;
  let endpoint: Endpoint;
  let writer: ReturnType<typeof createAuditWriter>;
  let connect: () => KmipClient;
  const keyManager = new FakeKeyManager();
  let end: () => Promise<void>;

  beforeAll(async () => {
    world = await openWorld();
    proxy = await stallingProxy(world.test.url);
    database = openDatabase(proxy.url, { work: "endpoint", max: 20 });
    writer = createAuditWriter({ pool: database.appends, node: "hung" });

    const crkId = keyManager.addRootKey();
    const ports = createKmipPorts({
      database,
      sink: writer,
      logger: world.logger,
      openKeyManager: () => ({ keyManager, crkId, keyRing: null }),
    });
    const id = await addInstanceRow(world.test.database, world.accountId, { crkId, cacheTtlSeconds: 600 });
    const certificate = await createSelfSigned({ commonName: "vcenter" });

    await addCertificate(world.test.database, id, { ...certificate, name: "vcenter" });
    endpoint = await world.openEndpoint({ ports });
    connect = () => endpoint.connect(certificate);
    end = async () => {
      await endpoint.close();
      await ports.close();
      await writer.close();
      await database.close();
      await proxy.close();
      await world.close();
    };
  });

  afterAll(() => end());

  /** Refused as vCenter understands it: General Failure, in time. */
  async function expectFailure(work: Promise<unknown>): Promise<void> {
    const { outcome, ms } = await timed(work);

    expect(outcome).toMatchObject({
      status: "rejected",
      reason: { resultReason: ResultReason.GeneralFailure },
    });
    expect(ms).toBeLessThan(ANSWERED_MS);
  }

  it("answers Gets and Creates with General Failure, and serves again by itself", async () => {
    const clients = Array.from({ length: 6 }, connect);
    const [first, second, third, fourth, fifth, sixth] = clients as [
      KmipClient,
      KmipClient,
      KmipClient,
      KmipClient,
      KmipClient,
      KmipClient,
    ];
    const cached = await first.create();
    const unread = await first.create();
    const material = (await first.get(cached)).material;

    for (const client of clients) {
      await client.get(cached);
    }

    // A Create that it meets between its two writes.
    let letGo = () => {};
    keyManager.faults.push({
      call: "createStandardKey",
      hold: new Promise<void>((resolve) => {
        letGo = resolve;
      }),
    });
    const halfway = connect();
    const create = halfway.create();

    await eventually(
      () => keyManager.faults.every(({ times }) => times === 0),
      "the Create has come to the key manager",
    );
    proxy.stall();
    letGo();

    await Promise.all([
      expectFailure(create),
      expectFailure(first.get(cached)),
      expectFailure(second.get(unread)),
      expectFailure(third.create()),
      expectFailure(fourth.locate()),
    ]);
    // Those who come later do not wait as long as those whom it met.
    await Promise.all([
      expectFailure(fifth.get(cached)),
      expectFailure(sixth.create()),
      expectFailure(first.get(unread)),
    ]);

    proxy.resume();
    await eventually(async () => {
      const [again] = await Promise.allSettled([second.get(cached)]);

      return again.status === "fulfilled" && Buffer.compare(material, again.value.material) === 0;
    }, "the endpoint serves again");
    await third.create();
    expect(await verifyChain(world.test.database.pool, "hung")).toMatchObject({ firstBreak: null });

    for (const client of [...clients, halfway]) {
      client.close();
    }
  }, 60_000);
});

describe("a console whose database hangs", () => {
  const house = houseForTests();
  let proxy: StallingProxy;
  let database: Database;

  beforeAll(async () => {
    proxy = await stallingProxy(house.database.url);
    database = openDatabase(proxy.url, { work: "console" });
    setDatabase(database);
  });

  afterAll(async () => {
    setAuditWriter(null);
    setDatabase(house.database);
    await database.close();
    await proxy.close();
  });

  const reads = () => [
    callApi(operations.listInstances, { token: house.a.tokens.viewer }),
    callApi(operations.listAuditEvents, { token: house.a.tokens.viewer }),
    callApi(operations.listMembers, { token: house.a.tokens.administrator }),
    callApi(operations.createToken, {
      token: house.a.tokens.administrator,
      body: { name: `n${Math.random()}`, role: "viewer" },
    }),
  ];

  it("answers every call with 503, and works again by itself", async () => {
    expect((await Promise.all(reads())).map(({ status }) => status)).toEqual([200, 200, 200, 201]);
    proxy.stall();

    for (const calls of [reads(), reads()]) {
      for (const { outcome, ms } of await Promise.all(calls.map((call) => timed(call)))) {
        expect(outcome).toMatchObject({ value: { status: 503 } });
        expect(ms).toBeLessThan(ANSWERED_MS);
      }
    }

    proxy.resume();
    await eventually(async () => {
      const answers = await Promise.all(reads());

      return answers.every(({ status }) => status < 300);
    }, "the console works again");
  }, 60_000);

  it("says 503 also when its connections are killed", async () => {
    const seen = new Set<number>();

    for (let round = 0; round < 20; round += 1) {
      const calls = reads();

      // Not always at the same statement.
      await new Promise((resolve) => setTimeout(resolve, round));
      await house.database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );

      for (const { status } of await Promise.all(calls)) {
        seen.add(status);
      }
    }

    expect([...seen].filter((status) => status >= 300)).toEqual([503]);
  });
});
