/**
 * Every transaction of the program, with its connection broken at each of its statements: the process lives, the data
 * are as before or as after, and whoever called is told which.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Actor } from "@/lib/core/actor";
import { settleIntents } from "@/lib/core/audit";
import { type ChangeEvents, createChangeEvents } from "@/lib/core/change-events";
import {
  addClientCertificate,
  removeClientCertificate,
  renameClientCertificate,
} from "@/lib/core/client-certificates";
import { ensureDedicatedEndpoints, ensureTlsIdentities } from "@/lib/core/endpoints";
import {
  activateInstance,
  createInstance,
  deleteInstance,
  restoreInstance,
  updateInstance,
} from "@/lib/core/instances";
import { restoreService, revokeKek } from "@/lib/core/keks";
import { createMember, removeMember, updateMember } from "@/lib/core/members";
import { recordPermissionCheck } from "@/lib/core/permissions/record-permission-check";
import { createKeyStore, type DatabaseKeyStore } from "@/lib/core/serving/key-store";
import { createToken, revokeToken } from "@/lib/core/tokens";
import { ensureFirstAdministrator } from "@/lib/core/users";
import { destruction } from "@/lib/kmip/attributes/lifecycle";
import type { Tenant } from "@/lib/kmip/ports";
import { actorOf as actorIn, houseForTests, keyManagerOf } from "@/test/api/support/house";
import { withBrokenConnection } from "@/test/support/broken-connections";
import { createSelfSigned } from "@/test/support/certificates";
import { FakeKeyManager } from "@/test/support/fake-key-manager";
import { addInstance, newObject, recordingLogger } from "@/test/support/kek-fixtures";

const house = houseForTests();
const faults: unknown[] = [];
const noteFault = (error: unknown) => {
  faults.push(error);
};

let actor: Actor;
let events: ChangeEvents;
let store: DatabaseKeyStore;
const keyManager = new FakeKeyManager();
const crkId = keyManager.addRootKey();

beforeAll(async () => {
  actor = actorIn(house.a);
  events = createChangeEvents(house.database.url);
  store = createKeyStore({
    database: house.database,
    events,
    logger: recordingLogger(),
    openKeyManager: () => ({ keyManager, crkId, keyRing: null }),
  });
  await events.ready;
  process.on("uncaughtException", noteFault);
  process.on("unhandledRejection", noteFault);
});

afterAll(async () => {
  process.off("uncaughtException", noteFault);
  process.off("unhandledRejection", noteFault);
  store.close();
  await events.close();
});

/** What changes by itself, or tells of attempts: no part of what a transaction does. */
const ASIDE = ["_prisma_migrations", "audit_event", "audit_chain", "audit_intent", "endpoint_node"];

/** All data of the database as text. */
async function dump(): Promise<string> {
  const { pool } = house.database;
  const { rows: tables } = await pool.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND NOT table_name = ANY ($1) ORDER BY 1`,
    [ASIDE],
  );
  const parts: string[] = [];

  for (const { name } of tables) {
    const { rows } = await pool.query<{ line: string }>(`SELECT t::text AS line FROM "${name}" t ORDER BY 1`);

    parts.push(name, ...rows.map(({ line }) => line));
  }

  return parts.join("\n");
}

/** A transaction with what it needs. */
type Case = {
  readonly name: string;
  /** Makes a new subject; answers the call. */
  prepare(): Promise<Call>;
};

type Call = {
  (): Promise<unknown>;
  /** Where the call is several steps: whether what is there is one of the states between them. */
  isWhole?: () => Promise<boolean>;
};

/** A call of several steps. */
const inSteps = (call: () => Promise<unknown>, isWhole: () => Promise<boolean>): Call =>
  Object.assign(call, { isWhole });

const name = () => `t-${randomUUID()}`;
const pem = async () => (await createSelfSigned({ commonName: name() })).certPem;

async function instance(): Promise<Tenant> {
  return (await addInstance(house.database, house.a.id, { crkId })).tenant;
}

async function kek(tenant: Tenant) {
  return store.create(tenant, newObject({ state: 1 }), randomBytes(32));
}

const CASES: readonly Case[] = [
  {
    name: "order an instance",
    async prepare() {
      const input = {
        name: name(),
        region: "eu-de",
        keyManager: keyManagerOf(house),
        clientCertificates: [{ name: "vcenter", pem: await pem() }],
      };

      return () => createInstance(actor, input);
    },
  },
  {
    name: "activate an instance",
    async prepare() {
      const { id } = await createInstance(actor, { name: name(), region: "eu-de" });

      return () => activateInstance(actor, id, { keyManager: keyManagerOf(house) });
    },
  },
  {
    name: "change an instance",
    async prepare() {
      const { instanceId } = await instance();

      return () => updateInstance(actor, instanceId, { name: name() });
    },
  },
  {
    name: "delete an instance",
    async prepare() {
      const { instanceId } = await instance();
      const { name: confirmName } = await house.database.prisma.instance.findUniqueOrThrow({
        where: { id: instanceId },
      });

      return inSteps(
        () => deleteInstance(actor, instanceId, { confirmName, force: true, destroyKeks: false }),
        async () => {
          const { deletedAt, clientCertificates } = await house.database.prisma.instance.findUniqueOrThrow({
            where: { id: instanceId },
            include: { clientCertificates: true },
          });

          return clientCertificates.every(({ releasedAt }) => (releasedAt === null) === (deletedAt === null));
        },
      );
    },
  },
  {
    name: "restore a deleted instance",
    async prepare() {
      const { instanceId } = await instance();
      const { name: confirmName } = await house.database.prisma.instance.findUniqueOrThrow({
        where: { id: instanceId },
      });
      await deleteInstance(actor, instanceId, { confirmName, force: true, destroyKeks: false });

      return inSteps(
        () => restoreInstance(actor, instanceId, {}),
        async () => {
          const { deletedAt, clientCertificates } = await house.database.prisma.instance.findUniqueOrThrow({
            where: { id: instanceId },
            include: { clientCertificates: true },
          });

          return clientCertificates.every(({ releasedAt }) => (releasedAt === null) === (deletedAt === null));
        },
      );
    },
  },
  {
    name: "add a client certificate",
    async prepare() {
      const { instanceId } = await instance();
      const input = { name: name(), pem: await pem() };

      return () => addClientCertificate(actor, instanceId, input);
    },
  },
  {
    name: "rename a client certificate",
    async prepare() {
      const { instanceId, certificateId } = await instance();

      return () => renameClientCertificate(actor, instanceId, certificateId, { name: name() });
    },
  },
  {
    name: "remove a client certificate",
    async prepare() {
      const { instanceId, certificateId } = await instance();

      return () => removeClientCertificate(actor, instanceId, certificateId);
    },
  },
  {
    name: "add a member",
    async prepare() {
      const input = { email: `${name()}@example.com`, name: "New", role: "viewer" } as const;

      return () => createMember(actor, input);
    },
  },
  {
    name: "change a member",
    async prepare() {
      const { userId } = await createMember(actor, {
        email: `${name()}@example.com`,
        name: "x",
        role: "viewer",
      });

      return () => updateMember(actor, userId, { role: "auditor" });
    },
  },
  {
    name: "remove a member",
    async prepare() {
      const { userId } = await createMember(actor, {
        email: `${name()}@example.com`,
        name: "x",
        role: "viewer",
      });

      return () => removeMember(actor, userId);
    },
  },
  {
    name: "create a token",
    prepare: async () => () => createToken(actor, { name: name(), role: "viewer" }),
  },
  {
    name: "revoke a token",
    async prepare() {
      const { id } = await createToken(actor, { name: name(), role: "viewer" });

      return () => revokeToken(actor, id);
    },
  },
  {
    name: "revoke a KEK",
    async prepare() {
      const tenant = await instance();
      const { uniqueIdentifier } = await kek(tenant);

      return () => revokeKek(actor, tenant.instanceId, uniqueIdentifier, { reason: "superseded" });
    },
  },
  {
    name: "restore service of a KEK",
    async prepare() {
      const tenant = await instance();
      const { uniqueIdentifier } = await kek(tenant);

      await revokeKek(actor, tenant.instanceId, uniqueIdentifier, { reason: "superseded" });

      return () => restoreService(actor, tenant.instanceId, uniqueIdentifier);
    },
  },
  {
    name: "keep a permission report",
    async prepare() {
      const { instanceId } = await instance();
      const report = { ok: true, checkedAt: new Date().toISOString(), checks: [], serviceId: null };

      return () => recordPermissionCheck(instanceId, { report, trigger: "schedule" });
    },
  },
  {
    name: "make the first administrator",
    async prepare() {
      await house.database.prisma.user.updateMany({ data: { disabledAt: new Date() } });

      return () => ensureFirstAdministrator({ email: `${name()}@example.com` });
    },
  },
  {
    name: "give out ports",
    async prepare() {
      const { instanceId } = await instance();

      await house.database.prisma.dedicatedEndpoint.deleteMany();
      await house.database.prisma.instance.updateMany({ data: { dedicated: false } });
      await house.database.prisma.instance.update({
        where: { id: instanceId },
        data: { dedicated: true },
      });

      return inSteps(
        async () => {
          let failed: unknown = null;

          await ensureDedicatedEndpoints((error) => {
            failed = error;
          });

          if (failed !== null) {
            throw failed;
          }
        },
        async () =>
          [0, 2].includes(await house.database.prisma.dedicatedEndpoint.count({ where: { instanceId } })),
      );
    },
  },
  {
    name: "make the server certificates",
    async prepare() {
      await house.database.prisma.tlsIdentity.deleteMany({ where: { id: { startsWith: "zone-" } } });

      return () => ensureTlsIdentities({ zones: [1], hosts: ["127.0.0.1"] });
    },
  },
  {
    name: "commit a batch of KMIP operations",
    async prepare() {
      const tenant = await instance();
      const existing = await kek(tenant);
      const transaction = store.begin(tenant);

      await transaction.create(newObject(), randomBytes(32));

      return inSteps(
        () =>
          transaction.commit([
            {
              uniqueIdentifier: existing.uniqueIdentifier,
              change: destruction(existing, new Date()),
              destroys: true,
            },
          ]),
        async () => {
          const { rows } = await house.database.pool.query<{ storages: string }>(
            `SELECT string_agg(storage::text, ' ' ORDER BY storage) AS storages FROM managed_object
             WHERE instance_id = $1`,
            [tenant.instanceId],
          );

          return rows[0]?.storages === "stored" || rows[0]?.storages === "stored destroyed";
        },
      );
    },
  },
];

/** What is audited is in the log once, with what became of it; the worker writes what the caller's process could not. */
async function expectOutcome(succeeded: boolean, place: string): Promise<void> {
  await settleIntents({ staleSeconds: 0 });
  expect(await house.database.prisma.auditIntent.count(), place).toBe(0);

  const { rows } = await house.database.pool.query<{ outcome: string }>(
    `SELECT outcome FROM audit_event
     WHERE event::jsonb ->> 'correlationId' = $1 AND outcome IN ('success', 'failure')
       -- What is asked of the key manager before has a record, and an outcome, of its own.
       AND action <> 'vmware-solutions.permission-check.run'`,
    [actor.requestId],
  );

  expect([0, 1], place).toContain(rows.length);

  for (const { outcome } of rows) {
    expect(outcome, place).toBe(succeeded ? "success" : "failure");
  }
}

describe.each(CASES)("$name", ({ prepare }) => {
  it("is whole wherever its connection breaks", { timeout: 120_000 }, async () => {
    const seen: string[] = [];
    let through = false;

    for (let statement = 1; !through; statement += 1) {
      for (const when of ["before", "unanswered"] as const) {
        const call = await prepare();

        actor = { ...actor, requestId: randomUUID() };

        const before = await dump();
        const { at, outcome } = await withBrokenConnection(house.database.url, { statement, when }, call);
        const after = await dump();
        const place = `${when} ${at}`;

        if (at === null) {
          expect(outcome, "unbroken").toMatchObject({ status: "fulfilled" });
          through = true;
          break;
        }

        seen.push(at);

        if (outcome.status === "fulfilled") {
          // A lost answer to COMMIT is asked for again; nothing else can end well.
          expect(place).toMatch(/unanswered COMMIT|ROLLBACK/);
          expect(after === before, place).toBe(false);
        } else {
          expect(call.isWhole ? await call.isWhole() : after === before, place).toBe(true);
        }

        await expectOutcome(outcome.status === "fulfilled", place);
        // An error that nobody listens to comes at the next turn.
        await new Promise((resolve) => setTimeout(resolve, 5));
        expect(faults, place).toEqual([]);
      }
    }

    expect(seen.filter((text) => text === "BEGIN").length).toBeGreaterThan(0);
    expect(seen.filter((text) => text === "COMMIT").length).toBeGreaterThan(0);
  });
});
