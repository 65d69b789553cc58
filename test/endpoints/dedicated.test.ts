/** Endpoints that serve one HPCS instance alone: two zones, real TLS, real PostgreSQL. */
import { createServer as createTcpServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import {
  assignDedicatedPorts,
  endpointsOf,
  ensureDedicatedEndpoints,
  listEndpointNodes,
  liveZones,
  prepareDedicatedIdentity,
  recordHeartbeat,
  removeEndpointNode,
  testConnection,
} from "@/lib/core/endpoints";
import { createDedicatedListeners, type DedicatedListeners } from "@/lib/core/endpoints/dedicated-listeners";
import { deleteInstance, getInstance, purgeDeletedInstances, restoreInstance } from "@/lib/core/instances";
import { inTransaction } from "@/lib/core/transaction";
import { publishIn } from "@/lib/db";
import { env } from "@/lib/env";
import { KmipClient } from "@/lib/kmip/client/client";
import { createKmipEngine } from "@/lib/kmip/engine/engine";
import { createKmipServer, type KmipServer } from "@/lib/kmip/transport/server";
import { createSelfSigned, type TestCertificate } from "@/test/support/certificates";
import {
  actorOf,
  addAccount,
  addCertificate,
  eventually,
  recordingLogger,
} from "@/test/support/kek-fixtures";
import { freePortRange } from "@/test/support/product";
import { deploymentForTests } from "./deployment";

const PORTS = 24;

const from = await freePortRange(PORTS);
const deployment = await deploymentForTests({
  KMIP_DEDICATED_PORTS: `${from}-${from + PORTS - 1}`,
  KMIP_DEDICATED_DOMAIN: "kmip.example.com",
});
const { pool, prisma } = {
  pool: () => deployment.test.database.pool,
  prisma: () => deployment.test.database.prisma,
};
const actor = (accountId = deployment.accountId) => actorOf(accountId, "administrator");
const logger = recordingLogger();
const zones: DedicatedListeners[] = [];
const opened = new Map<string, KmipServer>();

function openZone(zone: number): DedicatedListeners {
  const { ports } = deployment;

  return createDedicatedListeners({
    zone,
    events: ports.events,
    logger,
    drainMs: 500,
    open(instanceId, port, certificates) {
      const server = createKmipServer({
        host: "127.0.0.1",
        port,
        tls: certificates,
        engine: createKmipEngine({ store: ports.store, audit: ports.audit, logger }),
        tenants: ports.tenants.dedicatedTo(instanceId),
        logger,
      });
      const id = crypto.randomUUID();
      opened.set(`${instanceId} ${zone}`, server);

      return {
        server,
        renew: (next) => server.updateTls(next),
        beat: () =>
          recordHeartbeat({
            id,
            zone,
            host: "127.0.0.1",
            port,
            instanceId,
            version: "0",
            startedAt: new Date(),
            connections: 0,
            requests: 0,
            failedHandshakes: server.stats().failedHandshakes,
            counters: { accepted: 0, failedHandshakes: {}, operations: {}, limits: {} },
          }),
        forget: () => removeEndpointNode(id),
      };
    },
  });
}

type Hpcs = { id: string; certificate: TestCertificate };

async function pin(instanceId: string): Promise<TestCertificate> {
  const certificate = await createSelfSigned({ commonName: "vcenter.example.com" });
  await addCertificate(deployment.test.database, instanceId, certificate);

  return certificate;
}

/** An instance as activation leaves it. */
async function addHpcs(accountId = deployment.accountId): Promise<Hpcs> {
  const id = await deployment.instance();
  await prisma().instance.update({
    where: { id },
    data: { keyManagerKind: "hpcs", dedicated: true, accountId },
  });
  await prepareDedicatedIdentity(id);
  await inTransaction((tx) => assignDedicatedPorts(tx, id));
  const certificate = await pin(id);
  await publishIn(pool(), { type: "instance.changed", instanceId: id });

  return { id, certificate };
}

async function portsOf(instanceId: string): Promise<number[]> {
  const rows = await prisma().dedicatedEndpoint.findMany({ where: { instanceId }, orderBy: { zone: "asc" } });

  return rows.map(({ port }) => port);
}

async function listening(instanceId: string): Promise<void> {
  await expect
    .poll(() => zones.every((zone) => zone.running().has(instanceId)), { timeout: 25_000 })
    .toBe(true);
}

/** What a client with this certificate gets at a port of this machine. */
async function versionsAt(port: number, certificate: TestCertificate): Promise<string[] | "nothing"> {
  const client = new KmipClient({
    host: "127.0.0.1",
    port,
    cert: certificate.certPem,
    key: certificate.keyPem,
    timeoutMs: 5_000,
  });
  try {
    return await client.discoverVersions();
  } catch {
    return "nothing";
  } finally {
    client.close();
  }
}

beforeAll(async () => {
  for (const zone of [1, 2]) {
    zones.push(openZone(zone));
  }
});

afterAll(async () => {
  for (const zone of zones) {
    await zone.close();
  }
});

describe("a dedicated endpoint", () => {
  it("serves its instance in every zone as soon as that is active, and the shared ones do not", async () => {
    const { id, certificate } = await addHpcs();
    await listening(id);
    const ports = await portsOf(id);
    expect(ports).toHaveLength(2);
    for (const port of ports) {
      expect(await versionsAt(port, certificate)).toContain("1.4");
    }
    for (const zone of [1, 2] as const) {
      expect(await versionsAt(deployment.hosts.port(zone), certificate)).toBe("nothing");
    }
  });

  it("gives the certificates of other instances nothing", async () => {
    const [mine, other] = [await addHpcs(), await addHpcs()];
    const shared = await deployment.instance();
    const sharedCertificate = await pin(shared);
    await listening(mine.id);
    await listening(other.id);

    expect(await versionsAt(deployment.hosts.port(1), sharedCertificate)).toContain("1.4");
    for (const port of await portsOf(mine.id)) {
      // Also one that the directory has in its memory.
      expect(await versionsAt(port, sharedCertificate)).toBe("nothing");
      expect(await versionsAt(port, other.certificate)).toBe("nothing");
      expect(await versionsAt(port, mine.certificate)).toContain("1.4");
    }
    for (const port of await portsOf(other.id)) {
      expect(await versionsAt(port, mine.certificate)).toBe("nothing");
      expect(await versionsAt(port, other.certificate)).toContain("1.4");
    }
    const failures = opened.get(`${mine.id} 1`)?.stats().failedHandshakes ?? [];
    expect(failures.map(({ reason, certificateSha256 }) => [reason, certificateSha256])).toEqual([
      ["not-pinned", sharedCertificate.sha256],
      ["not-pinned", other.certificate.sha256],
    ]);
  });

  it("shows one certificate in all zones, with the instance's host name, signed by the deployment's authority", async () => {
    const { id } = await addHpcs();
    const other = await addHpcs();
    await listening(id);
    await listening(other.id);
    const view = await getInstance(actor(), id);
    const [first, second] = view.endpoints;
    expect(view.endpoints).toMatchObject([
      { zone: 1, host: `${id}.kmip.example.com`, dedicated: true, problem: null },
      { zone: 2, host: `${id}.kmip.example.com`, dedicated: true, problem: null },
    ]);
    expect(first?.serverCertificate).toEqual(second?.serverCertificate);
    expect(first?.serverCertificates.map(({ keyType }) => keyType)).toEqual(["ec", "rsa"]);
    const [others] = (await getInstance(actor(), other.id)).endpoints;
    expect(others?.serverCertificate.sha256).not.toBe(first?.serverCertificate.sha256);

    // What is shown is what is proven, and the name is in it: the client checks both.
    const { certificate } = { certificate: await pin(id) };
    for (const endpoint of view.endpoints) {
      const client = new KmipClient({
        host: "127.0.0.1",
        port: endpoint.port,
        cert: certificate.certPem,
        key: certificate.keyPem,
        serverSha256: endpoint.serverCertificate.sha256,
      });
      expect(await client.discoverVersions()).toContain("1.1");
      client.close();
    }
    const { X509Certificate } = await import("node:crypto");
    const [serverPem = "", authorityPem = ""] = (first?.serverCertificate.pem ?? "").split(
      /(?<=END CERTIFICATE-----\n)/,
    );
    const server = new X509Certificate(serverPem);
    expect(server.checkHost(`${id}.kmip.example.com`)).toBeDefined();
    expect(server.checkHost(`${other.id}.kmip.example.com`)).toBeUndefined();
    expect(server.verify(new X509Certificate(authorityPem).publicKey)).toBe(true);
  });

  it("stops when its instance goes, which ends open connections, and comes back as it was with it", async () => {
    const { id, certificate } = await addHpcs();
    await listening(id);
    const ports = await portsOf(id);
    const [port = 0] = ports;
    const fingerprint = async () => (await getInstance(actor(), id)).endpoints[0]?.serverCertificate.sha256;
    const shown = await fingerprint();
    const client = new KmipClient({
      host: "127.0.0.1",
      port,
      cert: certificate.certPem,
      key: certificate.keyPem,
    });
    await client.discoverVersions();
    expect(opened.get(`${id} 1`)?.stats().connections).toBe(1);
    expect(await liveZones(id)).toEqual(new Set([1, 2]));
    const row = await prisma().instance.update({ where: { id }, data: { lastKmipAt: new Date() } });
    expect(
      await deleteInstance(actor(), id, { confirmName: row.name, force: true, destroyKeks: false }),
    ).toBe(true);
    await eventually(() => zones.every((zone) => !zone.running().has(id)), "both zones stop");
    await eventually(() => opened.get(`${id} 1`)?.stats().connections === 0, "the connection is ended");
    await eventually(async () => (await liveZones(id)).size === 0, "its heartbeats are gone");
    expect(await versionsAt(port, certificate)).toBe("nothing");
    client.close();

    await restoreInstance(actor(), id, {});
    await listening(id);
    // vCenter knows both.
    expect(await portsOf(id)).toEqual(ports);
    expect(await fingerprint()).toBe(shown);
    expect(await versionsAt(port, certificate)).not.toBe("nothing");

    await deleteInstance(actor(), id, { confirmName: row.name, force: true, destroyKeks: false });
    await prisma().instance.update({ where: { id }, data: { purgeAt: new Date(Date.now() - 60_000) } });
    expect(
      await purgeDeletedInstances({
        requestId: "purge",
        onError: (_, error) => expect(error).toBeUndefined(),
      }),
    ).toEqual([id]);
    expect(await prisma().tlsIdentity.count({ where: { id: { contains: id } } })).toBe(0);
    expect(await prisma().dedicatedEndpoint.count({ where: { instanceId: id } })).toBe(0);
  });

  it("says so when its port is in use, and listens when that is free", async () => {
    const [port = 0] = await (async () => {
      const { id } = await addHpcs();
      const ports = await portsOf(id);
      await listening(id);
      await prisma().instance.update({ where: { id }, data: { status: "removing" } });
      await publishIn(pool(), { type: "instance.changed", instanceId: id });
      await eventually(() => zones.every((zone) => !zone.running().has(id)), "both zones stop");
      await prisma().instance.delete({ where: { id } });

      return ports;
    })();
    const squatter = createTcpServer();
    await eventually(
      () =>
        new Promise<boolean>((resolve) => {
          squatter.once("error", () => resolve(false));
          squatter.listen(port, "127.0.0.1", () => resolve(true));
        }),
      "the port is given back",
    );
    onTestFinished(() => {
      squatter.close();
    });

    const { id, certificate } = await addHpcs();
    expect((await portsOf(id))[0]).toBe(port);
    await eventually(() => zones[1]?.running().has(id) === true, "the other zone listens");
    await eventually(
      async () => (await getInstance(actor(), id)).endpoints[0]?.problem === "PORT_IN_USE",
      "the instance says so",
    );
    expect((await getInstance(actor(), id)).endpoints[1]?.problem).toBeNull();
    // The shared endpoint of that zone, and all others, go on.
    expect(zones[0]?.running().has(id)).toBe(false);

    await new Promise((resolve) => squatter.close(resolve));
    await zones[0]?.reconcile();
    await listening(id);
    expect(await versionsAt(port, certificate)).toContain("1.4");
    expect((await getInstance(actor(), id)).endpoints[0]?.problem).toBeNull();
  });

  it("keeps its ports and certificates over a restart of its process", async () => {
    const { id, certificate } = await addHpcs();
    await listening(id);
    const before = await endpointsOf([{ id, dedicated: true }]);
    await zones[0]?.close();
    await ensureDedicatedEndpoints((error) => {
      throw error;
    });
    const restarted = openZone(1);
    zones[0] = restarted;
    await restarted.reconcile();
    expect(restarted.running().get(id)).toBe(before.get(id)?.[0]?.port);
    expect(await endpointsOf([{ id, dedicated: true }])).toEqual(before);
    expect(await versionsAt(restarted.running().get(id) ?? 0, certificate)).toContain("1.4");
  });

  it("is tested at its own address, and shown with its instance to its own account alone", async () => {
    const { id } = await addHpcs();
    await listening(id);
    const report = await testConnection(actor(), id);
    expect(report.endpoints.map(({ port }) => port)).toEqual(await portsOf(id));
    // Nobody resolves example.com's names here; inside of the machine both zones answer.
    expect(report.endpoints.map(({ serverCertificateSha256 }) => serverCertificateSha256)).toEqual(
      (await getInstance(actor(), id)).endpoints.map(({ serverCertificate }) => serverCertificate.sha256),
    );

    await eventually(async () => (await liveZones(id)).size === 2, "both zones tell that they live");
    const stranger = await addAccount(deployment.test.database);
    const seenBy = async (accountId: string) =>
      (await listEndpointNodes(actor(accountId))).filter((node) => node.instanceId === id);
    expect(await seenBy(deployment.accountId)).toMatchObject([
      { zone: 1, health: "up" },
      { zone: 2, health: "up" },
    ]);
    expect(await seenBy(stranger)).toEqual([]);
    expect(await liveZones()).toEqual(new Set());
  });

  it("gives out no port twice, and says when there is none", async () => {
    await prisma().dedicatedEndpoint.deleteMany();
    const ids = await Promise.all(Array.from({ length: PORTS / 2 }, () => deployment.instance()));
    const outcomes = await Promise.allSettled(
      ids.map((id) => inTransaction((tx) => assignDedicatedPorts(tx, id))),
    );
    expect(outcomes.every(({ status }) => status === "fulfilled")).toBe(true);
    const all = await prisma().dedicatedEndpoint.findMany();
    expect(new Set(all.map(({ port }) => port)).size).toBe(PORTS);
    for (const { zone, port } of all) {
      expect(port).toBeGreaterThanOrEqual(env().KMIP_DEDICATED_PORTS.from + (zone - 1) * (PORTS / 2));
      expect(port).toBeLessThan(env().KMIP_DEDICATED_PORTS.from + zone * (PORTS / 2));
    }
    const oneMore = await deployment.instance();
    const assign = (id: string) => inTransaction((tx) => assignDedicatedPorts(tx, id));
    await expect(assign(oneMore)).rejects.toMatchObject({ code: "NOT_AVAILABLE" });

    // Those of a deleted instance are the last that are given out, and are not given back.
    const [deleted = "", gone = ""] = ids;
    const { name } = await prisma().instance.update({
      where: { id: deleted },
      data: { dedicated: true, lastKmipAt: new Date() },
    });
    const ports = await portsOf(deleted);
    await deleteInstance(actor(), deleted, { confirmName: name, force: true, destroyKeks: false });
    await assign(oneMore);
    expect(await portsOf(oneMore)).toEqual(ports);
    await expect(restoreInstance(actor(), deleted, {})).rejects.toMatchObject({ code: "NOT_AVAILABLE" });
    const free = await portsOf(gone);
    await prisma().instance.delete({ where: { id: gone } });
    await restoreInstance(actor(), deleted, {});
    expect(await portsOf(deleted)).toEqual(free);
    expect(await portsOf(oneMore)).toEqual(ports);
    await prisma().dedicatedEndpoint.deleteMany();
  });
});
