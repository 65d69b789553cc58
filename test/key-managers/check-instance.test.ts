import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { AuditEventInput } from "@/lib/audit/event";
import { setAuditWriter } from "@/lib/core/audit";
import {
  apiKeyPurpose,
  invalidateInstanceKeyManager,
  openInstanceKeyManager,
} from "@/lib/core/key-managers/open-key-manager";
import { checkDueInstances } from "@/lib/core/permissions/check-due-instances";
import { checkInstance } from "@/lib/core/permissions/check-instance";
import { recordPermissionCheck } from "@/lib/core/permissions/record-permission-check";
import { sealSecret } from "@/lib/core/secrets";
import { type OrderOptions, worldForTests } from "@/test/support/world";
import { call, sandboxForTests } from "./support/sandbox";

const world = worldForTests();
const test = sandboxForTests();

beforeEach(() =>
  test.sandbox.control.setRoles({
    serviceId: test.credentials.manager.serviceId,
    instanceGuid: test.credentials.keyProtect.guid,
    roles: ["Viewer", "Manager"],
  }),
);

afterEach(async () => {
  test.fault = null;
  await world.test.database.prisma.instance.deleteMany();
});

const makeInstance = (columns: OrderOptions = {}) => world.orderInstance(test, columns);

function read(id: string) {
  return world.test.database.prisma.instance.findUniqueOrThrow({ where: { id } });
}

const options = () => ({ cloud: test.freshCloud() });

describe("checkInstance", () => {
  it("keeps the report and what the checks learned", async () => {
    const { id, crkId } = await makeInstance();
    const checked = await checkInstance(id, "manual", options());

    expect(checked.report.ok).toBe(true);
    expect(checked.changed).toBe(true);
    expect(await read(id)).toMatchObject({
      status: "installed",
      statusReason: null,
      lastCheckOk: true,
      lastCheckAt: new Date(checked.report.checkedAt),
      crkId,
      crkName: `crk of ${id}`,
      crkState: 1,
      crkVersion: checked.facts.crk?.currentVersion,
      serviceId: test.credentials.manager.serviceId,
      serviceIdName: "manager",
    });
    const [kept] = await world.test.database.prisma.permissionCheck.findMany({ where: { instanceId: id } });
    expect(kept).toMatchObject({ id: checked.permissionCheckId, ok: true, trigger: "manual" });
    expect(kept?.report).toEqual(JSON.parse(JSON.stringify(checked.report)));
  });

  it("turns to attention with the reason when the root key is disabled, and back when it is enabled", async () => {
    const { id, crkId } = await makeInstance();
    const changes: [string, string | null][] = [];
    const check = () =>
      checkInstance(id, "schedule", {
        ...options(),
        onChanged: (instanceId, { after }) => {
          expect(instanceId).toBe(id);
          changes.push([after.status, after.statusReason]);
        },
      });
    await check();
    await test.administer("key-protect", "POST", `/keys/${crkId}/actions/disable`);
    await check();
    expect(await read(id)).toMatchObject({
      status: "attention",
      statusReason: "CRK_DISABLED",
      crkState: 2,
      lastCheckOk: false,
    });
    await check();
    await test.administer("key-protect", "POST", `/keys/${crkId}/actions/enable`);
    await check();

    expect(await read(id)).toMatchObject({ status: "installed", statusReason: null, crkState: 1 });
    // Once for what was learned first, once for each change, never for a check that found the same again.
    expect(changes).toEqual([
      ["installed", null],
      ["attention", "CRK_DISABLED"],
      ["installed", null],
    ]);
  });

  it("notices a rotation", async () => {
    const { id, crkId } = await makeInstance();
    await checkInstance(id, "schedule", options());
    const { crkVersion } = await read(id);
    await test.administer("key-protect", "POST", `/keys/${crkId}/actions/rotate`);
    const checked = await checkInstance(id, "schedule", options());

    expect(checked.changed).toBe(true);
    expect((await read(id)).crkVersion).not.toBe(crkVersion);
  });

  it("says which permission was lost", async () => {
    const { id } = await makeInstance();
    await test.sandbox.control.setRoles({
      serviceId: test.credentials.manager.serviceId,
      instanceGuid: test.credentials.keyProtect.guid,
      roles: ["Viewer", "Reader"],
    });
    await checkInstance(id, "schedule", options());

    expect(await read(id)).toMatchObject({ status: "attention", statusReason: "SERVICE_MANAGER_MISSING" });
  });

  it("remembers a root key that was deleted", async () => {
    const { id, crkId } = await makeInstance();
    await test.administer("key-protect", "DELETE", `/keys/${crkId}`);
    await checkInstance(id, "schedule", options());

    expect(await read(id)).toMatchObject({ statusReason: "CRK_DESTROYED", crkState: 5 });
  });

  it("leaves the status of an instance that is being ordered", async () => {
    const { id, crkId } = await makeInstance({ status: "configuring" });
    await test.administer("key-protect", "POST", `/keys/${crkId}/actions/disable`);
    await checkInstance(id, "activate", options());

    expect(await read(id)).toMatchObject({ status: "configuring", statusReason: null, lastCheckOk: false });
  });

  it("records nothing of a run that was cut short", async () => {
    const { id } = await makeInstance();
    const controller = new AbortController();
    test.fault = async (_request, next) => {
      controller.abort();

      return next();
    };

    await expect(
      checkInstance(id, "schedule", { ...options(), signal: controller.signal }),
    ).rejects.toThrow();
    expect(await read(id)).toMatchObject({ status: "installed", lastCheckAt: null });
  });

  it("refuses an instance that is not there or has no key manager", async () => {
    await expect(checkInstance(randomUUID(), "manual", options())).rejects.toMatchObject({
      code: "NOT_FOUND",
    });

    const { id } = await makeInstance();
    await world.test.database.prisma.instance.update({ where: { id }, data: { keyManagerKind: null } });
    await expect(checkInstance(id, "manual", options())).rejects.toMatchObject({ code: "INVALID_STATE" });
  });

  it("does not let an older, slower run overwrite a newer one", async () => {
    const { id } = await makeInstance();
    const { report, facts } = await checkInstance(id, "manual", options());
    const older = { ...report, ok: false, checkedAt: "2020-01-01T00:00:00.000Z" };
    await recordPermissionCheck(id, { report: older, trigger: "schedule", facts });

    expect(await read(id)).toMatchObject({ status: "installed", lastCheckOk: true });
    expect(await world.test.database.prisma.permissionCheck.count({ where: { instanceId: id } })).toBe(2);
  });

  it("keeps no API key in the database but the sealed one", async () => {
    const { id } = await makeInstance();
    await checkInstance(id, "manual", options());
    const { rows } = await world.test.database.pool.query(
      "SELECT to_jsonb(i)::text AS instance, (SELECT string_agg(report::text, '') FROM permission_check) AS reports FROM instance i",
    );

    expect(JSON.stringify(rows)).not.toContain(test.credentials.manager.apiKey);
  });
});

describe("checkDueInstances", () => {
  it("leaves an audit event of each probe, under the id that the key manager has seen", async () => {
    const { id } = await makeInstance();
    const written: AuditEventInput[] = [];
    const seen = new Set<string>();

    setAuditWriter({
      write: async (events) => {
        written.push(...events);
      },
    });
    onTestFinished(() => setAuditWriter(null));
    test.fault = async (request, next) => {
      if (request.segments.includes("actions")) {
        seen.add(`${request.segments.at(-1)} ${request.correlationId}`);
      }

      return next();
    };
    await checkDueInstances({ everySeconds: 900, cloud: test.cloud });

    expect(written).toMatchObject([
      {
        action: "vmware-solutions.permission-check.run",
        outcome: "success",
        accountId: world.accountId,
        instanceId: id,
        initiator: { id: "system:worker" },
        requestData: { trigger: "schedule", probe: "wrap and unwrap of random bytes" },
        responseData: { ok: true, status: "installed", probe: "WRAP_UNWRAP_WORKS" },
      },
    ]);

    const { correlationId } = written[0] ?? {};

    expect(seen).toEqual(new Set([`wrap ${correlationId}`, `unwrap ${correlationId}`]));
  });

  it("checks every due instance once, although several workers run", async () => {
    const ids = [];

    for (let index = 0; index < 12; index += 1) {
      ids.push((await makeInstance()).id);
    }

    await makeInstance({ status: "inactive" });
    const counts = await Promise.all(
      [1, 2, 3].map(() => checkDueInstances({ everySeconds: 900, cloud: test.cloud })),
    );
    const checks = await world.test.database.prisma.permissionCheck.groupBy({
      by: ["instanceId"],
      _count: true,
    });

    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(12);
    expect(checks.map(({ instanceId }) => instanceId).toSorted()).toEqual(ids.toSorted());
    expect(checks.every(({ _count }) => _count === 1)).toBe(true);

    const rows = await world.test.database.prisma.instance.findMany({ where: { id: { in: ids } } });
    const now = Date.now();

    for (const { nextCheckAt } of rows) {
      const seconds = ((nextCheckAt?.getTime() ?? 0) - now) / 1000;

      expect(seconds).toBeGreaterThan(700);
      expect(seconds).toBeLessThan(1000);
    }

    expect(await checkDueInstances({ everySeconds: 900, cloud: test.cloud })).toBe(0);
  });

  it("goes on with the others when one cannot be checked", async () => {
    const broken = await makeInstance();
    await world.test.database.prisma.instance.update({
      where: { id: broken.id },
      data: { apiKeySealed: sealSecret("x", "another purpose") },
    });
    const fine = await makeInstance();
    const errors: string[] = [];
    await checkDueInstances({
      everySeconds: 900,
      cloud: test.cloud,
      onError: (_error, instanceId) => errors.push(instanceId),
    });

    expect(errors).toEqual([broken.id]);
    expect((await read(fine.id)).lastCheckOk).toBe(true);
    expect((await read(broken.id)).nextCheckAt?.getTime()).toBeGreaterThan(Date.now() + 600_000);
  });
});

describe("openInstanceKeyManager", () => {
  it("gives the same adapter until the settings change or it is invalidated", async () => {
    const { id, crkId } = await makeInstance();
    const row = await read(id);
    const first = openInstanceKeyManager(row, test.cloud);

    expect(openInstanceKeyManager(row, test.cloud)).toBe(first);
    expect(first).toMatchObject({ crkId, keyRing: null, endpoint: row.keyManagerEndpoint });
    expect((await first.keyManager.getRootKey(crkId, call)).state).toBe("active");

    const resealed = {
      ...row,
      apiKeySealed: sealSecret(test.credentials.viewerOnly.apiKey, apiKeyPurpose(id)),
    };
    const second = openInstanceKeyManager(resealed, test.cloud);
    expect(second).not.toBe(first);
    await expect(second.keyManager.getRootKey(crkId, call)).rejects.toMatchObject({ failure: "forbidden" });

    invalidateInstanceKeyManager(id);
    expect(openInstanceKeyManager(resealed, test.cloud)).not.toBe(second);
    // A row of plain SQL spells the kind in another way, and means the same.
    expect(
      openInstanceKeyManager({ ...row, keyManagerKind: "key-protect" }, test.cloud).keyManager.kind,
    ).toBe("key-protect");
  });

  it("opens no API key that was sealed for another instance", async () => {
    const { id } = await makeInstance();
    const row = await read(id);

    expect(() => openInstanceKeyManager({ ...row, id: randomUUID() }, test.cloud)).toThrow();
  });

  it("refuses an instance without a key manager, and PKCS#11", async () => {
    const { id } = await makeInstance();
    const row = await read(id);

    expect(() => openInstanceKeyManager({ ...row, crkId: null }, test.cloud)).toThrow(
      expect.objectContaining({ code: "INVALID_STATE" }),
    );
    expect(() => openInstanceKeyManager({ ...row, keyManagerKind: "pkcs11" }, test.cloud)).toThrow(
      expect.objectContaining({ code: "NOT_AVAILABLE" }),
    );
  });
});
