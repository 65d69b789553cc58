import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { verifyAllChains } from "@/lib/audit/verify-chain";
import { listAuditEvents, setAuditWriter } from "@/lib/core/audit";
import { deleteInstance, restoreInstance } from "@/lib/core/instances";
import { revokeKek } from "@/lib/core/keks";
import { openInstanceKeyManager } from "@/lib/core/key-managers/open-key-manager";
import { reconcileAll } from "@/lib/core/rewrap";
import {
  type KmipClient,
  KmipOperationError,
  type KmipVersionName,
  requests,
} from "@/lib/kmip/client/client";
import { bytesIn, textIn } from "@/lib/kmip/client/responses";
import {
  BlockCipherMode,
  Operation,
  ResultReason,
  ResultStatus,
  RevocationReasonCode,
  State,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { boolean, bytes as byteString, enumeration, type Item, structure, text } from "@/lib/kmip/ttlv";
import { sandboxForTests } from "@/test/key-managers/support/sandbox";
import { actorOf, eventually } from "@/test/support/kek-fixtures";
import { type Endpoint, type EndpointOptions, worldForTests } from "@/test/support/world";

/** Two endpoints with everything behind them real: database, audit, adapter, and the sandbox as IBM Cloud. */
const world = worldForTests();
const cloud = sandboxForTests();
const endpoints: Endpoint[] = [];
const clients: KmipClient[] = [];

beforeAll(async () => {
  const openKeyManager: EndpointOptions["openKeyManager"] = (instance) =>
    openInstanceKeyManager(instance, cloud.cloud);

  for (const node of ["zone-1", "zone-2"]) {
    endpoints.push(await world.openEndpoint({ node, openKeyManager }));
  }

  setAuditWriter(endpoints[0]?.writer ?? null);
});

afterEach(() => {
  cloud.fault = null;
});

afterAll(() => {
  for (const client of clients) {
    client.close();
  }

  setAuditWriter(null);
});

/** An instance on a root key of its own, and how its vCenter connects. */
async function order(cacheTtlSeconds = 0) {
  const { id, crkId, certificate } = await world.orderInstance(cloud, { cacheTtlSeconds });

  return {
    id,
    crkId,
    client(zone: 1 | 2, version: KmipVersionName = "1.1"): KmipClient {
      const endpoint = endpoints[zone - 1];

      if (endpoint === undefined) {
        throw new Error(`there is no zone ${zone}`);
      }

      const client = endpoint.connect(certificate, version);

      clients.push(client);

      return client;
    },
  };
}

async function reasonOf(call: Promise<unknown>): Promise<number | null> {
  try {
    await call;

    return null;
  } catch (error) {
    if (error instanceof KmipOperationError) {
      return error.resultReason;
    }

    throw error;
  }
}

const bytes = async (client: KmipClient, identifier: string) =>
  Buffer.from((await client.get(identifier)).material);

const pathOf = (request: { segments: readonly string[] }) => `/${request.segments.join("/")}`;

describe("two endpoints with Key Protect behind them", () => {
  it("make a KEK at one and serve it at once at the other", async () => {
    const instance = await order();
    const [one, two] = [instance.client(1), instance.client(2)];
    const identifier = await one.create();
    const material = await bytes(one, identifier);

    expect(material).toHaveLength(32);
    expect(await bytes(two, identifier)).toEqual(material);
    await two.activate(identifier);
    expect(await one.locate()).toEqual([identifier]);
  });

  it("never show a KEK to another instance", async () => {
    const [mine, other] = [await order(), await order()];
    const identifier = await mine.client(1).create();
    const stranger = other.client(1);

    expect(await reasonOf(stranger.get(identifier))).toBe(ResultReason.ItemNotFound);
    expect(await stranger.locate()).toEqual([]);
  });

  it("refuse the next Get once the standard key is deleted in Key Protect, and audit the loss", async () => {
    const instance = await order();
    const client = instance.client(1);
    const identifier = await client.create();

    await client.get(identifier);

    const { keyManagerKeyId } = await world.test.database.prisma.managedObject.findUniqueOrThrow({
      where: { instanceId_uniqueIdentifier: { instanceId: instance.id, uniqueIdentifier: identifier } },
    });
    const { status } = await cloud.administer("key-protect", "DELETE", `/keys/${keyManagerKeyId}`);

    expect(status).toBeLessThan(300);
    expect(await reasonOf(client.get(identifier))).not.toBeNull();
    expect(await reasonOf(instance.client(2).get(identifier))).not.toBeNull();
    expect(await client.locate()).toEqual([]);

    const { items } = await listAuditEvents(actorOf(world.accountId), { limit: 50, targetId: identifier });

    expect(items.map((event) => `${event.action} ${event.outcome}`)).toEqual(
      expect.arrayContaining([
        "vmware-solutions.kmip-key.destroy success",
        "vmware-solutions.kmip-key.read failure",
        "vmware-solutions.kmip-key.create success",
      ]),
    );
    expect(items.find((event) => event.action.endsWith("destroy"))?.initiator.id).toBe("system:kmip");
  });

  it("stop every Get while the root key is disabled", async () => {
    const instance = await order();
    const client = instance.client(2);
    const identifiers = [await client.create(), await client.create()];

    await cloud.administer("key-protect", "POST", `/keys/${instance.crkId}/actions/disable`);

    for (const identifier of identifiers) {
      expect(await reasonOf(client.get(identifier))).toBe(ResultReason.PermissionDenied);
    }

    expect(await reasonOf(client.create())).not.toBeNull();
    await cloud.administer("key-protect", "POST", `/keys/${instance.crkId}/actions/enable`);
    expect(await reasonOf(client.get(identifiers[0] ?? ""))).toBeNull();
  });

  it("ask Key Protect once per KEK in a boot storm", async () => {
    const instance = await order(60);
    const storm = Array.from({ length: 20 }, () => instance.client(1));
    const identifiers = await Promise.all([1, 2, 3, 4].map(() => storm[0]?.create() ?? ""));
    const asked: string[] = [];

    cloud.fault = (request, next) => {
      asked.push(`${request.method} ${pathOf(request)}`);

      return next();
    };
    await Promise.all(
      storm.flatMap((client) =>
        identifiers.flatMap((identifier) => [client.get(identifier), client.get(identifier)]),
      ),
    );

    expect(asked.filter((line) => line.startsWith("GET ") && line.includes("/keys/"))).toHaveLength(4);
    expect(asked.filter((line) => line.endsWith("/actions/unwrap"))).toHaveLength(4);
  });

  it("refuse with Permission Denied what the console revokes, and have all of it in one sound audit", async () => {
    const instance = await order(600);
    const [one, two] = [instance.client(1), instance.client(2)];
    const identifier = await one.create();

    await one.get(identifier);
    await two.get(identifier);
    await revokeKek(actorOf(world.accountId), instance.id, identifier, { reason: "keyCompromise" });

    for (const client of [one, two]) {
      await eventually(
        async () => (await reasonOf(client.get(identifier))) === ResultReason.PermissionDenied,
        "the Get is refused",
      );
    }

    const { items } = await listAuditEvents(actorOf(world.accountId), { limit: 50, targetId: identifier });
    const told = items.map((event) => `${event.action.split(".").at(-1)} ${event.outcome}`);

    expect(told).toEqual(
      expect.arrayContaining(["create success", "read success", "revoke success", "read failure"]),
    );
    expect(items.find((event) => event.outcome === "failure")).toMatchObject({
      severity: "critical",
      reason: { code: 403 },
      initiator: { id: expect.stringMatching(/^CertificateID-[0-9a-f]{64}$/), name: "vcenter" },
    });
    expect(
      (await verifyAllChains(world.test.database.pool)).every((chain) => chain.firstBreak === null),
    ).toBe(true);
  });

  it("note who was served, and count", async () => {
    const instance = await order();
    const client = instance.client(1);
    const identifier = await client.create();

    await client.get(identifier);
    await client.get(identifier);

    const row = () =>
      world.test.database.prisma.managedObject.findUniqueOrThrow({
        where: { instanceId_uniqueIdentifier: { instanceId: instance.id, uniqueIdentifier: identifier } },
      });

    await eventually(async () => (await row()).servedCount === 2n, "both are counted");
    expect(await row()).toMatchObject({ lastServedAddress: "127.0.0.1" });

    const owner = () => world.test.database.prisma.instance.findUniqueOrThrow({ where: { id: instance.id } });

    // The instance is written after its KEKs.
    await eventually(async () => (await owner()).lastKmipAt !== null, "the instance's last use");
    expect(await owner()).toMatchObject({ kekCount: 1 });
  });

  it("serve nobody of a deleted instance within a second, and the same bytes once it is restored", async () => {
    const instance = await order(600);
    const [one, two] = [instance.client(1), instance.client(2)];
    const identifier = await one.create();
    const material = await bytes(one, identifier);

    // From its memory from now on; never activated, like most vCenters' keys.
    expect(await bytes(two, identifier)).toEqual(material);

    const actor = actorOf(world.accountId, "administrator");
    const { prisma } = world.test.database;
    const {
      name,
      clientCertificates: [certificate],
    } = await prisma.instance.findUniqueOrThrow({
      where: { id: instance.id },
      include: { clientCertificates: true },
    });
    const isOpen = ({ server }: Endpoint) =>
      server.stats().connectionsByCertificate.has(certificate?.sha256 ?? "");
    const input = { confirmName: name, destroyKeks: false };

    await expect(deleteInstance(actor, instance.id, { ...input, force: false })).rejects.toMatchObject({
      code: "INSTANCE_IN_USE",
    });
    expect(endpoints.every(isOpen)).toBe(true);
    await deleteInstance(actor, instance.id, { ...input, force: true });

    const deletedAt = performance.now();

    await eventually(() => !endpoints.some(isOpen), "its connections are closed");
    expect(performance.now() - deletedAt).toBeLessThan(1_000);
    await expect(one.get(identifier)).rejects.toThrow();
    await expect(instance.client(2).get(identifier)).rejects.toThrow();

    await restoreInstance(actor, instance.id, {});
    expect(await bytes(instance.client(1), identifier)).toEqual(material);
    expect(await bytes(instance.client(2), identifier)).toEqual(material);
    expect((await instance.client(1).locate()).length).toBe(1);
  });

  it("leave nothing in Key Protect of a Create whose answer was lost", async () => {
    const instance = await order();
    const client = instance.client(1);
    let made = 0;

    cloud.fault = async (request, next) => {
      if (request.method === "POST" && pathOf(request).endsWith("/keys")) {
        await next();
        made += 1;

        return { status: 503, body: {} };
      }

      // The look-up fails as well.
      return request.method === "GET" ? { status: 503, body: {} } : next();
    };
    expect(await reasonOf(client.create())).toBe(ResultReason.GeneralFailure);
    cloud.fault = null;
    expect(made).toBe(1);

    const report = await reconcileAll({
      database: world.test.database,
      logger: world.logger,
      openKeyManager: (record) => openInstanceKeyManager(record, cloud.cloud),
      olderThanSeconds: 0,
      settleSeconds: 0,
    });

    expect(report).toMatchObject({ abandoned: 1, orphansRemoved: 1, failed: 0 });
    expect(await client.locate()).toEqual([]);
  });

  it("undo a batch that fails: nothing is left of it in Key Protect, and the audit tells of it", async () => {
    const instance = await order();
    const [one, two] = [instance.client(1, "1.4"), instance.client(2, "1.4")];
    const existing = await one.create();
    const before = await bytes(one, existing);
    const batch = [
      requests.create({ name: "of the batch" }),
      requests.activate(),
      requests.get(),
      requests.destroy(existing),
    ];
    const names = async () => {
      const { json } = await cloud.administer("key-protect", "GET", "/keys?limit=5000");

      return (json?.resources ?? []).map((key) => (key as { name?: string }).name ?? "");
    };
    const kept = (await names()).length;
    const failed = await one.batch([...batch, requests.get("nobody")], { continuation: "undo" });
    const { OperationUndone, OperationFailed, Success } = ResultStatus;

    expect(failed.items.map(({ status }) => status)).toEqual([
      ...Array(4).fill(OperationUndone),
      OperationFailed,
    ]);
    expect(await two.locate()).toEqual([existing]);
    expect(await bytes(two, existing)).toEqual(before);
    expect(await names()).toHaveLength(kept);

    const { items } = await listAuditEvents(actorOf(world.accountId), { limit: 50, instanceId: instance.id });
    const undone = items.filter((event) => event.reason?.code === 409);

    expect(undone.map((event) => `${event.action.split(".").at(-1)} ${event.outcome}`).sort()).toEqual([
      "activate failure",
      "create failure",
      "destroy failure",
      "read failure",
    ]);

    const done = await one.batch(batch, { continuation: "undo" });
    const made = textIn(done.items[0]?.payload ?? [], Tag.UniqueIdentifier) ?? "";

    expect(done.items.map(({ status }) => status)).toEqual(Array(4).fill(Success));
    await eventually(async () => (await two.locate()).join() === made, "the other endpoint sees all of it");
    expect(await reasonOf(two.get(existing))).toBe(ResultReason.ItemNotFound);
    expect(await bytes(two, made)).toHaveLength(32);
    expect(await names()).toEqual(expect.arrayContaining([made]));
    expect(await names()).not.toContain(existing);
  });

  it("export a KEK and import it elsewhere, and back in its own place", async () => {
    const [mine, other] = [await order(), await order()];
    const [client, stranger] = [mine.client(1, "1.4"), other.client(2, "1.4")];
    const identifier = await client.create({ name: "moving" });

    await client.activate(identifier);
    await client.revoke(identifier, RevocationReasonCode.Superseded);

    const material = await bytes(client, identifier);
    const named = text(Tag.UniqueIdentifier, identifier);
    const exported = await client.request({ operation: Operation.Export, payload: [named] });
    const payload = exported.filter(({ tag }) => tag !== Tag.ObjectType);
    const importing = (replace: boolean) => ({
      operation: Operation.Import,
      payload: [named, boolean(Tag.ReplaceExisting, replace), ...payload.slice(1)],
    });

    await stranger.request(importing(false));
    expect(await bytes(other.client(1), identifier)).toEqual(material);
    expect((await stranger.getAttributes(identifier, ["State"]))[0]?.value.v).toBe(State.Deactivated);
    expect(await reasonOf(stranger.request(importing(false)))).toBe(ResultReason.ObjectAlreadyExists);
    await stranger.destroy(identifier);
    await stranger.request(importing(true));
    expect(await bytes(other.client(1), identifier)).toEqual(material);
    expect(await bytes(client, identifier)).toEqual(material);
  });

  it("go on with an operation in parts where it was begun, and nowhere else", async () => {
    const instance = await order();
    const [one, two] = [instance.client(1, "1.4"), instance.client(2, "1.4")];
    const identifier = await one.create();

    await one.activate(identifier);

    const part = (client: KmipClient, ...fields: Item[]) =>
      client.request({
        operation: Operation.Encrypt,
        payload: [text(Tag.UniqueIdentifier, identifier), byteString(Tag.Data, Buffer.alloc(20)), ...fields],
      });
    const begun = await part(
      one,
      structure(Tag.CryptographicParameters, [enumeration(Tag.BlockCipherMode, BlockCipherMode.CTR)]),
      byteString(Tag.IVCounterNonce, Buffer.alloc(16)),
      boolean(Tag.InitIndicator, true),
    );
    const value = bytesIn(begun, Tag.CorrelationValue) ?? new Uint8Array();
    const next = byteString(Tag.CorrelationValue, value);

    expect(await reasonOf(part(two, next))).toBe(ResultReason.ItemNotFound);
    expect(await reasonOf(part(one, next))).toBeNull();
    expect(await reasonOf(part(one, next, boolean(Tag.FinalIndicator, true)))).toBeNull();
    expect(await reasonOf(part(one, next))).toBe(ResultReason.ItemNotFound);
  });
});
