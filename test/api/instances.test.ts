import { beforeAll, describe, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import { continueRemovals } from "@/lib/core/instances";
import { unsealInstanceApiKey } from "@/lib/core/key-managers/open-key-manager";
import { type ChangeEvent, subscribe } from "@/lib/db";
import { makeRootKey } from "@/test/key-managers/support/sandbox";
import { createSelfSigned } from "@/test/support/certificates";
import { eventually } from "@/test/support/kek-fixtures";
import { type Answer, callApi, houseForTests, keyManagerOf } from "./support/house";
import { makeKeks } from "./support/keks";

type InstancePage = { items: { name: string }[]; nextCursor: string | null };

const house = houseForTests();
const token = () => house.a.tokens.administrator;

async function order(name: string, body: Record<string, unknown> = {}) {
  return callApi(operations.createInstance, {
    token: token(),
    body: { name, region: "us-south", keyManager: keyManagerOf(house), ...body },
  });
}

async function withCertificate(name: string, keks: number) {
  const { certPem } = await createSelfSigned({ commonName: name });
  const { body } = await order(name, { clientCertificates: [{ name: "vcenter", pem: certPem }] });
  const { body: list } = await callApi(operations.listClientCertificates, {
    token: token(),
    params: { id: body.id },
  });
  const certificate = list.items[0] as { id: string; sha256: string };

  return { id: body.id as string, certificate, keks: await makeKeks(house, body.id, certificate, keks) };
}

async function standardKeys(): Promise<number> {
  const { json } = await house.cloud.administer("key-protect", "GET", "/keys?limit=5000");

  const keys = (json?.resources ?? []) as unknown as { extractable: boolean; state: number }[];

  return keys.filter((key) => key.extractable && key.state === 1).length;
}

/** What other processes hear while work is done. */
async function heardDuring(work: () => Promise<unknown>): Promise<ChangeEvent[]> {
  const events: ChangeEvent[] = [];
  const subscription = subscribe(house.database.url, {
    onEvent: (event) => events.push(event),
    onGap: () => {},
  });
  await subscription.ready;
  await work();
  await house.database.pool.query("SELECT pg_notify('kmip_console', $1)", [
    JSON.stringify({ type: "instance.changed", instanceId: "end" }),
  ]);
  await eventually(() => events.some((event) => event.instanceId === "end"), "the last event arrives");
  await subscription.close();

  return events.filter((event) => event.instanceId !== "end");
}

describe("ordering", () => {
  it("keeps nothing when the permission check fails, and says what is missing", async () => {
    const { viewerOnly } = house.cloud.credentials;
    const { certPem } = await createSelfSigned({ commonName: "unlucky.example.com" });
    const { status, body } = await order("unlucky", {
      keyManager: { ...keyManagerOf(house), apiKey: viewerOnly.apiKey },
      clientCertificates: [{ name: "c", pem: certPem }],
    });
    expect({ status, code: body.code }).toEqual({ status: 422, code: "PERMISSION_CHECK_FAILED" });
    const failed = body.report.checks.filter((check: { status: string }) => check.status === "fail");
    expect(failed.length).toBeGreaterThan(0);
    for (const check of failed) {
      expect(check.remedy).toBeTruthy();
    }
    const { prisma } = house.database;
    expect(await prisma.instance.count()).toBe(0);
    expect(await prisma.clientCertificate.count()).toBe(0);
    expect(await prisma.permissionCheck.count()).toBe(0);
    const event = await prisma.auditEvent.findFirst({
      where: { action: "vmware-solutions.service.create", outcome: "failure" },
    });
    expect(event?.event).toContain("PERMISSION_CHECK_FAILED");
  });

  it("keeps nothing when a certificate cannot be pinned", async () => {
    const { certPem } = await createSelfSigned({ commonName: "twice.example.com" });
    const expired = await createSelfSigned({ commonName: "old.example.com", days: -3 });
    const twice = await order("twice", {
      clientCertificates: [
        { name: "a", pem: certPem },
        { name: "b", pem: certPem },
      ],
    });
    expect(twice).toMatchObject({ status: 409, body: { code: "CERTIFICATE_IN_USE" } });
    const sameName = await order("twice", {
      clientCertificates: [
        { name: "a", pem: certPem },
        { name: "a", pem: expired.certPem },
      ],
    });
    expect(sameName).toMatchObject({
      status: 422,
      body: { code: "CERTIFICATE_INVALID", invalidParams: [{ name: "clientCertificates.1.pem" }] },
    });
    expect(await house.database.prisma.instance.count()).toBe(0);
  });

  it("gives a name once per account, also at the same moment", async () => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => order("unique")));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409]);
    for (const { status, body } of answers) {
      if (status === 409) {
        expect(body.code).toBe("NAME_TAKEN");
      }
    }
    const theirs = await callApi(operations.createInstance, {
      token: house.b.tokens.administrator,
      body: { name: "unique", region: "us-south" },
    });
    expect(theirs.status).toBe(202);
  });

  it("gives a certificate once per deployment, also at the same moment", async () => {
    const { certPem } = await createSelfSigned({ commonName: "race.example.com" });
    const clientCertificates = [{ name: "c", pem: certPem }];
    const answers = await Promise.all(
      [house.a, house.b].map((account, index) =>
        callApi(operations.createInstance, {
          token: account.tokens.administrator,
          body: { name: `race ${index}`, region: "us-south", clientCertificates },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe("CERTIFICATE_IN_USE");
    expect(await house.database.prisma.instance.count({ where: { name: { startsWith: "race" } } })).toBe(1);
  });

  it("tells every process", async () => {
    const { certPem, sha256 } = await createSelfSigned({ commonName: "news.example.com" });
    const events = await heardDuring(() =>
      order("news", { clientCertificates: [{ name: "c", pem: certPem }] }),
    );
    const row = await house.database.prisma.instance.findFirstOrThrow({ where: { name: "news" } });
    expect(events).toEqual(
      expect.arrayContaining([
        { type: "certificate.added", instanceId: row.id, sha256 },
        { type: "instance.changed", instanceId: row.id },
      ]),
    );
  });

  it("needs an API key and an adapter", async () => {
    const { apiKey: _, ...rest } = keyManagerOf(house);
    expect(await order("no key", { keyManager: rest })).toMatchObject({
      status: 400,
      body: { code: "VALIDATION_FAILED" },
    });
    expect(await order("pkcs11", { keyManager: { ...keyManagerOf(house), kind: "pkcs11" } })).toMatchObject({
      status: 422,
      body: { code: "NOT_AVAILABLE" },
    });
  });
});

describe("activation", () => {
  it("works once", async () => {
    const { body } = await order("idle", { keyManager: undefined });
    const activate = () =>
      callApi(operations.activateInstance, {
        token: token(),
        params: { id: body.id },
        body: { keyManager: keyManagerOf(house) },
      });
    const answers = await Promise.all([activate(), activate()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409]);
    expect(await activate()).toMatchObject({ status: 409, body: { code: "INVALID_STATE" } });
    const check = await callApi(operations.runPermissionCheck, { token: token(), params: { id: body.id } });
    expect(check.status).toBe(201);
  });

  it("a check of an instance without a key manager is refused", async () => {
    const { body } = await order("idle 2", { keyManager: undefined });
    expect(
      await callApi(operations.runPermissionCheck, { token: token(), params: { id: body.id } }),
    ).toMatchObject({
      status: 409,
      body: { code: "INVALID_STATE" },
    });
    expect(
      await callApi(operations.updateInstance, {
        token: token(),
        params: { id: body.id },
        body: { apiKey: "12345678" },
      }),
    ).toMatchObject({ status: 409 });
  });
});

describe("changes", () => {
  let id = "";
  const patch = (body: unknown) =>
    callApi(operations.updateInstance, { token: token(), params: { id }, body });

  beforeAll(async () => {
    ({
      body: { id },
    } = await order("changing"));
  });

  it("of the name respect other names", async () => {
    await order("taken", { keyManager: undefined });
    expect(await patch({ name: "taken" })).toMatchObject({ status: 409, body: { code: "NAME_TAKEN" } });
    expect((await patch({ name: "changing" })).status).toBe(200);
    expect(await patch({})).toMatchObject({ status: 400 });
  });

  it("of the API key are checked before the old one is given up", async () => {
    const { viewerOnly, manager } = house.cloud.credentials;
    const before = await house.database.prisma.instance.findUniqueOrThrow({ where: { id } });
    expect(await patch({ apiKey: viewerOnly.apiKey })).toMatchObject({
      status: 422,
      body: { code: "PERMISSION_CHECK_FAILED" },
    });
    expect(await patch({ apiKey: "not an api key at all" })).toMatchObject({ status: 422 });
    const between = await house.database.prisma.instance.findUniqueOrThrow({ where: { id } });
    expect(between.apiKeySealed).toEqual(before.apiKeySealed);

    const events = await heardDuring(() => patch({ apiKey: manager.apiKey }));
    expect(events).toContainEqual({ type: "instance.changed", instanceId: id });
    const after = await house.database.prisma.instance.findUniqueOrThrow({ where: { id } });
    expect(after.apiKeySealed).not.toEqual(before.apiKeySealed);
    expect(unsealInstanceApiKey(after).reveal()).toBe(manager.apiKey);
  });

  it("of the API key mend an instance that needs attention", async () => {
    await house.database.prisma.instance.update({
      where: { id },
      data: { status: "attention", statusReason: "API_KEY_REFUSED" },
    });
    const { body } = await patch({ apiKey: house.cloud.credentials.manager.apiKey });
    expect(["installed", "attention"]).toContain(body.status);
    expect(body.lastCheck.ok).toBe(true);
  });

  it("of the CRK must pass the permission check; the one that it has is no change", async () => {
    const other = await makeRootKey(house.cloud, "another-crk");
    expect(await patch({ crkId: "unknown" })).toMatchObject({
      status: 422,
      body: { code: "PERMISSION_CHECK_FAILED" },
    });
    const { status, body } = await patch({ crkId: other });
    expect({ status, crk: body.crk.id }).toEqual({ status: 200, crk: other });

    expect(await patch({ crkId: other, serveCompromised: true })).toMatchObject({ status: 200 });
  });

  it("are in the audit log with from and to, but without the API key", async () => {
    await patch({ cachePolicy: { cacheTtlSeconds: 0 }, apiKey: house.cloud.credentials.manager.apiKey });
    const event = await house.database.prisma.auditEvent.findFirstOrThrow({
      where: { action: "vmware-solutions.service.update", instanceId: id, outcome: "success" },
      orderBy: { id: "desc" },
    });
    expect(JSON.parse(event.event).requestData).toEqual({
      cacheTtlSeconds: { from: 60, to: 0 },
      credentials: "changed",
    });
  });
});

describe("deletion", () => {
  const remove = (id: string, body: Record<string, unknown>) =>
    callApi(operations.deleteInstance, { token: token(), params: { id }, body });

  it("needs the name, and is refused with reasons while the instance is in use", async () => {
    const { id, certificate } = await withCertificate("in use", 2);
    await house.database.prisma.clientCertificate.update({
      where: { id: certificate.id },
      data: { lastSeenAt: new Date() },
    });
    expect(await remove(id, { confirmName: "In use" })).toMatchObject({
      status: 422,
      body: { code: "CONFIRMATION_MISMATCH" },
    });
    expect(await remove(id, { confirmName: "in use" })).toMatchObject({
      status: 409,
      body: {
        code: "INSTANCE_IN_USE",
        reasons: [
          { code: "KEKS_NOT_DESTROYED", count: 2, detail: "2 KEKs are not destroyed." },
          { code: "CLIENTS_CONNECTED", count: 1, clients: [{ id: certificate.id, name: "vcenter" }] },
        ],
      },
    });
    expect((await callApi(operations.getInstance, { token: token(), params: { id } })).body.status).toBe(
      "installed",
    );
  });

  it("with force keeps the standard keys in the key manager, and frees name and certificate", async () => {
    const { id, certificate } = await withCertificate("forced", 2);
    const row = await house.database.prisma.clientCertificate.findUniqueOrThrow({
      where: { id: certificate.id },
    });
    const before = await standardKeys();
    const events = await heardDuring(async () => {
      expect((await remove(id, { confirmName: "forced", force: true })).status).toBe(204);
    });
    expect(events).toEqual(
      expect.arrayContaining([
        { type: "certificate.removed", instanceId: id, sha256: certificate.sha256 },
        { type: "instance.removed", instanceId: id },
      ]),
    );
    expect(await standardKeys()).toBe(before);
    expect((await callApi(operations.getInstance, { token: token(), params: { id } })).status).toBe(404);
    const again = await order("forced", { clientCertificates: [{ name: "vcenter", pem: row.pem }] });
    expect(again.status).toBe(202);

    const event = await house.database.prisma.auditEvent.findFirstOrThrow({
      where: { action: "vmware-solutions.service.delete", targetId: id, outcome: "success" },
    });
    expect(JSON.parse(event.event).requestData).toMatchObject({
      keks: 2,
      activeKeks: 2,
      clientCertificates: 1,
    });
  });

  it("with destroyKeks deletes the standard keys first, each in the audit log", async () => {
    const before = await standardKeys();
    const { id, keks } = await withCertificate("destroyed", 7);
    expect(await standardKeys()).toBe(before + 7);
    expect((await remove(id, { confirmName: "destroyed", force: true, destroyKeks: true })).status).toBe(204);
    expect(await standardKeys()).toBe(before);
    const destroyed = await house.database.prisma.auditEvent.findMany({
      where: { action: "vmware-solutions.kmip-key.destroy", instanceId: id, outcome: "success" },
      select: { targetId: true },
    });
    expect(destroyed.map(({ targetId }) => targetId).sort()).toEqual([...keks].sort());
  });

  it("that the key manager interrupts stays `removing`, serves nobody, and goes on later", async () => {
    const before = await standardKeys();
    const { id } = await withCertificate("interrupted", 6);
    let left = 3;
    house.cloud.fault = (request, next) => {
      if (request.method !== "DELETE") {
        return next();
      }
      left -= 1;

      return left >= 0 ? next() : Promise.resolve({ status: 403, headers: {}, body: "" });
    };
    const interrupted = await remove(id, { confirmName: "interrupted", force: true, destroyKeks: true });
    house.cloud.fault = null;
    expect(interrupted.status).toBe(422);
    const { body } = await callApi(operations.getInstance, { token: token(), params: { id } });
    expect(body).toMatchObject({ status: "removing", statusReason: "DESTROYING_KEKS" });
    const remaining = (await standardKeys()) - before;
    expect(remaining).toBeGreaterThan(0);
    expect(remaining).toBeLessThan(6);

    // Nothing else is possible meanwhile.
    const { certPem } = await createSelfSigned({ commonName: "late.example.com" });
    expect(
      await callApi(operations.createClientCertificate, {
        token: token(),
        params: { id },
        body: { name: "late", pem: certPem },
      }),
    ).toMatchObject({ status: 409, body: { code: "INVALID_STATE" } });
    expect(
      await callApi(operations.updateInstance, { token: token(), params: { id }, body: { name: "x" } }),
    ).toMatchObject({ status: 409 });

    // The worker leaves alone what a request may still be busy with, and ends it after that.
    const options = {
      requestId: "worker-test",
      onError: (_: string, error: unknown) => expect(error).toBeUndefined(),
    };
    expect(await continueRemovals(options)).toEqual([]);
    await house.database.pool.query(
      "UPDATE instance SET updated_at = now() - interval '5 minutes' WHERE id = $1",
      [id],
    );
    expect(await continueRemovals(options)).toEqual([id]);
    expect(await standardKeys()).toBe(before);
    expect((await callApi(operations.getInstance, { token: token(), params: { id } })).status).toBe(404);
  });

  it("at the same moment happens once", async () => {
    const { body } = await order("double");
    const answers = await Promise.all([1, 2].map(() => remove(body.id, { confirmName: "double" })));
    expect(answers.every(({ status }) => status === 204 || status === 404)).toBe(true);
    const events = await house.database.prisma.auditEvent.count({
      where: { action: "vmware-solutions.service.delete", targetId: body.id, outcome: "success" },
    });
    expect(events).toBe(1);
  });
});

describe("lists", () => {
  it("page through all instances, each once, while others come and go", async () => {
    const account = house.b;
    for (let index = 0; index < 7; index += 1) {
      await callApi(operations.createInstance, {
        token: account.tokens.administrator,
        body: { name: `page ${index}`, region: "r" },
      });
    }
    const seen: string[] = [];
    let query: Record<string, string> | null = { limit: "3", search: "page" };
    while (query !== null) {
      const { body }: Answer<InstancePage> = await callApi(operations.listInstances, {
        token: account.tokens.viewer,
        query,
      });
      expect(body.items.length).toBeLessThanOrEqual(3);
      seen.push(...body.items.map(({ name }) => name));
      query = body.nextCursor === null ? null : { limit: "3", search: "page", cursor: body.nextCursor };
      await callApi(operations.createInstance, {
        token: account.tokens.administrator,
        body: { name: `newer ${seen.length} page`, region: "r" },
      });
    }
    expect(seen).toEqual(["page 6", "page 5", "page 4", "page 3", "page 2", "page 1", "page 0"]);
  });
});
