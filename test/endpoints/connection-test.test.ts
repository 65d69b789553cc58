import { randomUUID } from "node:crypto";
import { createServer as createTcpServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { toJson } from "@/lib/api/contract/handler";
import { runConnectionTest } from "@/lib/api/instances/operations";
import type { ConnectionReport } from "@/lib/api/instances/schemas";
import { serializeConnectionReport } from "@/lib/api/instances/serializers";
import type { Actor } from "@/lib/core/actor";
import { setAuditWriter } from "@/lib/core/audit";
import {
  forgetConnectionProbes,
  recordHeartbeat,
  removeEndpointNode,
  testConnection as testConnectionInCore,
} from "@/lib/core/endpoints";
import { admitProbe, withdrawProbe } from "@/lib/core/endpoints/connection-probes";
import { deleteInstance } from "@/lib/core/instances";
import { KmipClient, type KmipClientOptions, requests } from "@/lib/kmip/client/client";
import type { TenantDirectory } from "@/lib/kmip/ports";
import { QueryFunction, ResultReason } from "@/lib/kmip/protocol/enumerations";
import { createShortLivedClient } from "@/lib/x509";
import { createSelfSigned } from "@/test/support/certificates";
import { actorOf, addAccount, addCertificate, eventually } from "@/test/support/kek-fixtures";
import { deploymentForTests } from "./deployment";

const deployment = await deploymentForTests();
const actor = (role: Parameters<typeof actorOf>[1] = "operator") => actorOf(deployment.accountId, role);
const prisma = () => deployment.test.database.prisma;
const pool = () => deployment.test.database.pool;

const ALL = ["tcp", "tls", "serverCertificate", "strangerRefused", "kmip", "vcenterVersion"];

/** A connection test as the API shows it. */
const testConnection = async (by: Actor, instanceId: string): Promise<ConnectionReport> =>
  toJson(runConnectionTest, serializeConnectionReport(await testConnectionInCore(by, instanceId)));

/** Code of each check of a zone. */
function codesOf(report: ConnectionReport, zone: number): Record<string, string | undefined> {
  const endpoint = report.endpoints.find((candidate) => candidate.zone === zone);

  return Object.fromEntries((endpoint?.checks ?? []).map(({ id, code }) => [id, code]));
}

const PASSING = {
  tcp: "ENDPOINT_REACHED",
  tls: "TLS_AGREED",
  serverCertificate: "SERVER_CERTIFICATE_KNOWN",
  strangerRefused: "STRANGER_REFUSED",
  kmip: "KMIP_ANSWERED",
  vcenterVersion: "VCENTER_VERSION_OFFERED",
};
const waitingFor = (root: string, ids: readonly string[]) => ({
  [root]: expect.any(String),
  ...Object.fromEntries(ids.map((id) => [id, "WAITS_FOR"])),
});

async function eventsOf(instanceId: string) {
  const rows = await prisma().auditEvent.findMany({ where: { instanceId }, orderBy: { id: "asc" } });

  return rows.map((row) => ({ action: row.action, outcome: row.outcome, ...JSON.parse(row.event) }));
}

describe("a connection test", () => {
  it("passes at every endpoint that serves the instance, and leaves nothing behind", async () => {
    const instanceId = await deployment.instance();
    const before = [1, 2].map((zone) => deployment.server(zone as 1 | 2).stats().failedHandshakes.length);
    const who = actor();
    const report = await testConnection(who, instanceId);

    expect(report.ok).toBe(true);
    expect(report.endpoints.map(({ zone }) => zone)).toEqual([1, 2]);
    for (const endpoint of report.endpoints) {
      expect(endpoint).toMatchObject({
        ok: true,
        host: "127.0.0.1",
        tlsProtocol: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        serverCertificateSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        kmipVersions: expect.arrayContaining(["1.4", "1.1", "1.0"]),
      });
      expect(endpoint.checks.map(({ id }) => id)).toEqual(ALL);
      expect(codesOf(report, endpoint.zone)).toEqual(PASSING);
      for (const check of endpoint.checks) {
        expect(check.title).not.toBe("");
        expect(check.detail).not.toMatch(/undefined|null/);
      }
    }

    expect(await prisma().connectionProbe.count()).toBe(0);
    expect(await prisma().clientCertificate.count({ where: { instanceId } })).toBe(1);
    await eventually(
      () =>
        [1, 2].every((zone) => deployment.server(zone as 1 | 2).stats().connectionsByCertificate.size === 0),
      "no connection of the test is left",
    );

    // Who looks at refused handshakes sees what it was.
    for (const [index, zone] of ([1, 2] as const).entries()) {
      const added = deployment.server(zone).stats().failedHandshakes.slice(before[index]);
      expect(added).toMatchObject([
        { reason: "not-pinned", subject: expect.stringContaining("connection test (unpinned)") },
      ]);
    }

    const events = await eventsOf(instanceId);
    const action = events.find((event) => event.action === "vmware-solutions.connection-test.run");
    expect(action).toMatchObject({
      outcome: "success",
      correlationId: who.requestId,
      initiator: { name: who.name },
      responseData: {
        ok: true,
        endpoints: [
          { zone: 1, failed: [] },
          { zone: 2, failed: [] },
        ],
      },
    });
    const asked = events.filter((event) => event.action === "vmware-solutions.kmip.discover");
    expect(asked).toHaveLength(2);
    for (const event of asked) {
      expect(event).toMatchObject({
        initiator: {
          name: "connection test",
          id: `CertificateID-${action?.requestData.certificateSha256}`,
        },
        requestData: { connectionTest: action?.requestData.connectionTest, protocolVersion: "1.1" },
      });
    }
    expect(JSON.stringify([events, report])).not.toMatch(/PRIVATE KEY|BEGIN/);
  });

  it("is no use of the instance: last use and the rules of deletion stay as they were", async () => {
    const instanceId = await deployment.instance();
    const before = await prisma().instance.findUniqueOrThrow({ where: { id: instanceId } });
    expect((await testConnection(actor(), instanceId)).ok).toBe(true);

    // A client's use that comes later is written by the same recorder, and so is certain to be written after.
    const later = await deployment.instance();
    const certificate = await createSelfSigned({ commonName: "vcenter" });
    const { certificateId } = await addCertificate(deployment.test.database, later);
    await prisma().clientCertificate.update({
      where: { id: certificateId },
      data: { sha256: certificate.sha256 },
    });
    const client = connect(1, certificate.certPem, certificate.keyPem);
    await client.discoverVersions();
    await eventually(
      async () => (await prisma().instance.findUniqueOrThrow({ where: { id: later } })).lastKmipAt !== null,
      "the client's use is written",
    );
    expect(await prisma().instance.findUniqueOrThrow({ where: { id: instanceId } })).toEqual(before);
    const certificates = await prisma().clientCertificate.findMany({ where: { instanceId } });
    expect(certificates).toMatchObject([{ lastSeenAt: null, lastSeenAddress: null }]);

    const { name } = before;
    const input = { confirmName: name, force: false, destroyKeks: false };
    expect(await deleteInstance(actor("administrator"), instanceId, input)).toBe(true);
  });

  it("says which endpoint is down and what to do, while the other passes", async () => {
    const instanceId = await deployment.instance();
    await deployment.stop(2);
    const report = await testConnection(actor(), instanceId);

    expect(report).toMatchObject({ ok: false, endpoints: [{ ok: true }, { ok: false }] });
    expect(codesOf(report, 1)).toEqual(PASSING);
    expect(codesOf(report, 2)).toEqual({ ...waitingFor("tcp", ALL.slice(1)), tcp: "ENDPOINT_DOWN" });
    const [, down] = report.endpoints;
    expect(down).toMatchObject({
      tlsProtocol: null,
      cipher: null,
      serverCertificateSha256: null,
      kmipVersions: [],
    });
    expect(down?.checks[0]).toMatchObject({
      status: "fail",
      detail: expect.stringContaining("refused"),
      remedy: expect.stringContaining("Start the endpoint"),
      command: `nc -vz 127.0.0.1 ${deployment.hosts.port(2)}`,
      params: { whyCode: "CONNECTION_REFUSED" },
    });
    expect(down?.checks[1]).toMatchObject({ status: "skipped", params: { check: "tcp" } });

    const events = await eventsOf(instanceId);
    expect(events.at(-1)).toMatchObject({
      action: "vmware-solutions.connection-test.run",
      outcome: "success",
      responseData: { ok: false, endpoints: [{ failed: [] }, { failed: ["ENDPOINT_DOWN"] }] },
    });

    // The same from outside, but the listener gives signs of life: the way to it is at fault.
    const id = randomUUID();
    await recordHeartbeat({
      id,
      zone: 2,
      host: "127.0.0.1",
      port: deployment.hosts.port(2),
      version: "test",
      startedAt: new Date(),
      connections: 0,
      requests: 0,
      failedHandshakes: [],
      counters: { accepted: 0, failedHandshakes: {}, operations: {}, limits: {} },
    });
    onTestFinished(() => removeEndpointNode(id));
    expect(codesOf(await testConnection(actor(), instanceId), 2).tcp).toBe("ENDPOINT_UNREACHED");
  });

  it("asks nothing of a server that shows another certificate", async () => {
    const instanceId = await deployment.instance();
    const other = await createSelfSigned({ commonName: "127.0.0.1" });
    let heard = 0;
    await deployment.replace(
      2,
      createTlsServer(
        { cert: other.certPem, key: other.keyPem, requestCert: true, rejectUnauthorized: false },
        (socket) => {
          socket.on("error", () => {});
          socket.on("data", (chunk) => {
            heard += chunk.length;
          });
        },
      ),
    );
    const report = await testConnection(actor(), instanceId);

    expect(codesOf(report, 2)).toEqual({
      ...waitingFor("serverCertificate", ["strangerRefused", "kmip", "vcenterVersion"]),
      tcp: "ENDPOINT_REACHED",
      tls: "TLS_AGREED",
      serverCertificate: "SERVER_CERTIFICATE_OTHER",
    });
    expect(report.endpoints[1]).toMatchObject({ ok: false, serverCertificateSha256: other.sha256 });
    expect(heard).toBe(0);
  });

  it("names what is wrong with TLS in words, without what OpenSSL adds to them", async () => {
    const instanceId = await deployment.instance();
    await deployment.replace(
      2,
      createTcpServer((socket) => {
        socket.on("error", () => {});
        socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      }),
    );
    const report = await testConnection(actor(), instanceId);
    expect(codesOf(report, 2)).toEqual({
      ...waitingFor("tls", ALL.slice(2)),
      tcp: "ENDPOINT_REACHED",
      tls: "TLS_FAILED",
    });
    const { detail } = report.endpoints[1]?.checks[1] ?? {};
    expect(detail).toMatch(/TLS handshake failed\. \S/);
    expect(detail).not.toMatch(/:error:|routines/);
  });

  it("notices an endpoint that answers strangers", async () => {
    const instanceId = await deployment.instance();
    const anybody: TenantDirectory = {
      resolve: async (certificateSha256) => ({
        instanceId,
        certificateId: randomUUID(),
        certificateSha256,
        policy: { activateOnCreate: false, serveCompromised: true },
      }),
      onRevoked: () => () => {},
    };
    await deployment.replaceKmip(2, { tenants: anybody });
    const report = await testConnection(actor(), instanceId);
    expect(codesOf(report, 2)).toEqual({ ...PASSING, strangerRefused: "STRANGER_ANSWERED" });
    expect(report.ok).toBe(false);
  });

  it("notices an endpoint that does not know the instance's clients", async () => {
    const instanceId = await deployment.instance();
    await deployment.replaceKmip(2, { tenants: { resolve: async () => null, onRevoked: () => () => {} } });
    const report = await testConnection(actor(), instanceId);
    expect(codesOf(report, 2)).toEqual({
      ...PASSING,
      kmip: "KMIP_NOT_ADMITTED",
      vcenterVersion: "WAITS_FOR",
    });
  });

  it("runs once at a time for an instance, and beside those of others", async () => {
    const [one, other] = [await deployment.instance(), await deployment.instance()];
    const { probe } = await admitted(one);
    await expect(testConnection(actor(), one)).rejects.toMatchObject({
      code: "RATE_LIMITED",
      extra: { retryAfterSeconds: expect.any(Number) },
    });
    expect(await prisma().connectionProbe.findMany()).toMatchObject([{ sha256: probe.sha256 }]);
    expect((await testConnection(actor(), other)).ok).toBe(true);

    // Two at the same moment: the database lets one in.
    const third = await deployment.instance();
    const twins = ["cd", "ef"].map((byte) => ({
      instanceId: third,
      sha256: byte.repeat(32),
      testId: randomUUID(),
    }));
    expect((await Promise.all(twins.map(admitProbe))).sort()).toEqual([false, true]);

    // What a killed process left behind holds nobody up once its time is over.
    await pool().query("UPDATE connection_probe SET expires_at = now() - interval '1 second'");
    expect((await testConnection(actor(), one)).ok).toBe(true);
    expect(await prisma().connectionProbe.count({ where: { instanceId: one } })).toBe(0);
    await forgetConnectionProbes();
    expect(await prisma().connectionProbe.count()).toBe(0);
  });

  it("ends the probe also when its own audit event cannot be written", async () => {
    const instanceId = await deployment.instance();
    onTestFinished(() => setAuditWriter(deployment.writer));
    setAuditWriter({ write: () => Promise.reject(new Error("disk full")) });
    await expect(testConnection(actor(), instanceId)).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE" });
    expect(await prisma().connectionProbe.count()).toBe(0);
  });

  it("is refused to viewers, to other accounts, and for instances that serve nobody", async () => {
    const instanceId = await deployment.instance();
    const stranger = actorOf(await addAccount(deployment.test.database));
    for (const role of ["viewer", "auditor"] as const) {
      await expect(testConnection(actor(role), instanceId)).rejects.toMatchObject({ code: "FORBIDDEN" });
    }
    await expect(testConnection(stranger, instanceId)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const removing = await deployment.instance("removing");
    await expect(testConnection(actor(), removing)).rejects.toMatchObject({ code: "INVALID_STATE" });
    expect(await prisma().connectionProbe.count()).toBe(0);
  });
});

function connect(
  zone: 1 | 2,
  cert: string,
  key: string,
  options: Partial<KmipClientOptions> = {},
): KmipClient {
  const port = deployment.hosts.port(zone);
  const client = new KmipClient({ host: "127.0.0.1", port, cert, key, timeoutMs: 5_000, ...options });
  onTestFinished(() => client.close());

  return client;
}

async function admitted(instanceId: string) {
  const identity = await createShortLivedClient({ commonName: "probe", seconds: 60 });
  const probe = { instanceId, sha256: identity.sha256, testId: randomUUID() };
  expect(await admitProbe(probe)).toBe(true);
  onTestFinished(async () => {
    await pool().query("DELETE FROM connection_probe WHERE instance_id = $1", [instanceId]);
  });

  return {
    probe,
    client: (zone: 1 | 2 = 1) => connect(zone, identity.certificatePem, identity.privateKeyPem),
  };
}

/** What an endpoint does with a client that it does not let in. */
async function expectTurnedAway(client: KmipClient): Promise<void> {
  await expect(client.discoverVersions()).rejects.toSatisfy(
    (error: { failure?: string; code?: string }) =>
      error.failure === "closed" || error.code === "ECONNRESET" || error.code === "EPIPE",
  );
}

describe("the certificate of a connection test", () => {
  it("opens nothing but Discover Versions and Query, alone or in a batch", async () => {
    const instanceId = await deployment.instance();
    const { client: make } = await admitted(instanceId);
    const client = make();

    expect(await client.discoverVersions()).toContain("1.1");
    await client.query([QueryFunction.QueryServerInformation]);
    for (const refused of [
      () => client.create(),
      () => client.locate(),
      () => client.get(randomUUID()),
      () => client.getAttributes(randomUUID()),
      () => client.destroy(randomUUID()),
    ]) {
      await expect(refused()).rejects.toMatchObject({ resultReason: ResultReason.PermissionDenied });
    }

    const batch = [requests.discoverVersions(), requests.create(), requests.locate(), requests.get()];
    const { items } = await client.batch(batch, { continuation: "continue" });
    const denied = ResultReason.PermissionDenied;
    expect(items.map(({ resultReason }) => resultReason)).toEqual([null, denied, denied, denied]);
    expect(await prisma().managedObject.count({ where: { instanceId } })).toBe(0);

    // Each refusal is an event, marked as the test's, and says nothing of keys.
    const refusals = (await eventsOf(instanceId)).filter(({ outcome }) => outcome === "failure");
    expect(refusals).toHaveLength(8);
    for (const event of refusals) {
      expect(event).toMatchObject({
        initiator: { name: "connection test" },
        reason: { reasonCode: 403 },
        requestData: { connectionTest: expect.any(String) },
      });
    }
  });

  it("is turned away from the moment it is withdrawn, with its open connections", async () => {
    const { probe, client: make } = await admitted(await deployment.instance());
    const clients = [make(1), make(2)];
    for (const client of clients) {
      await client.discoverVersions();
    }
    await withdrawProbe(probe);
    await eventually(
      () =>
        ([1, 2] as const).every(
          (zone) => !deployment.server(zone).stats().connectionsByCertificate.has(probe.sha256),
        ),
      "its connections are closed",
    );
    for (const client of clients) {
      await expectTurnedAway(client);
    }
  });

  it("is turned away when its time is over, whether an endpoint knew it or not", async () => {
    const { probe, client: make } = await admitted(await deployment.instance());
    await pool().query(
      "UPDATE connection_probe SET expires_at = now() + interval '700 milliseconds' WHERE sha256 = $1",
      [probe.sha256],
    );
    const known = make(1);
    await known.discoverVersions();
    await eventually(
      async () =>
        (await pool().query("SELECT 1 FROM connection_probe WHERE expires_at > now()")).rowCount === 0,
      "its time is over",
    );
    // The row is still there, and nobody has told the endpoints anything.
    expect(await prisma().connectionProbe.count()).toBe(1);
    await expectTurnedAway(known);
    await expectTurnedAway(make(2));

    await forgetConnectionProbes();
    expect(await prisma().connectionProbe.count()).toBe(0);
  });

  it("goes with its instance", async () => {
    const instanceId = await deployment.instance();
    const { client: make } = await admitted(instanceId);
    const client = make();
    await client.discoverVersions();
    const { name } = await prisma().instance.findUniqueOrThrow({ where: { id: instanceId } });
    const input = { confirmName: name, force: false, destroyKeks: false };
    expect(await deleteInstance(actor("administrator"), instanceId, input)).toBe(true);
    expect(await prisma().connectionProbe.count()).toBe(0);
    await eventually(
      () => deployment.server(1).stats().connectionsByCertificate.size === 0,
      "its connections are closed",
    );
    await expectTurnedAway(client);
  });
});
