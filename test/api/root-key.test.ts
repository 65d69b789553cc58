import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import type { RewrapStatus } from "@/lib/api/instances/schemas";
import * as operations from "@/lib/api/operations";
import { auditWriter } from "@/lib/core/audit";
import { deleteInstance } from "@/lib/core/instances";
import { checkInstance } from "@/lib/core/permissions/check-instance";
import { reconcileAll, rewrapDue } from "@/lib/core/rewrap";
import { createKmipPorts } from "@/lib/core/serving";
import type { Tenant } from "@/lib/kmip/ports";
import { makeRootKey } from "@/test/key-managers/support/sandbox";
import { createSelfSigned } from "@/test/support/certificates";
import { newObject, recordingLogger } from "@/test/support/kek-fixtures";
import { actorOf, callApi, houseForTests, keyManagerOf } from "./support/house";

const house = houseForTests();
let id = "";
let crkId = "";
let tenant: Tenant;
let counter = 0;

const token = () => house.a.tokens.administrator;
const rewrapStatus = async (): Promise<RewrapStatus> =>
  (await callApi(operations.getRewrap, { token: token(), params: { id } })).body;
const rotate = () => callApi(operations.rotateRootKey, { token: token(), params: { id } });
const patch = (body: unknown) => callApi(operations.updateInstance, { token: token(), params: { id }, body });
const instanceView = async () =>
  (await callApi(operations.getInstance, { token: token(), params: { id } })).body;
const actOn = (key: string, action: string, body?: unknown) =>
  house.cloud.administer("key-protect", "POST", `/keys/${key}/actions/${action}`, { body });

/** What the worker does every few seconds. */
async function runWorker() {
  const { database } = house;

  await database.pool.query("UPDATE instance SET rewrap_due_at = now() WHERE id = $1", [id]);

  return rewrapDue({ database, logger: recordingLogger(), perSecond: 10_000 });
}

function openPorts() {
  return createKmipPorts({ database: house.database, sink: auditWriter(), logger: recordingLogger() });
}

/** KEKs made by a client, with their bytes. */
async function makeKeks(count: number): Promise<Map<string, Buffer>> {
  const ports = openPorts();
  const keks = new Map<string, Buffer>();

  try {
    for (let made = 0; made < count; made += 1) {
      const material = randomBytes(32);
      const object = newObject({ state: 2 });

      // The store's own copy is zeroed by whoever asked.
      await ports.store.create(tenant, object, Uint8Array.from(material));
      keks.set(object.uniqueIdentifier, material);
    }
  } finally {
    await ports.close();
  }

  return keks;
}

async function expectServed(keks: ReadonlyMap<string, Buffer>): Promise<void> {
  const ports = openPorts();

  try {
    for (const [uniqueIdentifier, material] of keks) {
      const object = await ports.store.find(tenant, uniqueIdentifier);

      expect(object && Buffer.from(await ports.store.readMaterial(tenant, object)).equals(material)).toBe(
        true,
      );
    }
  } finally {
    await ports.close();
  }
}

/** Standard keys of the key manager that have these names. */
async function standardKeysOf(keks: ReadonlyMap<string, Buffer>): Promise<number> {
  const { json } = await house.cloud.administer(
    "key-protect",
    "GET",
    "/keys?limit=5000&extractable=true&state=1",
  );
  const keys = (json?.resources ?? []) as unknown as { name: string }[];

  return keys.filter(({ name }) => keks.has(name)).length;
}

beforeEach(async () => {
  counter += 1;
  house.cloud.fault = null;
  crkId = await makeRootKey(house.cloud, `root-${counter}`);

  const { certPem } = await createSelfSigned({ commonName: `root-${counter}` });
  const { status, body } = await callApi(operations.createInstance, {
    token: token(),
    body: {
      name: `root-${counter}`,
      region: "us-south",
      keyManager: { ...keyManagerOf(house), crkId },
      clientCertificates: [{ name: "vcenter", pem: certPem }],
      cachePolicy: { cacheTtlSeconds: 0, outageGraceSeconds: 0 },
    },
  });

  expect(status).toBe(202);
  id = body.id;

  const { body: list } = await callApi(operations.listClientCertificates, { token: token(), params: { id } });

  tenant = {
    instanceId: id,
    certificateId: list.items[0].id,
    certificateSha256: list.items[0].sha256,
    policy: { activateOnCreate: false, serveCompromised: true },
  };
});

describe("the rotation of a root key", () => {
  it("by the API is followed by every KEK, which the status tells, and the audit", async () => {
    const keks = await makeKeks(5);
    const before = await rewrapStatus();

    expect(before).toMatchObject({ state: "idle", crkId, total: 5, remaining: 0, error: null });
    expect(before.versions).toEqual([{ crkId, crkVersion: before.crkVersion, keks: 5, current: true }]);

    const { status, body } = await rotate();

    expect(status).toBe(202);
    expect(body).toMatchObject({ state: "running", total: 5, remaining: 5 });
    expect(body.crkVersion).not.toBe(before.crkVersion);
    expect(body.versions).toEqual([{ crkId, crkVersion: before.crkVersion, keks: 5, current: false }]);
    expect((await instanceView()).crk).toMatchObject({ id: crkId, currentVersion: body.crkVersion });
    await expectServed(keks);

    const reports = await Promise.all([runWorker(), runWorker()]);

    expect(reports.map(({ failed }) => failed)).toEqual([0, 0]);
    expect(await rewrapStatus()).toEqual({
      ...body,
      state: "idle",
      remaining: 0,
      versions: [{ crkId, crkVersion: body.crkVersion, keks: 5, current: true }],
    });
    await expectServed(keks);
    expect(await standardKeysOf(keks)).toBe(5);

    const events = await house.database.prisma.auditEvent.findMany({
      where: { instanceId: id, action: "vmware-solutions.root-key.rotate" },
      orderBy: { id: "asc" },
    });

    expect(events.map(({ outcome, targetId }) => [outcome, targetId])).toEqual([
      ["pending", crkId],
      ["success", crkId],
    ]);
  });

  it("in the key manager is noticed by the periodic check, and by a Get", async () => {
    const keks = await makeKeks(2);

    expect(await runWorker()).toMatchObject({ moved: 0, remaining: 0 });
    expect((await actOn(crkId, "rotate")).status).toBe(204);

    const dueIn = async () =>
      (
        await house.database.pool.query<{ seconds: number }>(
          "SELECT extract(epoch FROM rewrap_due_at - now())::float8 AS seconds FROM instance WHERE id = $1",
          [id],
        )
      ).rows[0]?.seconds ?? 0;

    expect(await dueIn()).toBeGreaterThan(60);
    await expectServed(keks);
    await expect.poll(dueIn).toBeLessThanOrEqual(0);

    await checkInstance(id, "schedule", { cloud: house.cloud.cloud });
    expect(await rewrapStatus()).toMatchObject({ state: "running", remaining: 2 });
    expect(await runWorker()).toMatchObject({ remaining: 0 });
    expect(await rewrapStatus()).toMatchObject({ state: "idle", remaining: 0 });
    await expectServed(keks);
  });

  it.each([
    ["KEY_ROTATION_NOT_PERMITTED", 409, "KEY_MANAGER_REJECTED", /one rotation an hour/],
    ["KEY_PAYLOAD_REQ_ERR", 400, "KEY_MANAGER_REJECTED", /imported/],
    ["UNAUTHORIZED_ERR", 403, "KEY_MANAGER_FORBIDDEN", /service role Manager/],
  ] as const)(
    "that is refused with %s is said to be so in plain words",
    async (code, status, problem, words) => {
      house.cloud.fault = (request, next) =>
        request.segments.at(-1) === "rotate"
          ? Promise.resolve({
              status,
              body: { resources: [{ errorMsg: "refused", reasons: [{ code, message: "refused", status }] }] },
            })
          : next();

      const answer = await rotate();

      expect(answer.status).toBe(422);
      expect(answer.body).toMatchObject({ code: problem, detail: expect.stringMatching(words) });
      expect(answer.body.keyManager).toMatchObject({ code });
    },
  );
});

describe("another root key", () => {
  it("is used for new KEKs at once, takes over the others, and can be given up again", async () => {
    const keks = await makeKeks(4);
    const other = await makeRootKey(house.cloud, `other-${counter}`);

    expect(await patch({ crkId: other })).toMatchObject({ status: 200, body: { crk: { id: other } } });

    const later = await makeKeks(1);

    expect(await rewrapStatus()).toMatchObject({ state: "running", crkId: other, total: 5, remaining: 4 });
    await expectServed(new Map([...keks, ...later]));

    // Back again before they have moved.
    expect(await patch({ crkId })).toMatchObject({ status: 200, body: { crk: { id: crkId } } });
    expect(await rewrapStatus()).toMatchObject({ state: "running", remaining: 1 });
    expect(await runWorker()).toMatchObject({ moved: 1, remaining: 0 });

    expect(await patch({ crkId: other })).toMatchObject({ status: 200 });
    expect(await runWorker()).toMatchObject({ moved: 5, failed: 0, remaining: 0 });
    expect(await rewrapStatus()).toMatchObject({ state: "idle", crkId: other, remaining: 0 });

    // Nothing needs the old one any more.
    expect((await actOn(crkId, "disable")).status).toBe(204);
    await expectServed(new Map([...keks, ...later]));
    expect(await standardKeysOf(new Map([...keks, ...later]))).toBe(5);
  });

  it("waits for the old one while that is disabled, and says so", async () => {
    const keks = await makeKeks(1);
    const other = await makeRootKey(house.cloud, `other-${counter}`);

    await patch({ crkId: other });
    await actOn(crkId, "disable");
    expect(await runWorker()).toMatchObject({ moved: 0, remaining: 1 });
    expect(await rewrapStatus()).toMatchObject({
      state: "blocked",
      error: { code: "WRAPPING_KEY_DISABLED" },
    });
    // Its permissions are in order, and yet there are KEKs that it cannot serve.
    await checkInstance(id, "schedule", { cloud: house.cloud.cloud });
    expect(await instanceView()).toMatchObject({
      status: "attention",
      statusReason: "WRAPPING_KEY_DISABLED",
    });
    await actOn(crkId, "enable");
    expect(await runWorker()).toMatchObject({ moved: 1, remaining: 0 });
    expect(await rewrapStatus()).toMatchObject({ state: "idle", error: null });
    expect(await instanceView()).toMatchObject({ status: "installed", statusReason: null });
    await expectServed(keks);
  });
});

describe("a new API key", () => {
  it("must read the KEKs that are still under another root key", async () => {
    await makeKeks(1);

    const other = await makeRootKey(house.cloud, `other-${counter}`);

    await patch({ crkId: other });
    // What a policy for the new root key alone comes to.
    house.cloud.fault = (request, next) =>
      request.segments.includes(crkId) && request.segments.at(-1) === "unwrap"
        ? Promise.resolve({ status: 401, body: { resources: [{ errorMsg: "Unauthorized" }] } })
        : next();

    const { apiKey } = keyManagerOf(house);

    expect(await patch({ apiKey })).toMatchObject({
      status: 422,
      body: { code: "KEY_MANAGER_FORBIDDEN", detail: expect.stringContaining(crkId) },
    });
    house.cloud.fault = null;
    expect(await patch({ apiKey })).toMatchObject({ status: 200 });
  });
});

describe("a root key that is disabled", () => {
  it("stops serving, is said to be so, and serves again when it is enabled", async () => {
    const keks = await makeKeks(1);
    const [identifier = ""] = keks.keys();
    const ports = openPorts();
    const object = await ports.store.find(tenant, identifier);

    if (!object) {
      throw new Error("The KEK is not there.");
    }

    try {
      await actOn(crkId, "disable");
      await expect(ports.store.readMaterial(tenant, object)).rejects.toMatchObject({ failure: "refused" });
      await checkInstance(id, "schedule", { cloud: house.cloud.cloud });
      expect(await instanceView()).toMatchObject({
        status: "attention",
        statusReason: "CRK_DISABLED",
        crk: { state: "suspended" },
      });
      expect(await rotate()).toMatchObject({
        status: 422,
        body: { detail: expect.stringMatching(/disabled/) },
      });

      await actOn(crkId, "enable");
      await checkInstance(id, "schedule", { cloud: house.cloud.cloud });
      expect(await instanceView()).toMatchObject({ status: "installed", crk: { state: "active" } });
    } finally {
      await ports.close();
    }

    await expectServed(keks);
  });
});

describe("an instance that is deleted with its KEKs while they move", () => {
  it("leaves no standard key", async () => {
    const keks = await makeKeks(3);

    await rotate();
    // Held where the copies exist and nobody refers to them.
    const { database } = house;
    let reached: () => void = () => {};
    const halted = new Promise<void>((resolve) => {
      reached = resolve;
    });

    void rewrapDue({
      database,
      logger: recordingLogger(),
      audit: () => {
        reached();

        return new Promise(() => {});
      },
    });
    await halted;
    await expect.poll(() => standardKeysOf(keks)).toBe(6);

    const { name } = await instanceView();

    expect(
      await deleteInstance(actorOf(house.a), id, { confirmName: name, force: true, destroyKeks: true }),
    ).toBe(true);
    expect(await standardKeysOf(keks)).toBe(0);
    expect(await reconcileAll({ database, logger: recordingLogger() })).toMatchObject({ failed: 0 });
  });
});
