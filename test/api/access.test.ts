import { beforeAll, describe, expect, it } from "vitest";
import type { KnownOperation } from "@/lib/api/handlers";
import * as operations from "@/lib/api/operations";
import { cookieName } from "@/lib/auth/settings";
import { roleIncludes } from "@/lib/roles";
import { createSelfSigned } from "@/test/support/certificates";
import { resetRateLimits } from "@/test/support/process-memory";
import {
  actorOf,
  addAccount,
  type Call,
  callApi,
  houseForTests,
  keyManagerOf,
  ORIGIN,
  ROLES,
} from "./support/house";
import { makeKeks } from "./support/keks";

const house = houseForTests();
const all = Object.values(operations) as KnownOperation[];
/** What exists in account A, for path parameters. */
const ours = { id: "", certificateId: "", uniqueIdentifier: "", userId: "", tokenId: "" };

beforeAll(async () => {
  const { certPem } = await createSelfSigned({ commonName: "vcenter.example.com" });
  const token = house.a.tokens.administrator;
  const { body: instance } = await callApi(operations.createInstance, {
    token,
    body: {
      name: "ours",
      region: "us-south",
      keyManager: keyManagerOf(house),
      clientCertificates: [{ name: "vcenter", pem: certPem }],
    },
  });
  const { body: certificates } = await callApi(operations.listClientCertificates, {
    token,
    params: { id: instance.id },
  });
  const [kek = ""] = await makeKeks(house, instance.id, certificates.items[0], 1);
  const { body: tokens } = await callApi(operations.listTokens, { token });
  Object.assign(ours, {
    id: instance.id,
    certificateId: certificates.items[0].id,
    uniqueIdentifier: kek,
    userId: house.a.users.viewer.id,
    tokenId: tokens.items.find(({ name }: { name: string }) => name === "viewer").id,
  });
});

function paramsOf(operation: KnownOperation): Record<string, string> {
  const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);

  return Object.fromEntries(names.map((name) => [name, ours[name as keyof typeof ours]]));
}

/** Valid bodies that would do something if they were let through. */
const BODIES: Partial<Record<string, unknown>> = {
  createInstance: { name: "intruder", region: "us-south" },
  updateInstance: { name: "taken over" },
  deleteInstance: { confirmName: "ours", force: true },
  restoreInstance: {},
  activateInstance: { keyManager: { kind: "key-protect", apiKey: "12345678", crn: "crn", crkId: "crk" } },
  previewClientCertificates: { pem: "x" },
  createClientCertificate: { name: "intruder", pem: "x" },
  signClientCertificate: { name: "intruder", csrPem: "x" },
  updateClientCertificate: { name: "taken over" },
  revokeKek: { reason: "unspecified" },
  destroyKek: { confirmIdentifier: "x" },
  bulkRevokeKeks: { uniqueIdentifiers: ["x"], reason: "unspecified", confirmCount: 1 },
  discoverKeyManagers: { kind: "pkcs11" },
  listRootKeys: { kind: "pkcs11", keyManagerCrn: "crn" },
  validateKeyManager: { kind: "pkcs11", keyManagerCrn: "crn", crkId: "crk" },
  createInvitation: { email: "x@example.com", role: "administrator" },
  acceptInvitation: { name: "x", password: "a long enough one" },
  changePassword: { currentPassword: "x", newPassword: "a long enough one" },
  createMember: { email: "x@example.com", name: "x", role: "viewer" },
  updateMember: { role: "administrator" },
  createToken: { name: "x", role: "administrator" },
};

function callOf(operation: KnownOperation, call: Call = {}): Call {
  const body = BODIES[operation.id];

  return { params: paramsOf(operation), ...(body === undefined ? {} : { body }), ...call };
}

async function failuresOf(accountId: string | null, action: string): Promise<number> {
  return house.database.prisma.auditEvent.count({ where: { accountId, action, outcome: "failure" } });
}

describe("roles", () => {
  for (const operation of all) {
    for (const role of ROLES.filter((candidate) => !roleIncludes(candidate, operation.role))) {
      it(`${role} may not ${operation.id}`, async () => {
        const before = await house.database.prisma.auditEvent.count({ where: { outcome: "failure" } });
        const { status, body } = await callApi(operation, callOf(operation, { token: house.a.tokens[role] }));
        expect({ status, code: body.code }).toEqual({ status: 403, code: "FORBIDDEN" });
        expect(body.requestId).toMatch(/^[\w.-]{8,}$/);
        // The refusal is in the audit log.
        expect(await house.database.prisma.auditEvent.count({ where: { outcome: "failure" } })).toBe(
          before + 1,
        );
      });
    }
  }

  it("every role reads", async () => {
    for (const role of ROLES) {
      for (const operation of [
        operations.listInstances,
        operations.getInstance,
        operations.listKeks,
        operations.getMe,
      ]) {
        expect((await callApi(operation, callOf(operation, { token: house.a.tokens[role] }))).status).toBe(
          200,
        );
      }
    }
  });

  it("nothing of account A was changed by all that", async () => {
    const { body } = await callApi(
      operations.getInstance,
      callOf(operations.getInstance, { token: house.a.tokens.viewer }),
    );
    expect(body).toMatchObject({ name: "ours", counts: { activeKeks: 1, clientCertificates: 1 } });
  });
});

describe("accounts do not see each other", () => {
  for (const operation of all.filter(({ path }) => path.includes("{"))) {
    it(`${operation.id} of another account's is 404`, async () => {
      const { status, body, text } = await callApi(
        operation,
        callOf(operation, { token: house.b.tokens.administrator }),
      );
      expect({ status, code: body.code }).toEqual({ status: 404, code: "NOT_FOUND" });
      expect(text).not.toContain("ours");
    });
  }

  it("lists hold nothing of another account", async () => {
    const token = house.b.tokens.administrator;
    for (const operation of [operations.listInstances, operations.listMembers, operations.listTokens]) {
      const { text } = await callApi(operation, { token });
      for (const secret of [ours.id, ours.userId, ours.tokenId, house.a.id]) {
        expect(text).not.toContain(secret);
      }
    }
    const exported = await callApi(operations.exportAuditEvents, { token });
    // B's own refused attempts name the ids that B itself sent; nothing else of A's is in there.
    expect(exported.text).not.toContain(house.a.id);
    expect(exported.text).not.toContain("vcenter.example.com");
  });

  it("everything of account A is still there", async () => {
    const token = house.a.tokens.administrator;
    const { body } = await callApi(operations.getInstance, callOf(operations.getInstance, { token }));
    expect(body).toMatchObject({ name: "ours", counts: { activeKeks: 1, clientCertificates: 1 } });
    expect((await callApi(operations.listMembers, { token })).body.items).toHaveLength(4);
  });

  it("a certificate pinned in another account is refused without naming where", async () => {
    const row = await house.database.prisma.clientCertificate.findUniqueOrThrow({
      where: { id: ours.certificateId },
    });
    const token = house.b.tokens.administrator;
    const { body: theirs } = await callApi(operations.createInstance, {
      token,
      body: { name: "theirs", region: "us-south" },
    });
    const call = { params: { id: theirs.id }, body: { name: "stolen", pem: row.pem } };
    const refused = await callApi(operations.createClientCertificate, { token, ...call });
    expect(refused).toMatchObject({ status: 409, body: { code: "CERTIFICATE_IN_USE", instance: null } });
    expect(refused.text).not.toContain("ours");
    const preview = await callApi(operations.previewClientCertificates, { token, body: { pem: row.pem } });
    expect(preview.body.certificates[0].findings[0]).toMatchObject({
      severity: "error",
      code: "CERTIFICATE_IN_USE",
    });
    expect(preview.text).not.toContain("ours");

    const own = await callApi(operations.createClientCertificate, {
      token: house.a.tokens.operator,
      params: { id: ours.id },
      body: { name: "again", pem: row.pem },
    });
    expect(own).toMatchObject({
      status: 409,
      body: { code: "CERTIFICATE_IN_USE", instance: { id: ours.id, name: "ours" } },
    });
  });
});

describe("API tokens", () => {
  it("are refused when unknown, malformed, expired or revoked, and the refusal is audited", async () => {
    const token = house.a.tokens.administrator;
    const { body: made } = await callApi(operations.createToken, {
      token,
      body: { name: "short", role: "viewer", expiresInDays: 1 },
    });
    expect((await callApi(operations.getMe, { token: made.token })).status).toBe(200);
    const before = await failuresOf(null, "vmware-solutions.request.default");

    await house.database.prisma.apiToken.update({
      where: { id: made.id },
      data: { expiresAt: new Date(Date.now() - 1_000) },
    });
    const { body: other } = await callApi(operations.createToken, {
      token,
      body: { name: "revoked", role: "viewer" },
    });
    await callApi(operations.revokeToken, { token, params: { tokenId: other.id } });

    for (const bad of [made.token, other.token, `kmipc_${"A".repeat(43)}`, "kmipc_", "x", `${token}x`]) {
      const { status, body, headers, text } = await callApi(operations.getMe, { token: bad });
      expect({ status, code: body.code }).toEqual({ status: 401, code: "UNAUTHENTICATED" });
      expect(headers.get("www-authenticate")).toContain("Bearer");
      expect(text).not.toContain(bad.length > 5 ? bad : "\0");
    }
    expect(await failuresOf(null, "vmware-solutions.request.default")).toBe(before + 6);
  });

  it("are kept as a hash only", async () => {
    const rows = await house.database.pool.query("SELECT t::text FROM api_token t");
    for (const value of Object.values(house.a.tokens)) {
      expect(JSON.stringify(rows.rows)).not.toContain(value.slice(12));
      expect(JSON.stringify(rows.rows)).not.toContain(Buffer.from(value).toString("hex"));
    }
  });

  it("guessing is slowed down, and then audited no more", async () => {
    resetRateLimits();
    const call = { token: "kmipc_guess", headers: { "x-forwarded-for": "203.0.113.7" } };
    const statuses: number[] = [];
    for (let guess = 0; guess < 62; guess += 1) {
      statuses.push((await callApi(operations.getMe, call)).status);
    }
    expect(statuses.slice(0, 60)).toEqual(Array(60).fill(401));
    expect(statuses.at(-1)).toBe(429);
    const events = await house.database.prisma.auditEvent.count({
      where: { event: { contains: "203.0.113.7" } },
    });
    expect(events).toBe(60);
    // Whoever has the right credentials is not slowed down, not even from the same address.
    expect((await callApi(operations.getMe, { ...call, token: house.a.tokens.viewer })).status).toBe(200);
    resetRateLimits();
  });
});

describe("sessions", () => {
  const write = (headers: Record<string, string>) =>
    callApi(operations.createToken, {
      cookie: house.a.cookies.administrator,
      body: { name: "by session", role: "viewer" },
      headers,
    });

  it("write from the console's own pages only", async () => {
    expect((await write({})).status).toBe(201);
    expect((await write({ origin: "http://localhost:3000", host: "localhost:3000" })).status).toBe(201);
    expect((await write({ origin: "", "sec-fetch-site": "same-origin" })).status).toBe(201);

    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "http://console.test:3001" },
      { origin: "null" },
      { origin: "" },
      { origin: "", "sec-fetch-site": "same-site" },
    ]) {
      expect(await write(headers as unknown as Record<string, string>)).toMatchObject({
        status: 403,
        body: { code: "ORIGIN_REFUSED" },
      });
    }
    // It is known whose session was misused.
    const event = await house.database.prisma.auditEvent.findFirstOrThrow({
      where: { accountId: house.a.id, event: { contains: "ORIGIN_REFUSED" } },
    });
    expect(event.initiatorId).toBe(`user:${house.a.users.administrator.id}`);
  });

  it("read from anywhere, since nobody else gets to see the answer", async () => {
    const { status } = await callApi(operations.getMe, {
      cookie: house.a.cookies.viewer,
      headers: { origin: "https://evil.example" },
    });
    expect(status).toBe(200);
  });

  it("end with the session version, the membership, or the person", async () => {
    const account = await addAccount(house.database, "sessions");
    const me = (cookie: string) => callApi(operations.getMe, { cookie }).then(({ status }) => status);
    const { prisma } = house.database;

    expect(await me(account.cookies.operator)).toBe(200);
    await prisma.user.update({
      where: { id: account.users.operator.id },
      data: { sessionVersion: { increment: 1 } },
    });
    await prisma.user.update({ where: { id: account.users.auditor.id }, data: { disabledAt: new Date() } });
    await prisma.membership.deleteMany({ where: { userId: account.users.viewer.id } });
    for (const role of ["operator", "auditor", "viewer"] as const) {
      expect(await me(account.cookies[role])).toBe(401);
    }
    expect(await me(account.cookies.administrator)).toBe(200);
  });

  it("are refused when they are garbage, another key's, or too old", async () => {
    const name = cookieName("session");
    const old = house.a.cookies.viewer.slice(name.length + 1);
    for (const value of ["", "x", "a.b.c.d.e", old.slice(0, -2), `${old}x`]) {
      expect((await callApi(operations.getMe, { cookie: `${name}=${value}` })).status).toBe(401);
    }
    expect((await callApi(operations.getMe, { cookie: `${name}=${old}` })).status).toBe(200);
    expect((await callApi(operations.getMe, { cookie: `next-auth.session-token=${old}` })).status).toBe(401);
  });

  it("a role that is changed counts within seconds", async () => {
    const account = await addAccount(house.database, "roles");
    await callApi(operations.updateMember, {
      cookie: account.cookies.administrator,
      params: { userId: account.users.operator.id },
      body: { role: "viewer" },
    });
    expect((await callApi(operations.getMe, { cookie: account.cookies.operator })).body.role).toBe("viewer");
  });
});

describe("the last administrator", () => {
  it("can neither go nor step down, not even two at once", async () => {
    const account = await addAccount(house.database, "last");
    const token = account.tokens.administrator;
    const alone = { params: { userId: account.users.administrator.id } };
    expect(await callApi(operations.deleteMember, { token, ...alone })).toMatchObject({
      status: 409,
      body: { code: "INVALID_STATE" },
    });
    expect(
      (await callApi(operations.updateMember, { token, ...alone, body: { role: "viewer" } })).status,
    ).toBe(409);

    await callApi(operations.updateMember, {
      token,
      params: { userId: account.users.operator.id },
      body: { role: "administrator" },
    });
    const both = await Promise.all(
      [account.users.administrator.id, account.users.operator.id].map((userId) =>
        callApi(operations.deleteMember, { token, params: { userId } }),
      ),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([204, 409]);
  });

  it("of one account cannot take over a person of another", async () => {
    const { email, id } = house.b.users.operator;
    const before = await house.database.prisma.user.findUniqueOrThrow({ where: { id } });
    const added = await callApi(operations.createMember, {
      token: house.a.tokens.administrator,
      body: { email, name: "Renamed", role: "viewer", password: "chosen by the other account" },
    });
    expect(added.status).toBe(201);
    expect(await house.database.prisma.user.findUniqueOrThrow({ where: { id } })).toEqual(before);
    const again = await callApi(operations.createMember, {
      token: house.a.tokens.administrator,
      body: { email, name: "Again", role: "viewer" },
    });
    expect(again).toMatchObject({ status: 409, body: { code: "NAME_TAKEN" } });
    expect(actorOf(house.a).accountId).toBe(house.a.id);
    expect(ORIGIN).toContain("console.test");
  });
});
