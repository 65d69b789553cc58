import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { KnownOperation } from "@/lib/api/handlers";
import * as operations from "@/lib/api/operations";
import { recordHeartbeat } from "@/lib/core/endpoints";
import { hashPassword } from "@/lib/core/users";
import { createSelfSigned } from "@/test/support/certificates";
import { type Call, callApi, houseForTests, keyManagerOf } from "./support/house";
import { makeKeks } from "./support/keks";

const house = houseForTests();
const called = new Set<string>();
/** Fields that handlers answered and no schema names: they are cut off, and whoever added one wonders where it went. */
const cutOff = new Set<string>();

vi.mock(import("@/lib/api/contract/handler"), async (original) => {
  const actual = await original();

  return {
    ...actual,
    toJson(operation, result) {
      const json = actual.toJson(operation, result);

      for (const path of pathsBeside(JSON.parse(JSON.stringify(result ?? null)), json)) {
        cutOff.add(`${operation.id}${path}`);
      }

      return json;
    },
  };
});

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** Paths of what is in `whole` and not in `part`; an item of a list is in it at the same place. */
function pathsBeside(whole: unknown, part: unknown): string[] {
  if (!isObject(whole) || !isObject(part)) {
    return [];
  }
  const named = new Map<string, unknown>(Object.entries(part));

  return Object.entries(whole).flatMap(([name, value]) =>
    named.has(name) ? pathsBeside(value, named.get(name)).map((path) => `.${name}${path}`) : [`.${name}`],
  );
}

/** Calls as an administrator, or by the cookie that is given, expects the operation's status, and checks the answer by its schema. */
async function succeed(operation: KnownOperation, call: Call = {}) {
  called.add(operation.id);
  const answer = await callApi(operation, {
    ...(call.cookie === undefined ? { token: house.a.tokens.administrator } : {}),
    ...call,
  });
  expect(answer.status, `${operation.id}: ${answer.text}`).toBe(operation.status);
  expect(answer.headers.get("cache-control")).toBe("private, no-store");
  expect(answer.headers.get("x-request-id")).toMatch(/^[\w.-]{8,}$/);
  if (operation.response !== undefined) {
    // Exactly the schema: nothing missing, and nothing besides.
    expect(operation.response.parse(answer.body)).toEqual(answer.body);
  }
  expect(answer.text).not.toContain(house.cloud.credentials.manager.apiKey);

  return answer;
}

async function csr(): Promise<string> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "CN=signed.example.com",
    keys,
    signingAlgorithm: algorithm,
  });

  return request.toString("pem");
}

describe("every call of the contract answers as its schema says", () => {
  let id = "";
  let certificate = { id: "", sha256: "" };
  let keks: string[] = [];

  beforeAll(async () => {
    const { certPem } = await createSelfSigned({ commonName: "vcenter.example.com" });
    const { body } = await succeed(operations.createInstance, {
      body: {
        name: "production",
        region: "us-south",
        resourceGroup: "default",
        keyManager: keyManagerOf(house),
        clientCertificates: [{ name: "vcenter", pem: certPem }],
        cachePolicy: { cacheTtlSeconds: 30 },
      },
    });
    id = body.id;
    const list = await succeed(operations.listClientCertificates, { params: { id } });
    certificate = list.body.items[0];
    keks = await makeKeks(house, id, certificate, 4);
  });

  it("an ordered instance is installed, with endpoints, CRK and counts, and without its API key", async () => {
    const { body } = await succeed(operations.getInstance, { params: { id } });

    expect(body).toMatchObject({
      name: "production",
      status: "installed",
      statusReason: null,
      counts: { keks: 4, activeKeks: 4, clientCertificates: 1 },
      cachePolicy: { cacheTtlSeconds: 30, outageGraceSeconds: 0 },
      crk: { id: keyManagerOf(house).crkId, state: "active" },
      keyManager: { kind: "key-protect", serviceId: house.cloud.credentials.manager.serviceId },
      lastCheck: { ok: true },
    });
    expect(body.endpoints.map(({ zone, port }: { zone: number; port: number }) => [zone, port])).toEqual([
      [1, 15696],
      [2, 15697],
    ]);
    expect(body.endpoints[0].serverCertificate.pem).toContain("BEGIN CERTIFICATE");
  });

  it("instances: list, search, update, activate later", async () => {
    expect(
      (await succeed(operations.listInstances, { query: { search: "DUCT", status: "installed" } })).body
        .items,
    ).toHaveLength(1);
    expect((await succeed(operations.listInstances, { query: { search: "%" } })).body.items).toHaveLength(0);

    const { body: updated } = await succeed(operations.updateInstance, {
      params: { id },
      body: {
        name: "production 2",
        cachePolicy: { outageGraceSeconds: 300 },
        activateOnCreate: true,
        serveCompromised: false,
      },
    });
    expect(updated).toMatchObject({
      name: "production 2",
      cachePolicy: { cacheTtlSeconds: 30, outageGraceSeconds: 300 },
      activateOnCreate: true,
      serveCompromised: false,
    });

    const { body: ordered } = await succeed(operations.createInstance, {
      body: { name: "later", region: "eu-de" },
    });
    expect(ordered).toMatchObject({ status: "inactive", keyManager: null, crk: null, lastCheck: null });
    const { body: activated } = await succeed(operations.activateInstance, {
      params: { id: ordered.id },
      body: { keyManager: keyManagerOf(house) },
    });
    expect(activated).toMatchObject({ status: "installed", keyManager: { kind: "key-protect" } });
    expect((await succeed(operations.getInstanceImpact, { params: { id: ordered.id } })).body.inUse).toBe(
      false,
    );
    await succeed(operations.deleteInstance, { params: { id: ordered.id }, body: { confirmName: "later" } });
    await succeed(operations.restoreInstance, { params: { id: ordered.id }, body: {} });
    await succeed(operations.deleteInstance, { params: { id: ordered.id }, body: { confirmName: "later" } });
    expect(
      (await callApi(operations.getInstance, { token: house.a.tokens.viewer, params: { id: ordered.id } }))
        .status,
    ).toBe(404);
  });

  it("key managers: discover, root keys, validate", async () => {
    const { kind, apiKey, crn, crkId } = keyManagerOf(house);
    const { body: kinds } = await succeed(operations.listKeyManagers);
    expect(kinds.items.map((item: { kind: string }) => item.kind)).toContain(kind);
    const { body: found } = await succeed(operations.discoverKeyManagers, { body: { kind, apiKey } });
    expect(found.keyManagers.map((item: { crn: string }) => item.crn)).toContain(crn);
    const { body: keys } = await succeed(operations.listRootKeys, {
      body: { kind, apiKey, keyManagerCrn: crn },
    });
    expect(keys.items.map((item: { id: string }) => item.id)).toContain(crkId);
    const { body: report } = await succeed(operations.validateKeyManager, {
      body: { kind, apiKey, keyManagerCrn: crn, crkId },
    });
    expect(report).toMatchObject({ ok: true });
  });

  it("permission checks: run and history", async () => {
    const { body: check } = await succeed(operations.runPermissionCheck, { params: { id } });
    expect(check).toMatchObject({ ok: true, trigger: "manual" });
    const { body: history } = await succeed(operations.listPermissionChecks, { params: { id } });
    expect(history.items.map((item: { trigger: string }) => item.trigger)).toEqual(["manual", "order"]);
  });

  it("root key: how far its KEKs are, and its rotation", async () => {
    const { body: before } = await succeed(operations.getRewrap, { params: { id } });
    expect(before).toMatchObject({ state: "idle", crkId: keyManagerOf(house).crkId, remaining: 0 });
    const { body: keys } = await succeed(operations.listInstanceRootKeys, { params: { id } });
    expect(keys.items.map((item: { id: string }) => item.id)).toContain(keyManagerOf(house).crkId);
    const { body: after } = await succeed(operations.rotateRootKey, { params: { id } });
    expect(after).toMatchObject({ crkId: before.crkId, error: null });
    expect(after.crkVersion).not.toBe(before.crkVersion);
  });

  it("connection tests: run, here without endpoints", async () => {
    const { body: report } = await succeed(operations.runConnectionTest, { params: { id } });
    expect(report).toMatchObject({
      ok: false,
      endpoints: [
        { zone: 1, host: "127.0.0.1", port: 15696, ok: false, kmipVersions: [] },
        { zone: 2, host: "127.0.0.1", port: 15697, ok: false, kmipVersions: [] },
      ],
    });
    expect(report.endpoints[0].checks[0]).toMatchObject({
      id: "tcp",
      status: "fail",
      code: "ENDPOINT_DOWN",
      remedy: expect.any(String),
    });
  });

  it("client certificates: preview, add, sign, read, rename, remove", async () => {
    const { certPem, sha256 } = await createSelfSigned({ commonName: "second.example.com" });
    const { body: preview } = await succeed(operations.previewClientCertificates, { body: { pem: certPem } });
    expect(preview.certificates[0]).toMatchObject({ sha256, findings: [{ code: "NO_CLIENT_AUTH_EKU" }] });

    const { body: added } = await succeed(operations.createClientCertificate, {
      params: { id },
      body: { name: "second", pem: certPem },
    });
    const params = { id, certificateId: added.id };
    const { body: signed } = await succeed(operations.signClientCertificate, {
      params: { id },
      body: { name: "signed", csrPem: await csr(), validDays: 30 },
    });
    expect(signed).toMatchObject({ origin: "signed", subject: "CN=signed.example.com" });
    expect((await succeed(operations.getInstance, { params: { id } })).body.counts.clientCertificates).toBe(
      3,
    );
    expect(
      (await succeed(operations.updateClientCertificate, { params, body: { name: "renamed" } })).body.name,
    ).toBe("renamed");
    const account = await succeed(operations.listAccountCertificates, { query: { endsWithinDays: "3650" } });
    expect(account.body.items.map(({ name }: { name: string }) => name)).toContain("renamed");
    await succeed(operations.deleteClientCertificate, { params });
    expect(
      (await callApi(operations.getClientCertificate, { token: house.a.tokens.viewer, params })).status,
    ).toBe(404);
    await succeed(operations.getClientCertificate, { params: { id, certificateId: certificate.id } });
    expect((await succeed(operations.getInstance, { params: { id } })).body.counts.clientCertificates).toBe(
      2,
    );
  });

  it("KEKs: list, read, impact, revoke, restore, destroy, bulk", async () => {
    const [first = "", second = "", third = "", fourth = ""] = keks;
    expect(
      (await succeed(operations.listKeks, { params: { id }, query: { state: "active" } })).body.items,
    ).toHaveLength(4);
    const params = { id, uniqueIdentifier: first };
    await succeed(operations.getKek, { params });
    const { body: impact } = await succeed(operations.getKekImpact, { params });
    const { body: revoked } = await succeed(operations.revokeKek, {
      params,
      body: {
        reason: "keyCompromise",
        message: "lost",
        compromiseOccurredAt: "2026-01-02T03:04:05Z",
        etag: impact.etag,
      },
    });
    expect(revoked).toMatchObject({
      state: "compromised",
      served: false,
      revocation: { reason: "keyCompromise" },
    });
    expect(revoked.dates.compromiseOccurrence).toBe("2026-01-02T03:04:05.000Z");
    expect((await succeed(operations.restoreKekService, { params })).body.served).toBe(true);
    expect(
      (await succeed(operations.destroyKek, { params, body: { confirmIdentifier: first } })).body.state,
    ).toBe("destroyedCompromised");
    const { body: bulk } = await succeed(operations.bulkRevokeKeks, {
      params: { id },
      body: { uniqueIdentifiers: [second, third, "unknown"], reason: "superseded", confirmCount: 3 },
    });
    expect(bulk.results.map(({ ok }: { ok: boolean }) => ok)).toEqual([true, true, false]);
    expect((await succeed(operations.getInstance, { params: { id } })).body.counts.activeKeks).toBe(1);
    expect(fourth).not.toBe("");
  });

  it("audit events: list, histogram, export, verify", async () => {
    const { body: events } = await succeed(operations.listAuditEvents, {
      query: { action: "vmware-solutions.kmip-key.revoke", outcome: "success" },
    });
    expect(events.items).toHaveLength(3);
    const { body: histogram } = await succeed(operations.getAuditHistogram);
    expect(histogram.buckets.length).toBeGreaterThan(1);
    const ndjson = await succeed(operations.exportAuditEvents, { query: { instanceId: id } });
    expect(ndjson.headers.get("content-type")).toBe("application/x-ndjson");
    expect(JSON.parse(ndjson.text.split("\n")[0] ?? "").event).toBeDefined();
    const csv = await succeed(operations.exportAuditEvents, { query: { format: "csv" } });
    expect(csv.headers.get("content-disposition")).toContain("audit-events.csv");
    expect(csv.text).toMatch(/^id,eventTime,/);
    expect((await succeed(operations.verifyAuditEvents)).body).toMatchObject({ ok: true });
  });

  it("account: me, members, tokens, endpoints", async () => {
    expect((await succeed(operations.getMe)).body).toMatchObject({
      kind: "token",
      role: "administrator",
      email: null,
    });
    const me = await callApi(operations.getMe, { cookie: house.a.cookies.viewer });
    expect(operations.getMe.response.parse(me.body)).toMatchObject({
      kind: "user",
      role: "viewer",
      email: "viewer@a.example.com",
      account: { id: house.a.id, name: "a" },
    });

    const { body: member } = await succeed(operations.createMember, {
      body: { email: "New@A.example.com", name: "New", role: "viewer", password: "a long enough one" },
    });
    expect(member).toMatchObject({ email: "new@a.example.com", role: "viewer", disabled: false });
    const params = { userId: member.userId };
    expect((await succeed(operations.updateMember, { params, body: { role: "operator" } })).body.role).toBe(
      "operator",
    );
    expect((await succeed(operations.listMembers)).body.items).toHaveLength(5);
    await succeed(operations.deleteMember, { params });

    const { body: invitation } = await succeed(operations.createInvitation, {
      body: { email: "Invited@A.example.com", role: "viewer" },
    });
    expect(invitation).toMatchObject({ email: "invited@a.example.com", name: null });
    await succeed(operations.acceptInvitation, {
      params: { token: invitation.token },
      body: { name: "Invited", password: "a long enough one" },
    });

    const cookie = house.a.cookies.operator;
    await succeed(operations.updateMe, { cookie, body: { accountId: house.a.id } });
    const { body: sessions } = await succeed(operations.listSessions, { cookie });
    expect(sessions.items).toMatchObject([{ current: true, method: "password" }]);
    await succeed(operations.deleteOtherSessions, { cookie });
    await house.database.prisma.user.update({
      where: { id: house.a.users.operator.id },
      data: { passwordHash: await hashPassword("the one of before") },
    });
    await succeed(operations.changePassword, {
      cookie,
      body: { currentPassword: "the one of before", newPassword: "the one of afterwards" },
    });
    await succeed(operations.deleteSession, { cookie, params: { sessionId: sessions.items[0].id } });

    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const { body: short } = await succeed(operations.createToken, {
      body: { name: "an hour", role: "viewer", expiresAt },
    });
    expect(short.expiresAt).toBe(expiresAt);
    await succeed(operations.revokeToken, { params: { tokenId: short.id } });

    const { body: token } = await succeed(operations.createToken, {
      body: { name: "terraform", role: "operator", expiresInDays: 30 },
    });
    expect(token.token).toMatch(/^kmipc_[\w-]{43}$/);
    const listed = await succeed(operations.listTokens);
    expect(listed.text).not.toContain(token.token);
    await succeed(operations.revokeToken, { params: { tokenId: token.id } });

    await recordHeartbeat({
      id: crypto.randomUUID(),
      zone: 1,
      host: "127.0.0.1",
      port: 15696,
      version: "0.1.0",
      startedAt: new Date(),
      connections: 2,
      requests: 17n,
      failedHandshakes: [
        {
          at: new Date(),
          remoteAddress: "10.0.0.9",
          certificateSha256: null,
          subject: "CN=\u0000evil",
          reason: "not-pinned",
          detail: "unknown certificate",
        },
      ],
      counters: { accepted: 0, failedHandshakes: {}, operations: {}, limits: {} },
    });
    expect((await succeed(operations.listEndpoints)).body.items).toMatchObject([
      { zone: 1, health: "up", connections: 2, requests: 17, failedHandshakes: [{ reason: "not-pinned" }] },
    ]);
  });

  it("live tail: an event arrives as it is written, and the stream ends with its reader", async () => {
    called.add(operations.streamAuditEvents.id);
    const { handlerOf, requestOf } = await import("./support/house");
    const handler = await handlerOf(operations.streamAuditEvents);
    const response = await handler(
      requestOf(operations.streamAuditEvents, {
        token: house.a.tokens.viewer,
        query: { action: "vmware-solutions.permission-check.run" },
      }),
      { params: Promise.resolve({}) },
    );
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await succeed(operations.runPermissionCheck, { params: { id } });
    let text = "";
    while (!text.includes("event: audit")) {
      const { value, done } = await reader.read();
      expect(done).toBe(false);
      text += new TextDecoder().decode(value);
    }
    expect(text).toContain("vmware-solutions.permission-check.run");
    await reader.cancel();
  });

  it("no handler answers what the schema leaves out", () => {
    expect([...cutOff]).toEqual([]);
  });

  it("no call was left out", () => {
    expect([...called].sort()).toEqual(Object.keys(operations).sort());
  });
});
