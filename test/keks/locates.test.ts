/** Locates of one client that read too much keep nobody from a key, and never end as if they had seen everything. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAuditWriter, type HashChainWriter } from "@/lib/audit/writer";
import { createKmipPorts, type KmipPorts } from "@/lib/core/serving";
import { type Database, openDatabase } from "@/lib/db";
import type { KmipClient } from "@/lib/kmip/client/client";
import type { ClientAttribute } from "@/lib/kmip/client/responses";
import { ResultReason } from "@/lib/kmip/protocol/enumerations";
import { createSelfSigned } from "@/test/support/certificates";
import { FakeKeyManager } from "@/test/support/fake-key-manager";
import { addCertificate, addInstanceRow, eventually } from "@/test/support/kek-fixtures";
import { type Endpoint, openWorld, type World } from "@/test/support/world";

let world: World & { close(): Promise<void> };
let database: Database;
let writer: HashChainWriter;
let ports: KmipPorts;
let endpoint: Endpoint;
let blocker: pg.Client;
let slow: () => KmipClient;
let other: () => KmipClient;

beforeAll(async () => {
  world = await openWorld();
  database = openDatabase(world.test.url, { work: "endpoint" });
  writer = createAuditWriter({ pool: database.appends, node: "zone" });

  const keyManager = new FakeKeyManager();
  const crkId = keyManager.addRootKey();
  const client = async () => {
    const id = await addInstanceRow(world.test.database, world.accountId, { crkId, cacheTtlSeconds: 600 });
    const certificate = await createSelfSigned({ commonName: "vcenter" });

    await addCertificate(world.test.database, id, { ...certificate, name: "vcenter" });

    return () => endpoint.connect(certificate);
  };

  ports = createKmipPorts({
    database,
    sink: writer,
    logger: world.logger,
    openKeyManager: () => ({ keyManager, crkId, keyRing: null }),
  });
  endpoint = await world.openEndpoint({ ports });
  slow = await client();
  other = await client();
  blocker = new pg.Client({ connectionString: world.test.url });
  await blocker.connect();
});

afterAll(async () => {
  await blocker.end();
  await endpoint.close();
  await ports.close();
  await writer.close();
  await database.close();
  await world.close();
});

describe("Locates that take too long", () => {
  it("fail by their limit, and delay no cached Get, nor another instance's Locate", async () => {
    const [mine, others] = [slow(), other()];
    const key = await mine.create();

    await mine.get(key);
    await others.get(await others.create());
    // Only what a search by two terms reads is locked; what others read is not.
    await blocker.query("BEGIN");
    await blocker.query("LOCK TABLE managed_object_term IN ACCESS EXCLUSIVE MODE");

    const clients = Array.from({ length: 30 }, slow);
    const named: ClientAttribute[] = [{ name: "x-Name", value: { t: "text", v: "nothing" } }];
    const locates = Promise.allSettled(clients.map((client) => client.locate(named)));
    const running = async () =>
      (
        await world.test.database.pool.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
           AND application_name LIKE '% locates' AND state = 'active'`,
        )
      ).rowCount ?? 0;

    await eventually(async () => (await running()) === 4, "four of them run");

    const begun = performance.now();

    await mine.get(key);
    await others.locate();
    expect(performance.now() - begun).toBeLessThan(2_000);

    for (const outcome of await locates) {
      expect(outcome).toMatchObject({
        status: "rejected",
        reason: {
          resultReason: ResultReason.GeneralFailure,
          message: expect.stringMatching(/took more than 4 s|More than 4 Locates/),
        },
      });
    }

    await blocker.query("ROLLBACK");
    expect(await mine.locate()).toContain(key);

    for (const client of [...clients, mine, others]) {
      client.close();
    }
  });
});
