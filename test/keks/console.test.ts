import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AuditEventInput } from "@/lib/audit/event";
import { kmipAuditEvents } from "@/lib/audit/kmip-events";
import { createAuditWriter } from "@/lib/audit/writer";
import type { Actor } from "@/lib/core/actor";
import { setAuditWriter } from "@/lib/core/audit";
import { AppError } from "@/lib/core/errors";
import { destroyKek } from "@/lib/core/keks/destroy-kek";
import { kekImpact } from "@/lib/core/keks/kek-impact";
import { getKek } from "@/lib/core/keks/read-keks";
import { bulkRevoke, restoreService, revokeKek } from "@/lib/core/keks/revoke-kek";
import type { DatabaseKeyStore } from "@/lib/core/serving/key-store";
import { changeOf } from "@/lib/kmip/attributes/lifecycle";
import type { ManagedObject, Tenant } from "@/lib/kmip/ports";
import { State } from "@/lib/kmip/protocol/enumerations";
import { actorOf, addAccount, newObject } from "@/test/support/kek-fixtures";
import { createKek, createWorld, type World } from "./world";

let world: World;
let store: DatabaseKeyStore;
let tenant: Tenant;
let administrator: Actor;
let recorded: AuditEventInput[] = [];

beforeAll(async () => {
  world = await createWorld();
  store = await world.endpoint();
  tenant = await world.instance();
  administrator = actorOf(world.accountId);
});

beforeEach(() => {
  recorded = [];
  setAuditWriter({
    async write(events) {
      recorded.push(...events);
    },
  });
});

afterEach(() => {
  world.keyManager.faults.length = 0;
});

afterAll(async () => {
  setAuditWriter(null);
  await world.close();
});

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof AppError) {
      return error.code;
    }

    throw error;
  }

  return "none";
}

const services = () => ({
  openKeyManager: world.openKeyManager,
  logger: { warn: () => {} },
  timeoutMs: 1_000,
});
const trail = () => recorded.map((event) => `${event.action.split(".").at(-1)} ${event.outcome}`);

async function kek(state: number = State.PreActive): Promise<ManagedObject> {
  return (await createKek(store, tenant, newObject({ state }))).object;
}

describe("Revoke in the console", () => {
  it.each([
    [State.PreActive, "superseded", "deactivated"],
    [State.Active, "cessationOfOperation", "deactivated"],
    [State.Active, "keyCompromise", "compromised"],
    [State.PreActive, "caCompromise", "compromised"],
    [State.Deactivated, "keyCompromise", "compromised"],
    [State.Deactivated, "superseded", "deactivated"],
    [State.Compromised, "superseded", "compromised"],
  ] as const)("of a KEK in state %s for %s makes it %s and blocks it", async (state, reason, expected) => {
    const { uniqueIdentifier } = await kek(state);
    const answer = await revokeKek(administrator, tenant.instanceId, uniqueIdentifier, {
      reason,
      message: "ticket 7",
    });

    expect(answer).toMatchObject({
      state: expected,
      served: false,
      blocked: { by: administrator.name, reason, message: "ticket 7" },
      etag: "r2",
    });
    expect(await getKek(administrator, tenant.instanceId, uniqueIdentifier)).toEqual(answer);
    expect(trail()).toEqual(["revoke success"]);
    expect(recorded[0]).toMatchObject({
      severity: "critical",
      accountId: world.accountId,
      instanceId: tenant.instanceId,
      target: { id: uniqueIdentifier },
      initiator: { id: `user:${administrator.id}`, address: "192.0.2.7" },
    });
  });

  it("keeps the reason and the dates of KMIP", async () => {
    const { uniqueIdentifier } = await kek(State.Active);
    const occurred = new Date("2026-11-30T00:00:00.000Z");
    const answer = await revokeKek(administrator, tenant.instanceId, uniqueIdentifier, {
      reason: "keyCompromise",
      message: "lost disk",
      compromiseOccurredAt: occurred,
      now: world.clock.now(),
    });

    expect(answer.revocation).toEqual({ reason: "keyCompromise", message: "lost disk" });
    expect(answer.dates).toMatchObject({
      compromise: world.clock.now(),
      compromiseOccurrence: occurred,
      deactivation: null,
      lastChange: world.clock.now(),
    });
    expect(answer.allAttributes).toContainEqual({
      name: "Revocation Reason",
      index: 0,
      value: "Revocation Reason Code: KeyCompromise, Revocation Message: lost disk",
    });
  });

  it("is refused with an etag of before, to the wrong roles, and for what is not there", async () => {
    const object = await kek();
    const { etag } = await kekImpact(administrator, tenant.instanceId, object.uniqueIdentifier);

    await store.update(
      tenant,
      object.uniqueIdentifier,
      changeOf(object, world.clock.now(), State.Active, {}),
    );

    const revoke = (
      actor: Actor,
      instanceId = tenant.instanceId,
      uid = object.uniqueIdentifier,
      tag?: string,
    ) => codeOf(revokeKek(actor, instanceId, uid, { reason: "unspecified", etag: tag }));
    const stranger = actorOf(await addAccount(world.test.database));

    expect(await revoke(administrator, undefined, undefined, etag)).toBe("CHANGED_MEANWHILE");
    expect(await revoke(actorOf(world.accountId, "viewer"))).toBe("FORBIDDEN");
    expect(await revoke(actorOf(world.accountId, "auditor"))).toBe("FORBIDDEN");
    expect(await revoke(stranger)).toBe("NOT_FOUND");
    expect(await revoke(administrator, randomUUID())).toBe("NOT_FOUND");
    expect(await revoke(administrator, "x")).toBe("NOT_FOUND");
    expect(await revoke(administrator, tenant.instanceId, "nobody")).toBe("NOT_FOUND");
    expect(await revoke(administrator, tenant.instanceId, "a\0")).toBe("NOT_FOUND");
    expect((await store.find(tenant, object.uniqueIdentifier))?.served).toBe(true);
    expect(recorded).toEqual([]);
    expect(await revoke(actorOf(world.accountId, "operator"))).toBe("none");
  });

  it("says so when the audit cannot be written, and the KEK stays revoked", async () => {
    const { uniqueIdentifier } = await kek();

    setAuditWriter({ write: () => Promise.reject(new Error("disk full")) });
    expect(
      await codeOf(revokeKek(administrator, tenant.instanceId, uniqueIdentifier, { reason: "unspecified" })),
    ).toBe("AUDIT_UNAVAILABLE");
    expect(await getKek(administrator, tenant.instanceId, uniqueIdentifier)).toMatchObject({
      served: false,
    });
  });

  it("wins against clients that change the KEK all the time", async () => {
    const object = await kek();
    let stop = false;
    const busy = (async () => {
      while (!stop) {
        const found = await store.find(tenant, object.uniqueIdentifier);

        if (found) {
          await store
            .update(tenant, object.uniqueIdentifier, changeOf(found, world.clock.now(), State.PreActive, {}))
            .catch(() => {});
        }
      }
    })();

    const outcomes = await Promise.all(
      [1, 2].map(() =>
        codeOf(
          revokeKek(administrator, tenant.instanceId, object.uniqueIdentifier, { reason: "superseded" }),
        ),
      ),
    );

    stop = true;
    await busy;
    expect(outcomes).toEqual(["none", "none"]);
    expect(await getKek(administrator, tenant.instanceId, object.uniqueIdentifier)).toMatchObject({
      served: false,
    });
  });
});

describe("restoring service", () => {
  it("lifts the block, leaves the KMIP state, and is in the audit before", async () => {
    const { uniqueIdentifier } = await kek(State.Active);

    await revokeKek(administrator, tenant.instanceId, uniqueIdentifier, { reason: "superseded" });
    recorded = [];

    expect(await restoreService(administrator, tenant.instanceId, uniqueIdentifier)).toMatchObject({
      served: true,
      blocked: null,
      state: "deactivated",
    });
    expect(trail()).toEqual(["restore pending", "restore success"]);
    expect(await codeOf(restoreService(administrator, tenant.instanceId, uniqueIdentifier))).toBe(
      "INVALID_STATE",
    );
  });

  it("does not happen when it cannot be written down first, and takes an administrator", async () => {
    const { uniqueIdentifier } = await kek();

    await revokeKek(administrator, tenant.instanceId, uniqueIdentifier, { reason: "superseded" });
    expect(
      await codeOf(restoreService(actorOf(world.accountId, "operator"), tenant.instanceId, uniqueIdentifier)),
    ).toBe("FORBIDDEN");
    setAuditWriter({ write: () => Promise.reject(new Error("disk full")) });
    expect(await codeOf(restoreService(administrator, tenant.instanceId, uniqueIdentifier))).toBe(
      "AUDIT_UNAVAILABLE",
    );
    expect((await store.find(tenant, uniqueIdentifier))?.served).toBe(false);
  });
});

describe("Destroy in the console", () => {
  const destroy = (uniqueIdentifier: string, confirmIdentifier = uniqueIdentifier) =>
    destroyKek(administrator, tenant.instanceId, uniqueIdentifier, {
      confirmIdentifier,
      services: services(),
    });

  it("deletes the standard key, with its intention and its outcome in the audit", async () => {
    const { uniqueIdentifier } = await kek();

    expect(await destroy(uniqueIdentifier)).toMatchObject({ state: "destroyed" });
    expect(world.keyManager.live(uniqueIdentifier)).toEqual([]);
    expect(trail()).toEqual(["destroy pending", "destroy success"]);
    expect(await codeOf(destroy(uniqueIdentifier))).toBe("INVALID_STATE");
    expect(
      await codeOf(revokeKek(administrator, tenant.instanceId, uniqueIdentifier, { reason: "unspecified" })),
    ).toBe("INVALID_STATE");
  });

  it("is refused for an active KEK and without the identifier typed", async () => {
    const active = await kek(State.Active);
    const other = await kek();

    expect(await codeOf(destroy(active.uniqueIdentifier))).toBe("INVALID_STATE");
    expect(await codeOf(destroy(other.uniqueIdentifier, other.uniqueIdentifier.slice(1)))).toBe(
      "CONFIRMATION_MISMATCH",
    );
    expect(world.keyManager.live(other.uniqueIdentifier)).toHaveLength(1);
    expect(recorded).toEqual([]);
  });

  it.each([
    ["rejected", "KEY_MANAGER_REJECTED", "preActive"],
    ["timeout", "KEY_MANAGER_UNAVAILABLE", "destroyed"],
  ] as const)("tells of a key manager's failure (%s)", async (failure, code, state) => {
    const { uniqueIdentifier } = await kek();

    world.keyManager.faults.push({ call: "deleteStandardKey", fail: "before", failure });
    expect(await codeOf(destroy(uniqueIdentifier))).toBe(code);
    expect(trail()).toEqual(["destroy pending", "destroy failure"]);
    expect(await getKek(administrator, tenant.instanceId, uniqueIdentifier)).toMatchObject({ state });
  });
});

describe("revoking many", () => {
  it("does what can be done and reports each", async () => {
    const [one, two] = [await kek(), await kek()];
    const answer = await bulkRevoke(administrator, tenant.instanceId, {
      uniqueIdentifiers: [one.uniqueIdentifier, "nobody", two.uniqueIdentifier],
      reason: "superseded",
      confirmCount: 3,
    });

    expect(answer.results.map(({ ok, code }) => code ?? ok)).toEqual([true, "NOT_FOUND", true]);
    expect(trail()).toEqual(["revoke success", "revoke failure", "revoke success"]);
  });

  it("needs the number confirmed and an administrator", async () => {
    const bulk = (actor: Actor, confirmCount: number) =>
      codeOf(
        bulkRevoke(actor, tenant.instanceId, {
          uniqueIdentifiers: ["a"],
          reason: "superseded",
          confirmCount,
        }),
      );

    expect(await bulk(administrator, 2)).toBe("CONFIRMATION_MISMATCH");
    expect(await bulk(actorOf(world.accountId, "operator"), 1)).toBe("FORBIDDEN");
  });
});

describe("the impact of taking a KEK out of service", () => {
  it("tells who got it, how often and when, from the audit", async () => {
    const { uniqueIdentifier } = await kek();
    const now = new Date();
    const writer = createAuditWriter({ pool: world.test.database.pool, node: "impact" });
    const read = (outcome: "success" | "failure") =>
      kmipAuditEvents(
        {
          tenant,
          operation: 10,
          uniqueIdentifiers: [uniqueIdentifier],
          outcome,
          remoteAddress: "192.0.2.1",
          remotePort: 1,
          protocolVersion: "1.1",
          requestId: "r",
          servedMaterial: outcome === "success",
        },
        { accountId: world.accountId, instanceName: "i", certificateName: "vcenter" },
      );

    await writer.write([...read("success"), ...read("failure"), ...read("success")]);

    const impact = await kekImpact(administrator, tenant.instanceId, uniqueIdentifier, new Date());

    expect(impact).toMatchObject({ state: "preActive", served: true, servedLast24h: 2, etag: "r1" });
    expect(impact.clients).toMatchObject([{ certificateId: tenant.certificateId, times: 2 }]);
    expect(impact.clients[0]?.name).toMatch(/^vcenter-/);
    expect(impact.clients[0]?.lastAt.getTime()).toBeGreaterThanOrEqual(now.getTime() - 1_000);
  });
});
