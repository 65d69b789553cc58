import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AuditEventInput } from "@/lib/audit/event";
import { kmipAuditEvents } from "@/lib/audit/kmip-events";
import { createAuditWriter } from "@/lib/audit/writer";
import type { Actor } from "@/lib/core/actor";
import { setAuditWriter } from "@/lib/core/audit";
import { AppError } from "@/lib/core/errors";
import { destroyKek } from "@/lib/core/keks/destroy-kek";
import { kekImpact } from "@/lib/core/keks/kek-impact";
import type { DatabaseKeyStore } from "@/lib/core/keks/key-store";
import { type KekFilters, type KekSort, listKeks } from "@/lib/core/keks/list-keks";
import { getKek } from "@/lib/core/keks/read-keks";
import { bulkRevoke, restoreService, revokeKek } from "@/lib/core/keks/revoke-kek";
import { changeOf } from "@/lib/kmip/lifecycle";
import type { ManagedObject, Tenant } from "@/lib/kmip/ports";
import { State } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { actorOf, addAccount, custom, newObject } from "@/test/support/kek-fixtures";
import { countsOf, createKek, createWorld, type World } from "./world";

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
    const answer = await revokeKek(
      administrator,
      tenant.instanceId,
      uniqueIdentifier,
      { reason: "keyCompromise", message: "lost disk", compromiseOccurredAt: occurred },
      world.clock.now(),
    );

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
    destroyKek(administrator, tenant.instanceId, uniqueIdentifier, { confirmIdentifier }, services());

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
    expect(trail()).toEqual(["destroy pending"]);
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

describe("the list of KEKs", () => {
  let own: Tenant;
  const now = new Date("2026-12-15T00:00:00.000Z");

  async function page(filters: Partial<KekFilters>, actor = administrator) {
    return listKeks(actor, own.instanceId, { limit: 200, ...filters }, now);
  }

  async function identifiers(filters: Partial<KekFilters>): Promise<string[]> {
    return (await page(filters)).items.map((item) => item.uniqueIdentifier);
  }

  beforeAll(async () => {
    own = await world.instance();

    const days = (count: number) => new Date(now.getTime() - count * 86_400_000);
    const nameOf = (name: string) =>
      ({
        Name: [
          {
            i: 0,
            v: {
              t: "structure",
              v: [
                { tag: Tag.NameValue, value: { t: "text", v: name } },
                { tag: Tag.NameType, value: { t: "enumeration", v: 1 } },
              ],
            },
          },
        ],
      }) as const;
    const date = (name: string, when: Date) =>
      ({ [name]: [{ i: 0, v: { t: "dateTime", v: when.getTime() / 1_000 } }] }) as const;

    for (let index = 0; index < 40; index += 1) {
      const uniqueIdentifier = `kek-${String(index).padStart(2, "0")}`;
      const attributes = {
        ...(index % 4 === 0 ? {} : nameOf(`name ${index % 7}`)),
        ...custom("x-Product", index % 5 === 0 ? "100% vSphere_8" : "other"),
        ...(index === 1 ? date("Activation Date", days(1)) : {}),
        ...(index === 2 ? date("Activation Date", days(-1)) : {}),
        ...(index === 3 ? date("Deactivation Date", days(1)) : {}),
      };
      const state = index === 3 ? State.Active : index < 3 ? State.PreActive : State.Deactivated;

      await createKek(store, own, newObject({ uniqueIdentifier, attributes, state }));
      await world.test.database.pool.query(
        `UPDATE managed_object SET created_at = $2, last_served_at = $3, crk_version = $4
         WHERE unique_identifier = $1`,
        [
          uniqueIdentifier,
          days(200 - (index % 10)),
          index % 3 === 0 ? null : days(index * 3),
          index % 2 === 0 ? "v1" : "v2",
        ],
      );
    }
  });

  it("pages through every order without loss or repetition, whatever the size of a page", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<KekSort>("createdAt", "-createdAt", "lastServedAt", "name"),
        fc.integer({ min: 1, max: 45 }),
        fc.constantFrom(undefined, "v1"),
        async (sort, limit, crkVersion) => {
          const whole = await identifiers({ sort, crkVersion });
          const paged: string[] = [];
          let cursor: string | undefined;

          do {
            const { items, nextCursor } = await page({ sort, limit, cursor, crkVersion });

            expect(items.length).toBeLessThanOrEqual(limit);
            paged.push(...items.map((item) => item.uniqueIdentifier));
            cursor = nextCursor ?? undefined;
          } while (cursor);

          expect(paged).toEqual(whole);
          expect(whole).toHaveLength(crkVersion ? 20 : 40);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("orders as asked: never served first, nameless last, oldest or newest", async () => {
    const byUse = (await page({ sort: "lastServedAt" })).items.map((item) => item.lastServedAt);
    const firstServed = byUse.findIndex((at) => at !== null);

    expect(byUse.slice(firstServed).every((at) => at !== null)).toBe(true);
    expect(byUse.slice(firstServed).map(Number)).toEqual(
      byUse
        .slice(firstServed)
        .map(Number)
        .sort((a, b) => a - b),
    );
    expect(firstServed).toBe(14);

    const names = (await page({ sort: "name" })).items.map((item) => item.name);

    expect(names.slice(30)).toEqual(Array(10).fill(null));
    expect(names.slice(0, 30)).not.toContain(null);

    const ages = (await page({ sort: "createdAt" })).items.map((item) => item.createdAt.getTime());

    expect(ages).toEqual([...ages].sort((a, b) => a - b));
    expect(await identifiers({ sort: "-createdAt" })).toEqual(
      (await identifiers({ sort: "createdAt" })).reverse(),
    );
  });

  it("narrows by the state that dates have brought about", async () => {
    expect((await identifiers({ state: "preActive" })).sort()).toEqual(["kek-00", "kek-02"]);
    expect(await identifiers({ state: "active" })).toEqual(["kek-01"]);
    expect(await identifiers({ state: "deactivated" })).toHaveLength(37);
    expect(await identifiers({ state: "compromised" })).toEqual([]);

    for (const item of (await page({})).items) {
      expect(await identifiers({ state: item.state })).toContain(item.uniqueIdentifier);
    }
  });

  it("finds parts of identifier, name and custom attributes, and takes wildcards literally", async () => {
    expect(await identifiers({ search: "EK-07" })).toEqual(["kek-07"]);
    expect(await identifiers({ search: "100% vsphere_8" })).toHaveLength(8);
    expect(await identifiers({ search: "%" })).toHaveLength(8);
    expect(await identifiers({ search: "100_" })).toEqual([]);
    expect(await identifiers({ search: "name 3" })).toEqual(
      expect.arrayContaining(["kek-03", "kek-10", "kek-17"]),
    );
    expect(await identifiers({ search: "a\0'; DROP TABLE managed_object" })).toEqual([]);
  });

  it("narrows by use, certificate and CRK version", async () => {
    expect(await identifiers({ usage: "never" })).toHaveLength(14);
    expect(await identifiers({ usage: "recent" })).toHaveLength(
      [1, 2, 4, 5, 7, 8, 10].filter((index) => index * 3 <= 30).length,
    );
    expect((await identifiers({ usage: "unused30d" })).length).toBe(33);
    expect((await identifiers({ usage: "unused90d" })).length).toBeGreaterThan(14);
    expect(await identifiers({ certificateId: own.certificateId })).toHaveLength(40);
    expect(await identifiers({ certificateId: randomUUID() })).toEqual([]);
    expect(await identifiers({ crkVersion: "v2" })).toHaveLength(20);
  });

  it("refuses cursors of another list, order or shape", async () => {
    const { nextCursor } = await page({ sort: "name", limit: 5 });
    const cursor = nextCursor ?? "";

    expect(await codeOf(page({ sort: "createdAt", cursor }))).toBe("INVALID_CURSOR");
    expect(await codeOf(page({ cursor: "x" }))).toBe("INVALID_CURSOR");

    const forged = (values: unknown[]) => Buffer.from(JSON.stringify(values)).toString("base64url");

    expect(await codeOf(page({ sort: "createdAt", cursor: forged(["createdAt", 0, "soon", "k"]) }))).toBe(
      "INVALID_CURSOR",
    );
    expect(await codeOf(page({ sort: "name", cursor: forged(["name", 0, null, "k"]) }))).toBe(
      "INVALID_CURSOR",
    );
  });

  it("is the account's own, and hides what was never acknowledged", async () => {
    expect(await codeOf(page({}, actorOf(await addAccount(world.test.database))))).toBe("NOT_FOUND");

    const [first] = await identifiers({});

    await world.test.database.pool.query(
      "UPDATE managed_object SET storage = 'storing' WHERE unique_identifier = $1",
      [first],
    );
    expect(await identifiers({})).not.toContain(first);
    await world.test.database.pool.query(
      "UPDATE managed_object SET storage = 'stored' WHERE unique_identifier = $1",
      [first],
    );
  });

  it("shows a KEK in the words of the API", async () => {
    const { items } = await page({ search: "kek-05" });

    expect(items[0]).toMatchObject({
      objectType: "SymmetricKey",
      algorithm: "AES",
      length: 256,
      usage: ["Encrypt", "Decrypt"],
      attributes: { "x-Product": ["100% vSphere_8"] },
      createdByCertificate: { id: own.certificateId, name: expect.stringMatching(/^vcenter-/) },
      crkId: world.crkId,
    });
    expect((await countsOf(world, own)).keks).toBe(40);
  });
});
