import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { setAuditWriter } from "@/lib/core/audit";
import { type ChangeEvents, createChangeEvents } from "@/lib/core/change-events";
import { restoreService, revokeKek } from "@/lib/core/keks/revoke-kek";
import { createServedRecorder } from "@/lib/core/serving/served-recorder";
import { createTenantDirectory, type DatabaseTenantDirectory } from "@/lib/core/serving/tenant-directory";
import { publishIn } from "@/lib/db";
import { changeOf } from "@/lib/kmip/attributes/lifecycle";
import type { KmipAuditRecord, Tenant } from "@/lib/kmip/ports";
import { Operation, State } from "@/lib/kmip/protocol/enumerations";
import { actorOf, addCertificate, custom, eventually, recordingLogger } from "@/test/support/kek-fixtures";
import { createKek, createWorld, type World } from "./world";

let world: World;

beforeAll(async () => {
  world = await createWorld();
});

afterAll(async () => {
  setAuditWriter(null);
  await world.close();
});

/** Ends every LISTEN connection of the database, as a restart of PostgreSQL does. */
async function cutNotifications(): Promise<void> {
  await world.test.database.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'kmip-console listen'`,
  );
}

describe("two endpoints on one database", () => {
  it("serve each other's KEKs at once and follow each other's changes", async () => {
    const tenant = await world.instance();
    const [one, two] = await Promise.all([world.endpoint(), world.endpoint()]);

    expect(await two.find(tenant, "later")).toBeNull();

    const { object, material } = await createKek(one, tenant);
    const seen = await two.find(tenant, object.uniqueIdentifier);

    expect(seen).toEqual(object);
    expect(Buffer.from(await two.readMaterial(tenant, object))).toEqual(material);

    const change = changeOf(object, world.clock.now(), State.Active, custom("x-By", "one"));

    await one.update(tenant, object.uniqueIdentifier, change);
    await eventually(
      async () => (await two.find(tenant, object.uniqueIdentifier))?.state === State.Active,
      "the other endpoint sees the change",
    );
  });

  it("stop serving what the console revokes, also from memory, and serve again when it is restored", async () => {
    const tenant = await world.instance({ cacheTtlSeconds: 600 });
    const endpoints = await Promise.all([world.endpoint(), world.endpoint()]);
    const { object, material } = await createKek(endpoints[0], tenant);
    const actor = actorOf(world.accountId);

    setAuditWriter({ write: async () => {} });
    await Promise.all(endpoints.map((endpoint) => endpoint.readMaterial(tenant, object)));
    await revokeKek(actor, tenant.instanceId, object.uniqueIdentifier, { reason: "keyCompromise" });

    for (const endpoint of endpoints) {
      await eventually(
        async () => (await endpoint.find(tenant, object.uniqueIdentifier))?.served === false,
        "the endpoint knows of the block",
      );
      await expect(endpoint.readMaterial(tenant, object)).rejects.toMatchObject({ failure: "refused" });
      await eventually(() => endpoint.stats().plaintexts === 0, "the plaintext is zeroed");
    }

    await restoreService(actor, tenant.instanceId, object.uniqueIdentifier);

    for (const endpoint of endpoints) {
      await eventually(
        async () => (await endpoint.find(tenant, object.uniqueIdentifier))?.served === true,
        "the endpoint knows that it is lifted",
      );
      expect(Buffer.from(await endpoint.readMaterial(tenant, object))).toEqual(material);
    }
  });

  it("trust nothing in memory while notifications may be missing", async () => {
    const tenant = await world.instance();
    let time = 0;
    const events = createChangeEvents(world.test.url, { now: () => time });

    await events.ready;
    time = 1;
    expect(events.trusted()).toBe(true);

    let gaps = 0;

    events.subscribe({
      onEvent() {},
      onGap() {
        gaps += 1;
      },
    });
    await cutNotifications();
    await eventually(() => gaps > 0, "the gap is noticed");
    expect(events.trusted()).toBe(false);
    await eventually(() => gaps > 1, "listening stands again");
    time += 10_001;
    expect(events.trusted()).toBe(true);

    const received: string[] = [];

    events.subscribe({
      onEvent(event) {
        received.push(event.type);
      },
      onGap() {},
    });
    await publishIn(world.test.database.pool, { type: "instance.changed", instanceId: tenant.instanceId });
    await eventually(() => received.includes("instance.changed"), "events arrive again");
    await events.close();
  });

  it("see a change whose notification was lost with the connection", async () => {
    const tenant = await world.instance();
    let time = 0;
    const [one, two] = await Promise.all([world.endpoint(), world.endpoint({ now: () => time })]);
    const { object } = await createKek(one, tenant);

    expect((await two.find(tenant, object.uniqueIdentifier))?.revision).toBe(1);

    // Written without a notification: only a look into the database shows it.
    await world.test.database.pool.query(
      "UPDATE managed_object SET revision = 7 WHERE unique_identifier = $1",
      [object.uniqueIdentifier],
    );
    expect((await two.find(tenant, object.uniqueIdentifier))?.revision).toBe(1);

    await cutNotifications();
    await eventually(
      async () => (await two.find(tenant, object.uniqueIdentifier))?.revision === 7,
      "memory is no longer trusted",
    );

    // What was in memory before the gap does not come back when memory is trusted again.
    time += 60_000;
    expect((await two.find(tenant, object.uniqueIdentifier))?.revision).toBe(7);
  });
});

describe("the directory of tenants", () => {
  let events: ChangeEvents;
  let tenants: DatabaseTenantDirectory;
  const revoked: string[] = [];

  beforeAll(async () => {
    events = createChangeEvents(world.test.url);
    tenants = createTenantDirectory({
      database: world.test.database,
      events,
      logger: recordingLogger(),
      retryMs: 50,
    });
    tenants.onRevoked((sha256) => revoked.push(sha256));
    await events.ready;
  });

  afterAll(async () => {
    tenants.close();
    await events.close();
  });

  const prisma = () => world.test.database.prisma;
  const say = (type: "certificate.added" | "certificate.removed", tenant: Tenant) =>
    publishIn(world.test.database.pool, {
      type,
      instanceId: tenant.instanceId,
      sha256: tenant.certificateSha256,
    });

  it("knows a certificate from the moment it is pinned", async () => {
    const { instanceId } = await world.instance();

    expect(await tenants.resolve("00".repeat(32))).toBeNull();

    const tenant = await addCertificate(world.test.database, instanceId);

    expect(await tenants.resolve(tenant.certificateSha256)).toEqual(tenant);
  });

  it("knows a connection test's certificate, with its few rights, until its time is over", async () => {
    const { instanceId, certificateSha256: pinned } = await world.instance();
    const admit = (sha256: string, seconds: number) =>
      prisma().connectionProbe.upsert({
        where: { instanceId },
        create: {
          sha256,
          instanceId,
          testId: randomUUID(),
          expiresAt: new Date(Date.now() + seconds * 1_000),
        },
        update: { sha256, expiresAt: new Date(Date.now() + seconds * 1_000) },
      });
    const { testId } = await admit("aa".repeat(32), 60);
    const tenant = await tenants.resolve("aa".repeat(32));

    expect(tenant).toMatchObject({ instanceId, probe: { id: testId } });
    expect(tenant?.probe?.operations).toEqual(new Set([Operation.DiscoverVersions, Operation.Query]));
    expect(await tenants.describe(tenant as Tenant)).toMatchObject({ accountId: world.accountId });

    await admit("bb".repeat(32), -1);
    expect(await tenants.resolve("bb".repeat(32))).toBeNull();

    // A certificate that is pinned as well gets no more by that.
    await admit(pinned, 60);
    expect((await tenants.resolve(pinned))?.probe).toBeDefined();

    await admit("cc".repeat(32), 60);
    await prisma().instance.update({ where: { id: instanceId }, data: { status: "inactive" } });
    expect(await tenants.resolve("cc".repeat(32))).toBeNull();
  });

  it("forgets a removed certificate and tells whose connections to close", async () => {
    const tenant = await world.instance();

    await tenants.resolve(tenant.certificateSha256);
    await prisma().clientCertificate.delete({ where: { id: tenant.certificateId } });
    await say("certificate.removed", tenant);
    await eventually(() => revoked.includes(tenant.certificateSha256), "it is told");
    expect(await tenants.resolve(tenant.certificateSha256)).toBeNull();
    // The account of what just happened is still known to the audit.
    expect(await tenants.describe(tenant)).toMatchObject({ accountId: world.accountId });
  });

  it("follows changes of an instance: policy at once, removal with closed connections", async () => {
    const tenant = await world.instance();
    const changed = () =>
      publishIn(world.test.database.pool, { type: "instance.changed", instanceId: tenant.instanceId });

    await tenants.resolve(tenant.certificateSha256);
    await prisma().instance.update({ where: { id: tenant.instanceId }, data: { activateOnCreate: true } });
    await changed();
    await eventually(
      async () => (await tenants.resolve(tenant.certificateSha256))?.policy.activateOnCreate === true,
      "the policy is known",
    );
    expect(revoked).not.toContain(tenant.certificateSha256);

    await prisma().instance.update({ where: { id: tenant.instanceId }, data: { status: "attention" } });
    await changed();
    expect(await tenants.resolve(tenant.certificateSha256)).not.toBeNull();

    await prisma().instance.update({ where: { id: tenant.instanceId }, data: { status: "removing" } });
    await changed();
    await eventually(() => revoked.includes(tenant.certificateSha256), "it is told");
    expect(await tenants.resolve(tenant.certificateSha256)).toBeNull();
  });

  it("finds what was removed while it could not listen", async () => {
    const [kept, removed] = [await world.instance(), await world.instance()];

    await tenants.resolve(kept.certificateSha256);
    await tenants.resolve(removed.certificateSha256);
    await prisma().clientCertificate.delete({ where: { id: removed.certificateId } });
    await cutNotifications();
    await eventually(() => revoked.includes(removed.certificateSha256), "it is told");
    expect(revoked).not.toContain(kept.certificateSha256);
    expect(await tenants.resolve(kept.certificateSha256)).toEqual(kept);
  });
});

describe("the bookkeeping of last uses", () => {
  it("adds up what both endpoints served and keeps the latest", async () => {
    const tenant = await world.instance();
    const store = await world.endpoint();
    const { object } = await createKek(store, tenant);
    const recorders = [1, 2].map(() =>
      createServedRecorder({
        database: world.test.database,
        logger: world.logger,
        clock: world.clock,
        everyMs: 3_600_000,
      }),
    );
    const record = (remoteAddress: string, servedMaterial = true): KmipAuditRecord => ({
      tenant,
      operation: 10,
      uniqueIdentifiers: [object.uniqueIdentifier],
      outcome: "success",
      remoteAddress,
      remotePort: 1,
      protocolVersion: "1.4",
      requestId: "r",
      servedMaterial,
    });

    recorders[0]?.note([record("192.0.2.1"), record("192.0.2.1"), record("192.0.2.9", false)]);
    world.clock.advance(5_000);
    recorders[1]?.note([record("192.0.2.2")]);
    // The later one is written first.
    await recorders[1]?.close();
    await recorders[0]?.close();

    const row = await prisma().managedObject.findUniqueOrThrow({
      where: {
        instanceId_uniqueIdentifier: {
          instanceId: tenant.instanceId,
          uniqueIdentifier: object.uniqueIdentifier,
        },
      },
    });

    expect(row).toMatchObject({
      servedCount: 3n,
      lastServedAt: world.clock.now(),
      lastServedTo: tenant.certificateId,
      lastServedAddress: "192.0.2.2",
    });
    expect(
      await prisma().clientCertificate.findUniqueOrThrow({ where: { id: tenant.certificateId } }),
    ).toMatchObject({ lastSeenAt: world.clock.now(), lastSeenAddress: "192.0.2.2" });
    expect(
      (await prisma().instance.findUniqueOrThrow({ where: { id: tenant.instanceId } })).lastKmipAt,
    ).toEqual(world.clock.now());
  });

  it("loses nothing when a write fails", async () => {
    const tenant = await world.instance();
    const store = await world.endpoint();
    const { object } = await createKek(store, tenant);
    let broken = true;
    const { pool } = world.test.database;
    const recorder = createServedRecorder({
      database: {
        pool: new Proxy(pool, {
          get: (target, property) =>
            property === "query" && broken
              ? () => Promise.reject(new Error("gone"))
              : Reflect.get(target, property).bind(target),
        }),
      },
      logger: world.logger,
      everyMs: 3_600_000,
    });

    recorder.note([
      {
        tenant,
        operation: 10,
        uniqueIdentifiers: [object.uniqueIdentifier],
        outcome: "success",
        remoteAddress: "192.0.2.3",
        remotePort: 1,
        protocolVersion: "1.4",
        requestId: "r",
        servedMaterial: true,
      },
    ]);
    await expect(recorder.flush()).rejects.toThrow("gone");
    broken = false;
    await recorder.close();

    const { rows } = await pool.query<{ count: string }>(
      "SELECT served_count AS count FROM managed_object WHERE unique_identifier = $1",
      [object.uniqueIdentifier],
    );

    expect(rows[0]?.count).toBe("1");
  });

  const prisma = () => world.test.database.prisma;
});
