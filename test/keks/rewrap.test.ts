import type pg from "pg";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { type ReconcileOptions, reconcileAll } from "@/lib/core/rewrap/reconcile";
import { type RewrapOptions, rewrapInstance } from "@/lib/core/rewrap/rewrap";
import type { DatabaseKeyStore } from "@/lib/core/serving/key-store";
import { destruction } from "@/lib/kmip/attributes/lifecycle";
import type { ManagedObject, Tenant } from "@/lib/kmip/ports";
import { State } from "@/lib/kmip/protocol/enumerations";
import type { Fault } from "@/test/support/fake-key-manager";
import { eventually, newObject } from "@/test/support/kek-fixtures";
import { afterChange, createKek, createWorld, type World } from "./world";

const world: World = await createWorld();
const { keyManager } = world;
const { pool } = world.test.database;
let store: DatabaseKeyStore;
let tenant: Tenant;

beforeEach(async () => {
  keyManager.faults.length = 0;
  keyManager.calls.length = 0;
  store ??= await world.endpoint();
  tenant = await world.instance();
});

afterAll(() => world.close());

const never = new Promise<void>(() => {});

type KekRow = {
  storage: string;
  keyId: string;
  crkId: string;
  version: string | null;
  revision: number;
};

async function rowOf({ uniqueIdentifier }: Pick<ManagedObject, "uniqueIdentifier">): Promise<KekRow> {
  const { rows } = await pool.query<KekRow>(
    `SELECT storage::text, key_manager_key_id AS "keyId", crk_id AS "crkId", crk_version AS version, revision
     FROM managed_object WHERE instance_id = $1 AND unique_identifier = $2`,
    [tenant.instanceId, uniqueIdentifier],
  );

  return rows[0] ?? { storage: "none", keyId: "", crkId: "", version: null, revision: 0 };
}

async function movesLeft(): Promise<number> {
  const { rowCount } = await pool.query("SELECT FROM kek_move WHERE instance_id = $1", [tenant.instanceId]);

  return rowCount ?? 0;
}

function rewrap(options: Partial<RewrapOptions> = {}) {
  return rewrapInstance(
    {
      database: world.test.database,
      logger: world.logger,
      clock: world.clock,
      openKeyManager: world.openKeyManager,
      perSecond: 100_000,
      ...options,
    },
    tenant.instanceId,
  );
}

function reconcile(options: Partial<ReconcileOptions> = {}) {
  return reconcileAll({
    database: world.test.database,
    logger: world.logger,
    clock: world.clock,
    openKeyManager: world.openKeyManager,
    olderThanSeconds: 0,
    settleSeconds: 0,
    ...options,
  });
}

async function materialOf(object: ManagedObject): Promise<Buffer> {
  const found = await store.find(tenant, object.uniqueIdentifier);

  if (!found) {
    throw new Error("The KEK is not there.");
  }

  return Buffer.from(await store.readMaterial(tenant, found));
}

/** One standard key is left of a KEK: the one that its row refers to, under the root key's latest version. */
async function expectMoved(object: ManagedObject, material: Buffer, version: string, crkId = world.crkId) {
  const row = await rowOf(object);

  expect(row).toMatchObject({ storage: "stored", crkId, version, revision: object.revision });
  expect(keyManager.live(object.uniqueIdentifier).map(({ id }) => id)).toEqual([row.keyId]);
  expect(await materialOf(object)).toEqual(material);
}

/** Nothing is left of a KEK's material, and everybody says so. */
async function expectDestroyed(object: ManagedObject) {
  expect(keyManager.live(object.uniqueIdentifier)).toEqual([]);
  expect((await rowOf(object)).storage).toBe("destroyed");
  await expect(store.readMaterial(tenant, object)).rejects.toMatchObject({ failure: "gone" });
}

/** A pool on which one named statement is the last thing that happens; its transaction ends with its process. */
function dyingPool(statement: string, when: "before" | "after", reached: () => void): pg.Pool {
  const dying = <Target extends pg.Pool | pg.PoolClient>(target: Target, end: () => Promise<void>): Target =>
    new Proxy(target, {
      get(inner, property) {
        if (property === "connect") {
          return async () => {
            const client = await pool.connect();

            return dying(client, async () => {
              await client.query("ROLLBACK");
              client.release();
            });
          };
        }

        if (property !== "query") {
          const value: unknown = Reflect.get(inner, property);

          return typeof value === "function" ? value.bind(inner) : value;
        }

        return async (query: pg.QueryConfig | string, values?: unknown[]) => {
          const dies = typeof query !== "string" && query.name === statement;
          const result = dies && when === "before" ? null : await inner.query(query, values);

          if (dies) {
            await end();
            reached();
            await never;
          }

          return result;
        };
      },
    });

  return dying(pool, async () => {});
}

/** Lets a rewrap run up to a call of the key manager, and go on from there. */
async function heldAt(fault: Pick<Fault, "call"> & { skip?: number; when?: "before" | "after" }) {
  let release: () => void = () => {};
  const hold = new Promise<void>((resolve) => {
    release = resolve;
  });
  const held: Fault = { ...fault, hold, times: 1 };

  keyManager.faults.push(held);

  const running = rewrap({ parallel: 1 });

  await eventually(() => held.times === 0, "the rewrap comes to the call");
  // The effect of a call that is held afterwards.
  await new Promise((resolve) => setTimeout(resolve, 5));

  return {
    async goOn() {
      release();

      return running;
    },
  };
}

describe("the rotation of a root key", () => {
  it("moves every KEK to the new version, with the same bytes, and leaves nothing of the old one", async () => {
    const keks = await Promise.all(Array.from({ length: 30 }, () => createKek(store, tenant)));
    const version = keyManager.rotate(world.crkId);

    expect(await rewrap()).toMatchObject({ moved: 30, failed: 0, remaining: 0 });

    for (const { object, material } of keks) {
      await expectMoved(object, material, version);
      expect(keyManager.live(object.uniqueIdentifier)[0]?.description).toMatch(
        new RegExp(`^Wrapped KEK of KMIP Console, instance ${tenant.instanceId}, copy [0-9a-f-]{36}$`),
      );
    }

    expect(await movesLeft()).toBe(0);
    expect(
      await world.test.database.prisma.instance.findUnique({ where: { id: tenant.instanceId } }),
    ).toMatchObject({
      crkVersion: version,
      rewrapError: null,
    });
    // The next one finds nothing to do.
    expect(await rewrap()).toMatchObject({ moved: 0, remaining: 0 });
  });

  it("is shared by any number of processes, and goes on while KEKs are read and made", async () => {
    const keks = await Promise.all(Array.from({ length: 60 }, () => createKek(store, tenant)));
    const other = await world.endpoint();
    let over = false;
    let reads = 0;
    const made: Awaited<ReturnType<typeof createKek>>[] = [];
    const readers = [store, other].map(async (endpoint) => {
      while (!over) {
        for (const { object, material } of keks) {
          expect(Buffer.from(await endpoint.readMaterial(tenant, object))).toEqual(material);
          reads += 1;
        }

        made.push(await createKek(endpoint, tenant));
      }
    });
    const version = keyManager.rotate(world.crkId);
    const reports = await Promise.all([rewrap(), rewrap(), rewrap()]);

    over = true;
    await Promise.all(readers);
    expect(reads).toBeGreaterThan(0);
    expect(reports.reduce((sum, { moved }) => sum + moved, 0)).toBeGreaterThanOrEqual(60);
    expect(reports.every(({ failed }) => failed === 0)).toBe(true);
    await rewrap();

    for (const { object, material } of [...keks, ...made]) {
      await expectMoved(object, material, version);
    }
  });

  it("only corrects the version where a row did not know it", async () => {
    const { object, material } = await createKek(store, tenant);
    const { version, keyId } = await rowOf(object);

    await pool.query("UPDATE managed_object SET crk_version = NULL WHERE instance_id = $1", [
      tenant.instanceId,
    ]);
    expect(await rewrap()).toMatchObject({ moved: 0, failed: 0, remaining: 0 });
    expect((await rowOf(object)).keyId).toBe(keyId);
    await expectMoved(object, material, version ?? "");
  });

  it("tells what keeps it from going on, and goes on when that is over", async () => {
    const { object, material } = await createKek(store, tenant);
    const version = keyManager.rotate(world.crkId);
    const root = keyManager.rootKeys.get(world.crkId);
    const errorOf = async () =>
      (await world.test.database.prisma.instance.findUniqueOrThrow({ where: { id: tenant.instanceId } }))
        .rewrapError;

    if (root) {
      root.state = "suspended";
    }
    expect(await rewrap()).toMatchObject({ moved: 0, remaining: 1 });
    expect(await errorOf()).toBe("CRK_DISABLED");

    if (root) {
      root.state = "active";
    }
    keyManager.faults.push({ call: "wrap", fail: "before", failure: "throttled" });
    expect(await rewrap()).toMatchObject({ moved: 0, failed: 1, remaining: 1 });
    expect(await errorOf()).toBe("KEY_MANAGER_THROTTLED");
    expect(await movesLeft()).toBe(0);

    expect(await rewrap()).toMatchObject({ moved: 1, remaining: 0 });
    expect(await errorOf()).toBeNull();
    await expectMoved(object, material, version);
  });

  it("passes over a KEK that cannot be unwrapped, and leaves it as it is", async () => {
    const keks = await Promise.all([
      createKek(store, tenant),
      createKek(store, tenant),
      createKek(store, tenant),
    ]);
    const [bad, ...good] = keks;
    const badKey = keyManager.standardKeys.get((await rowOf(bad.object)).keyId);

    if (badKey) {
      badKey.payload[badKey.payload.length - 1] = (badKey.payload.at(-1) ?? 0) ^ 1;
    }

    const version = keyManager.rotate(world.crkId);

    expect(await rewrap()).toMatchObject({ moved: 2, failed: 1, remaining: 1 });
    expect((await rowOf(bad.object)).keyId).toBe(badKey?.id);
    expect(badKey?.deleted).toBe(false);

    for (const { object, material } of good) {
      await expectMoved(object, material, version);
    }
  });
});

describe("another root key", () => {
  it("takes the KEKs over, and gives them back", async () => {
    const { object, material } = await createKek(store, tenant);
    const other = keyManager.addRootKey();
    const openOther = () => ({ keyManager, crkId: other, keyRing: null });
    const choose = (crkId: string) =>
      pool.query("UPDATE instance SET crk_id = $2, crk_version = NULL WHERE id = $1", [
        tenant.instanceId,
        crkId,
      ]);
    const versionOf = (id: string) => keyManager.rootKeys.get(id)?.versions.at(-1)?.id ?? "";

    await choose(other);
    expect(await rewrap({ openKeyManager: openOther })).toMatchObject({ moved: 1, remaining: 0 });
    await expectMoved(object, material, versionOf(other), other);

    await choose(world.crkId);
    expect(await rewrap()).toMatchObject({ moved: 1, remaining: 0 });
    await expectMoved(object, material, versionOf(world.crkId));
  });
});

describe("a process killed while it moves a KEK", () => {
  const calls: [string, Fault & { hold: Promise<void> }][] = [
    ["while it reads the old standard key", { call: "getStandardKey", hold: never }],
    ["while it unwraps it", { call: "unwrap", hold: never }],
    ["while it wraps it anew", { call: "wrap", hold: never }],
    ["while it checks the new wrap", { call: "unwrap", hold: never, skip: 1 }],
    ["before the new standard key exists", { call: "createStandardKey", hold: never }],
    ["after the new standard key exists", { call: "createStandardKey", hold: never, when: "after" }],
    ["while it reads the new standard key", { call: "getStandardKey", hold: never, skip: 1 }],
    ["while it looks for the old one after the switch", { call: "getStandardKey", hold: never, skip: 3 }],
    ["before the old standard key is deleted", { call: "deleteStandardKey", hold: never }],
    ["after the old standard key is deleted", { call: "deleteStandardKey", hold: never, when: "after" }],
  ];

  async function expectHealed(object: ManagedObject, material: Buffer, version: string) {
    expect(await materialOf(object)).toEqual(material);
    keyManager.faults.length = 0;
    expect(await reconcile()).toMatchObject({ failed: 0 });
    expect(keyManager.live(object.uniqueIdentifier)).toHaveLength(1);
    expect(await materialOf(object)).toEqual(material);
    expect(await movesLeft()).toBe(0);
    expect(await rewrap()).toMatchObject({ failed: 0, remaining: 0 });
    await expectMoved(object, material, version);
  }

  it.each(calls)(
    "%s leaves a KEK that is served, and nothing else after the reconciler",
    async (_name, fault) => {
      const { object, material } = await createKek(store, tenant);
      const version = keyManager.rotate(world.crkId);
      const held: Fault = { ...fault, times: 1 };

      keyManager.faults.push(held);
      void rewrap();
      await eventually(() => held.times === 0, "the rewrap hangs there");
      await new Promise((resolve) => setTimeout(resolve, 5));
      await expectHealed(object, material, version);
    },
  );

  it.each(
    ["keks-move-begin", "keks-move-switch", "keks-move-step", "keks-move-end"].flatMap((statement) =>
      (["before", "after"] as const).map((when) => [when, statement] as const),
    ),
  )("%s %s: likewise", async (when, statement) => {
    const { object, material } = await createKek(store, tenant);
    const version = keyManager.rotate(world.crkId);

    await new Promise<void>((resolve) => {
      void rewrap({ database: { pool: dyingPool(statement, when, resolve) } });
    });
    await expectHealed(object, material, version);
  });

  it("with a copy that was not answered and is not found for being turned away: the copy is not forgotten", async () => {
    const { object, material } = await createKek(store, tenant);
    const version = keyManager.rotate(world.crkId);
    keyManager.faults.push(
      { call: "createStandardKey", fail: "after", failure: "timeout" },
      { call: "findStandardKeys", fail: "before", failure: "throttled", times: 2 },
    );
    expect(await rewrap()).toMatchObject({ moved: 0 });
    await expectHealed(object, material, version);
  });

  it("and taken for dead only: it can no longer switch, and cleans up what it made", async () => {
    const { object, material } = await createKek(store, tenant);
    const version = keyManager.rotate(world.crkId);
    const slow = await heldAt({ call: "createStandardKey", when: "after" });

    // Long enough ago to be taken up, but not to be forgotten.
    await reconcile({ settleSeconds: 3_600 });
    expect(await rewrap()).toMatchObject({ moved: 1, remaining: 0 });
    await slow.goOn();
    await expectMoved(object, material, version);
    await reconcile();
    await expectMoved(object, material, version);
    expect(await movesLeft()).toBe(0);
  });
});

describe("a standard key that its owner deletes while it is moved", () => {
  const deleteKey = (id: string) => {
    const key = keyManager.standardKeys.get(id);

    if (key) {
      key.deleted = true;
    }
  };

  it.each([
    ["before it is read", { call: "getStandardKey" }],
    ["before the copy exists", { call: "createStandardKey" }],
    ["when the copy exists", { call: "createStandardKey", when: "after" }],
  ] as const)("%s: the KEK is destroyed, and no copy undoes that", async (_name, fault) => {
    const { object } = await createKek(store, tenant);
    const { keyId } = await rowOf(object);
    const told: string[] = [];

    keyManager.rotate(world.crkId);
    keyManager.faults.length = 0;

    const held = await heldAt({ ...fault });

    deleteKey(keyId);
    await held.goOn();
    await expectDestroyed(object);
    expect(await movesLeft()).toBe(0);
    expect(told).toEqual([]);
  });

  it("after the switch, before we delete it: likewise, and it is told", async () => {
    const { object } = await createKek(store, tenant);
    const { keyId } = await rowOf(object);
    const told: string[] = [];

    keyManager.rotate(world.crkId);
    await rewrap({
      audit: afterChange(async ({ kind, uniqueIdentifier }) => {
        if (kind === "moved") {
          deleteKey(keyId);
        } else {
          told.push(uniqueIdentifier);
        }
      }),
    });
    await expectDestroyed(object);
    expect(told).toEqual([object.uniqueIdentifier]);
  });

  it("after the switch, by a process that was killed there: the reconciler destroys it", async () => {
    const { object } = await createKek(store, tenant);
    const { keyId } = await rowOf(object);

    keyManager.rotate(world.crkId);
    await new Promise<void>((resolve) => {
      void rewrap({
        audit: afterChange(() => {
          resolve();

          return never;
        }),
      });
    });
    deleteKey(keyId);
    await reconcile();
    await expectDestroyed(object);
  });

  it("is never taken for revoked when another of our processes is deleting it", async () => {
    const { object, material } = await createKek(store, tenant);
    const version = keyManager.rotate(world.crkId);
    const slow = await heldAt({ call: "deleteStandardKey", when: "after" });

    expect(await reconcile()).toMatchObject({ failed: 0 });
    await slow.goOn();
    await expectMoved(object, material, version);
  });

  it("is left alone by the reconciler as long as the KEK's own cannot be read", async () => {
    const { object, material } = await createKek(store, tenant);
    const before = await rowOf(object);

    keyManager.rotate(world.crkId);
    await new Promise<void>((resolve) => {
      void rewrap({
        audit: afterChange(() => {
          resolve();

          return never;
        }),
      });
    });
    keyManager.faults.push({ call: "unwrap", fail: "before", failure: "serverError" });
    expect(await reconcile()).toMatchObject({ failed: 1 });
    expect(keyManager.standardKeys.get(before.keyId)?.deleted).toBe(false);
    expect(await reconcile()).toMatchObject({ failed: 0 });
    expect(keyManager.standardKeys.get(before.keyId)?.deleted).toBe(true);
    expect(await materialOf(object)).toEqual(material);
  });
});

describe("a KEK that is destroyed while it is moved", () => {
  const points: [string, Parameters<typeof heldAt>[0]][] = [
    ["before the copy exists", { call: "createStandardKey" }],
    ["when the copy exists", { call: "createStandardKey", when: "after" }],
    ["before the switch", { call: "getStandardKey", skip: 1 }],
    ["after the switch", { call: "getStandardKey", skip: 3 }],
    ["before the old standard key is deleted", { call: "deleteStandardKey" }],
  ];

  it.each(points)("%s leaves no copy behind", async (_name, point) => {
    const { object } = await createKek(store, tenant);

    keyManager.rotate(world.crkId);

    const held = await heldAt(point);
    const found = await store.find(tenant, object.uniqueIdentifier);

    if (!found) {
      throw new Error("The KEK is not there.");
    }

    await store.destroy(tenant, object.uniqueIdentifier, destruction(found, world.clock.now()));
    expect(await rowOf(object)).toMatchObject({ storage: "destroyed" });
    await held.goOn();
    await expectDestroyed(object);
    expect(await reconcile()).toMatchObject({ failed: 0 });
    await expectDestroyed(object);
    expect(await movesLeft()).toBe(0);
  });

  it.each(points)(
    "%s, by a process that is killed there: likewise after the reconciler",
    async (_name, point) => {
      const { object } = await createKek(store, tenant);

      keyManager.rotate(world.crkId);
      await heldAt(point);

      const found = await store.find(tenant, object.uniqueIdentifier);

      if (!found) {
        throw new Error("The KEK is not there.");
      }

      await store.destroy(tenant, object.uniqueIdentifier, destruction(found, world.clock.now()));
      expect(await reconcile()).toMatchObject({ failed: 0 });
      await expectDestroyed(object);
    },
  );

  it("stays whole if the key manager refuses, and can be moved again", async () => {
    const { object, material } = await createKek(store, tenant);
    const version = keyManager.rotate(world.crkId);
    const held = await heldAt({ call: "createStandardKey", when: "after" });
    const found = await store.find(tenant, object.uniqueIdentifier);

    if (!found) {
      throw new Error("The KEK is not there.");
    }

    // The copy may go, the KEK's own standard key may not.
    keyManager.faults.push({ call: "deleteStandardKey", fail: "before", failure: "rejected", skip: 1 });
    await expect(
      store.destroy(tenant, object.uniqueIdentifier, destruction(found, world.clock.now())),
    ).rejects.toMatchObject({ failure: "refused" });
    await held.goOn();
    await reconcile();
    expect(await materialOf(object)).toEqual(material);
    expect(await rewrap()).toMatchObject({ remaining: 0 });

    const row = await rowOf(object);

    expect(row).toMatchObject({ storage: "stored", version });
    expect(keyManager.live(object.uniqueIdentifier).map(({ id }) => id)).toEqual([row.keyId]);
    expect((await store.find(tenant, object.uniqueIdentifier))?.state).toBe(State.PreActive);
  });
});

describe("a KEK whose material is replaced while it is moved", () => {
  it("keeps what was put there", async () => {
    const { object } = await createKek(store, tenant);
    const version = keyManager.rotate(world.crkId);
    const held = await heldAt({ call: "createStandardKey", when: "after" });
    const found = await store.find(tenant, object.uniqueIdentifier);
    const replacement = Buffer.alloc(32, 7);

    if (!found) {
      throw new Error("The KEK is not there.");
    }

    await store.replace(tenant, found, newObject({ uniqueIdentifier: object.uniqueIdentifier }), replacement);
    await held.goOn();
    expect(await materialOf(object)).toEqual(replacement);
    expect(keyManager.live(object.uniqueIdentifier)).toEqual([]);

    // Its standard key is named after a row of its own; a move gives it the KEK's name.
    const next = keyManager.rotate(world.crkId);

    expect(next).not.toBe(version);
    expect(await rewrap()).toMatchObject({ moved: 1, remaining: 0 });
    expect(await materialOf(object)).toEqual(replacement);
    expect(keyManager.live(object.uniqueIdentifier).map(({ id }) => id)).toEqual([
      (await rowOf(object)).keyId,
    ]);
  });
});
