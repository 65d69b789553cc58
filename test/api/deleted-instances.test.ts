/** Deleting an instance: what counts as in use, what is told before, and its undo. */
import { beforeAll, describe, expect, it } from "vitest";
import * as operations from "@/lib/api/operations";
import { continueRemovals, purgeDeletedInstances } from "@/lib/core/instances";
import { checkDueInstances } from "@/lib/core/permissions";
import { deploymentFigures } from "@/lib/core/readiness";
import { rewrapDue } from "@/lib/core/rewrap";
import { createTenantDirectory } from "@/lib/core/serving/tenant-directory";
import { createSelfSigned } from "@/test/support/certificates";
import { custom, recordingLogger } from "@/test/support/kek-fixtures";
import { callApi, houseForTests, keyManagerOf } from "./support/house";
import { makeKeks } from "./support/keks";

const house = houseForTests();
const admin = () => house.a.tokens.administrator;
const prisma = () => house.database.prisma;
const DAY_MS = 86_400_000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS);

type Made = {
  id: string;
  name: string;
  pem: string;
  certificate: { id: string; sha256: string };
  keks: string[];
};

async function order(name: string, keks = 0, body: Record<string, unknown> = {}): Promise<Made> {
  const { certPem: pem } = await createSelfSigned({ commonName: `${name}.example.com` });
  const { status, body: made } = await callApi(operations.createInstance, {
    token: admin(),
    body: {
      name,
      region: "us-south",
      keyManager: keyManagerOf(house),
      clientCertificates: [{ name: "vcenter", pem }],
      ...body,
    },
  });
  expect(status).toBe(202);
  const certificate = await prisma().clientCertificate.findFirstOrThrow({ where: { instanceId: made.id } });

  return { id: made.id, name, pem, certificate, keks: await makeKeks(house, made.id, certificate, keks) };
}

const remove = ({ id, name }: { id: string; name: string }, body: Record<string, unknown> = {}) =>
  callApi(operations.deleteInstance, {
    token: admin(),
    params: { id },
    body: { confirmName: name, ...body },
  });
const restore = (id: string, body: Record<string, unknown> = {}, token = admin()) =>
  callApi(operations.restoreInstance, { token, params: { id }, body });
const get = (id: string) => callApi(operations.getInstance, { token: admin(), params: { id } });
const impact = (id: string) =>
  callApi(operations.getInstanceImpact, { token: house.a.tokens.viewer, params: { id } });
const deleted = async (token = admin()) =>
  (await callApi(operations.listInstances, { token, query: { deleted: "true" } })).body.items as {
    id: string;
    endpoints: unknown[];
    deletion: { deletedBy: string; purgeAt: string } | null;
  }[];
const tenants = () =>
  createTenantDirectory({
    database: house.database,
    events: {
      ready: Promise.resolve(),
      trusted: () => false,
      subscribe: () => () => {},
      close: async () => {},
    },
    logger: recordingLogger(),
  });

/** All that is kept of an instance but what its deletion is about. */
async function contentsOf(id: string) {
  const where = { instanceId: id };
  const { updatedAt, deletedAt, deletedBy, purgeAt, nextCheckAt, rewrapDueAt, ...instance } =
    await prisma().instance.findUniqueOrThrow({ where: { id } });
  const certificates = await prisma().clientCertificate.findMany({ where, orderBy: { id: "asc" } });

  return {
    instance,
    certificates: certificates.map(({ releasedAt, ...certificate }) => certificate),
    keks: await prisma().managedObject.findMany({ where, orderBy: { uniqueIdentifier: "asc" } }),
    terms: await prisma().managedObjectTerm.count({ where }),
    checks: await prisma().permissionCheck.count({ where }),
  };
}

describe("an instance is in use", () => {
  const refused = async (made: Made) => {
    const { status, body } = await remove(made);
    expect({ status, code: body.code }).toEqual({ status: 409, code: "INSTANCE_IN_USE" });
    expect((await get(made.id)).body.status).toBe("installed");

    return body;
  };
  const change = (
    made: Made,
    data: Parameters<ReturnType<typeof prisma>["managedObject"]["updateMany"]>[0]["data"],
  ) => prisma().managedObject.updateMany({ where: { instanceId: made.id }, data });

  it("while its KEKs are Pre-Active, as those of most vCenters are for ever", async () => {
    const made = await order("pre-active", 3);
    await change(made, { state: 1, lastServedAt: new Date() });
    await prisma().instance.update({ where: { id: made.id }, data: { activeKekCount: 0 } });
    expect((await refused(made)).reasons).toEqual([
      { code: "KEKS_NOT_DESTROYED", count: 3, detail: "3 KEKs are not destroyed." },
    ]);
    expect((await impact(made.id)).body).toMatchObject({
      inUse: true,
      keks: { total: 3, served: 3, unused: 0, blocked: 0, complete: true },
    });
  });

  it.each([
    ["unused for 90 days", { createdAt: daysAgo(200), lastServedAt: daysAgo(91) }, "unused"],
    ["never served", { createdAt: daysAgo(200), lastServedAt: null }, "unused"],
    ["served lately", { createdAt: daysAgo(200), lastServedAt: daysAgo(89) }, "served"],
    ["blocked", { served: false, blockedAt: new Date(), blockedBy: "somebody" }, "blocked"],
    ["deactivated", { state: 3 }, "served"],
  ] as const)("while its KEKs are %s", async (name, data, state) => {
    const made = await order(`in use: ${name}`, 2);
    await change(made, data);
    expect((await refused(made)).detail).toBe("2 KEKs are not destroyed.");
    expect((await impact(made.id)).body.keks).toEqual({
      total: 2,
      served: 0,
      unused: 0,
      blocked: 0,
      complete: true,
      [state]: 2,
    });
  });

  it("although its certificates were removed", async () => {
    const made = await order("without certificates", 1);
    await callApi(operations.deleteClientCertificate, {
      token: admin(),
      params: { id: made.id, certificateId: made.certificate.id },
    });
    expect((await refused(made)).reasons).toHaveLength(1);
  });

  it("while a client connected in the last 24 hours, and not for what is destroyed or long ago", async () => {
    const made = await order("connected");
    const seen = (lastSeenAt: Date) =>
      prisma().clientCertificate.update({ where: { id: made.certificate.id }, data: { lastSeenAt } });
    await seen(new Date());
    expect((await refused(made)).reasons).toMatchObject([
      { code: "CLIENTS_CONNECTED", count: 1, clients: [{ id: made.certificate.id, name: "vcenter" }] },
    ]);
    await seen(daysAgo(2));
    expect((await impact(made.id)).body).toMatchObject({ inUse: false, reasons: [], keks: { total: 0 } });
    expect((await remove(made)).status).toBe(204);
  });

  it("and its impact names whom the KEKs are for and who was given one last", async () => {
    const made = await order("named", 2);
    const [first = "", second = ""] = made.keks;
    const named = (uniqueIdentifier: string, name: string, lastServedAt: Date) =>
      prisma().managedObject.update({
        where: { instanceId_uniqueIdentifier: { instanceId: made.id, uniqueIdentifier } },
        data: {
          attributes: { ...custom("x-Name", name), ...custom("x-Component", "VM") },
          lastServedAt,
          lastServedTo: made.certificate.id,
          lastServedAddress: "192.0.2.7",
        },
      });
    await named(first, "erp-db-01", daysAgo(3));
    await named(second, "erp-db-02", daysAgo(1));
    const { status, body } = await impact(made.id);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      lastServedTo: { id: made.certificate.id, name: "vcenter", address: "192.0.2.7" },
      users: [
        { name: "erp-db-02", component: "VM" },
        { name: "erp-db-01", component: "VM" },
      ],
    });
    expect(new Date(body.lastServedAt).getTime()).toBeCloseTo(daysAgo(1).getTime(), -5);
  });
});

describe("a deleted instance", () => {
  let made: Made;
  let before: Awaited<ReturnType<typeof contentsOf>>;

  beforeAll(async () => {
    made = await order("come back", 4, { cachePolicy: { cacheTtlSeconds: 7, outageGraceSeconds: 11 } });
    await prisma().instance.update({ where: { id: made.id }, data: { serveCompromised: false } });
    before = await contentsOf(made.id);
    expect((await remove(made, { force: true })).status).toBe(204);
  });

  it("is nobody's: no look-up, list, client, worker or figure knows it", async () => {
    const { id, certificate, keks } = made;
    const params = { id, uniqueIdentifier: keks[0] ?? "", certificateId: certificate.id };
    for (const operation of [
      operations.getInstance,
      operations.getInstanceImpact,
      operations.listKeks,
      operations.getKek,
      operations.listClientCertificates,
      operations.getClientCertificate,
      operations.listPermissionChecks,
      operations.getRewrap,
    ]) {
      expect((await callApi(operation, { token: admin(), params })).status, operation.id).toBe(404);
    }
    expect((await remove(made, { force: true })).status).toBe(404);
    const { text } = await callApi(operations.listInstances, { token: admin() });
    expect(text).not.toContain(id);
    const certificates = await callApi(operations.listAccountCertificates, { token: admin() });
    expect(certificates.status).toBe(200);
    expect(certificates.text).not.toContain(certificate.sha256);
    const directory = tenants();
    expect(await directory.resolve(certificate.sha256)).toBeNull();
    directory.close();

    await prisma().instance.updateMany({ data: { nextCheckAt: new Date(Date.now() + DAY_MS) } });
    await prisma().instance.update({ where: { id }, data: { nextCheckAt: null, rewrapDueAt: null } });
    expect(await checkDueInstances({ everySeconds: 900 })).toBe(0);
    await rewrapDue({ database: house.database, logger: recordingLogger(), perSecond: 1 });
    expect(await prisma().instance.findUniqueOrThrow({ where: { id } })).toMatchObject({ rewrapDueAt: null });
    expect(await continueRemovals({ requestId: "r", onError: () => {} })).toEqual([]);
    const figures = await deploymentFigures();
    expect(figures.keks).toBe(
      (await prisma().instance.aggregate({ where: { deletedAt: null }, _sum: { kekCount: true } }))._sum
        .kekCount,
    );
    // Whatever else forgets the date: its status serves nobody either.
    expect(await prisma().instance.findUniqueOrThrow({ where: { id } })).toMatchObject({
      status: "inactive",
    });
  });

  it("stands in its account's list with its end, and in no other's", async () => {
    const [listed] = (await deleted()).filter(({ id }) => id === made.id);
    expect(listed).toMatchObject({ endpoints: [], deletion: { deletedBy: "administrator" } });
    const left = new Date(listed?.deletion?.purgeAt ?? 0).getTime() - Date.now();
    expect(left / DAY_MS).toBeGreaterThan(29.9);
    expect(left / DAY_MS).toBeLessThanOrEqual(30);
    expect(await deleted(house.b.tokens.administrator)).toEqual([]);
  });

  it("comes back under its id with all KEKs, certificates and settings, for administrators of its account alone", async () => {
    expect((await restore(made.id, {}, house.b.tokens.administrator)).status).toBe(404);
    expect((await restore(made.id, {}, house.a.tokens.operator)).status).toBe(403);
    const { status, body } = await callApi(operations.restoreInstance, {
      token: admin(),
      params: { id: made.id },
    });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { id: made.id, name: "come back", status: "installed", deletion: null, counts: { keks: 4 } },
    });
    expect(await contentsOf(made.id)).toEqual(before);
    expect((await prisma().instance.findUniqueOrThrow({ where: { id: made.id } })).nextCheckAt).toBeNull();
    const directory = tenants();
    expect(await directory.resolve(made.certificate.sha256)).toMatchObject({ instanceId: made.id });
    directory.close();
    expect((await restore(made.id)).body.code).toBe("INVALID_STATE");
    expect((await deleted()).map(({ id }) => id)).not.toContain(made.id);

    const event = await prisma().auditEvent.findFirstOrThrow({
      where: { action: "vmware-solutions.service.restore", targetId: made.id, outcome: "success" },
    });
    expect(JSON.parse(event.event).requestData).toMatchObject({ keks: 4, clientCertificates: 1 });
  });

  it("does not come back as another while name or certificate are somebody else's", async () => {
    const one = await order("reused", 1);
    await remove(one, { force: true });
    const other = await order("reused", 0, { clientCertificates: [{ name: "mine now", pem: one.pem }] });

    expect((await restore(one.id)).body).toMatchObject({
      status: 409,
      code: "NAME_TAKEN",
      invalidParams: [{ name: "name" }],
    });
    const refused = await restore(one.id, { name: "reused 2" });
    expect(refused.body).toMatchObject({
      status: 409,
      code: "CERTIFICATE_IN_USE",
      detail:
        "Pinned to another instance meanwhile: vcenter. Remove them there first, or restore without them.",
      certificates: [
        {
          id: one.certificate.id,
          sha256: one.certificate.sha256,
          instance: { id: other.id, name: "reused" },
        },
      ],
    });
    expect((await get(one.id)).status).toBe(404);

    const back = await restore(one.id, { name: "reused 2", withoutCertificatesInUse: true });
    expect(back.body).toMatchObject({ name: "reused 2", counts: { keks: 1, clientCertificates: 0 } });
    const directory = tenants();
    expect(await directory.resolve(one.certificate.sha256)).toMatchObject({ instanceId: other.id });
    directory.close();
  });

  it("tells nothing of another account that has its certificate", async () => {
    const one = await order("handed over");
    await remove(one);
    const { status } = await callApi(operations.createInstance, {
      token: house.b.tokens.administrator,
      body: { name: "secret name", region: "r", clientCertificates: [{ name: "c", pem: one.pem }] },
    });
    expect(status).toBe(202);
    const refused = await restore(one.id);
    expect(refused.body).toMatchObject({ code: "CERTIFICATE_IN_USE", certificates: [{ instance: null }] });
    expect(refused.text).not.toContain("secret name");
  });

  it("may be deleted again under the same name, and each is restored as itself", async () => {
    const first = await order("again");
    await remove(first);
    const second = await order("again");
    await remove(second);
    expect((await restore(first.id)).status).toBe(200);
    expect((await restore(second.id)).body.code).toBe("NAME_TAKEN");
  });

  it("is purged after 30 days, rows only, and cannot be restored any more", async () => {
    const one = await order("purged", 3);
    await remove(one, { force: true });
    const options = {
      requestId: "purge",
      onError: (_: string, error: unknown) => expect(error).toBeUndefined(),
    };
    expect(await purgeDeletedInstances(options)).toEqual([]);
    await prisma().instance.update({
      where: { id: one.id },
      data: { purgeAt: new Date(Date.now() - 1_000) },
    });
    expect((await restore(one.id)).status).toBe(404);
    expect((await deleted()).map(({ id }) => id)).not.toContain(one.id);

    const standardKeys = async () =>
      (await house.cloud.administer("key-protect", "GET", "/keys?limit=5000")).json?.resources;
    const kept = await standardKeys();
    expect(await purgeDeletedInstances(options)).toEqual([one.id]);
    expect(await purgeDeletedInstances(options)).toEqual([]);
    expect(await standardKeys()).toEqual(kept);
    for (const table of ["managed_object", "managed_object_term", "client_certificate", "permission_check"]) {
      const { rows } = await house.database.pool.query(`SELECT 1 FROM ${table} WHERE instance_id = $1`, [
        one.id,
      ]);
      expect(rows, table).toEqual([]);
    }
    const event = await prisma().auditEvent.findFirstOrThrow({
      where: { action: "vmware-solutions.service.purge", targetId: one.id, outcome: "success" },
    });
    expect(JSON.parse(event.event).requestData).toMatchObject({
      keks: 3,
      clientCertificates: 1,
      deletedBy: "administrator",
      standardKeys: "kept in the key manager",
    });
  });

  it("is not kept when its KEKs are destroyed with it", async () => {
    const one = await order("for good", 2);
    expect((await remove(one, { force: true, destroyKeks: true })).status).toBe(204);
    expect(await prisma().instance.count({ where: { id: one.id } })).toBe(0);
    expect((await restore(one.id)).status).toBe(404);
  });

  it("is deleted so that it can be restored also where an older version had only begun to", async () => {
    const one = await order("interrupted", 1);
    await house.database.pool.query(
      "UPDATE instance SET status = 'removing', status_reason = NULL, updated_at = now() - interval '5 minutes' WHERE id = $1",
      [one.id],
    );
    expect(await continueRemovals({ requestId: "r", onError: () => {} })).toEqual([one.id]);
    expect((await restore(one.id)).body).toMatchObject({ status: "installed", counts: { keks: 1 } });
  });
});
