import { randomBytes } from "node:crypto";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ReconcileOptions, reconcileAll, reconcileInstance } from "@/lib/core/rewrap/reconcile";
import type { DatabaseKeyStore } from "@/lib/core/serving/key-store";
import { destruction } from "@/lib/kmip/attributes/lifecycle";
import type { NewManagedObject, Tenant } from "@/lib/kmip/ports";
import { State } from "@/lib/kmip/protocol/enumerations";
import type { Fault } from "@/test/support/fake-key-manager";
import { newObject } from "@/test/support/kek-fixtures";
import { afterChange, countsOf, createKek, createWorld, type World } from "./world";

let world: World;
let store: DatabaseKeyStore;
let tenant: Tenant;

beforeAll(async () => {
  world = await createWorld();
  store = await world.endpoint();
  tenant = await world.instance();
});

afterEach(() => {
  world.keyManager.faults.length = 0;
});

afterAll(() => world.close());

const never = new Promise<void>(() => {});

/** Starts a call whose process is "killed": the fault never lets go. Resolves when the call hangs there. */
async function killedIn(fault: Fault, run: () => Promise<unknown>): Promise<void> {
  const before = world.keyManager.calls.length;

  world.keyManager.faults.push(fault);
  run().catch(() => {});

  for (;;) {
    if (world.keyManager.calls.slice(before).includes(fault.call)) {
      return;
    }

    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Statements are known by their name, or, those that are not prepared, by a comment. */
const isStatement = ({ name, text }: pg.QueryConfig, statement: string): boolean =>
  name === statement || text.includes(`/* ${statement} */`);

/** A pool on which one named statement is the last thing that happens. */
function dyingPool(statement: string, when: "before" | "after"): pg.Pool {
  const { pool } = world.test.database;

  return new Proxy(pool, {
    get(target, property) {
      if (property !== "query") {
        return Reflect.get(target, property);
      }

      return async (query: pg.QueryConfig | string, values?: unknown[]) => {
        const dies = typeof query !== "string" && isStatement(query, statement);

        if (dies && when === "before") {
          return never;
        }

        const result = await target.query(query, values);

        return dies ? never : result;
      };
    },
  });
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

async function rowOf(uniqueIdentifier: string) {
  const { rows } = await world.test.database.pool.query<{ storage: string; state: number }>(
    "SELECT storage::text, state FROM managed_object WHERE unique_identifier = $1",
    [uniqueIdentifier],
  );

  return rows[0] ?? null;
}

/** What must hold of a Create that nobody was told of, once the reconciler has run. */
async function expectNoTrace(object: NewManagedObject): Promise<void> {
  expect(await store.find(tenant, object.uniqueIdentifier)).toBeNull();
  expect(await rowOf(object.uniqueIdentifier)).toBeNull();
  expect(world.keyManager.live(object.uniqueIdentifier)).toEqual([]);
  expect((await countsOf(world, tenant)).keks).toBe(0);
}

describe("a process killed during Create", () => {
  const create = (object: NewManagedObject) => () => store.create(tenant, object, randomBytes(32));

  it.each([
    ["while the KEK is wrapped", { call: "wrap", hold: never }],
    ["before its standard key exists", { call: "createStandardKey", hold: never }],
    ["after its standard key exists", { call: "createStandardKey", hold: never, when: "after" }],
  ] as const)("%s leaves nothing", async (_name, fault) => {
    const object = newObject();

    await killedIn({ ...fault }, create(object));
    expect(await store.find(tenant, object.uniqueIdentifier)).toBeNull();
    await reconcile();
    await expectNoTrace(object);
  });

  it("before the last statement leaves nothing", async () => {
    const object = newObject();
    const dying = await world.endpoint({ database: { pool: dyingPool("keks-stored", "before") } });

    dying.create(tenant, object, randomBytes(32)).catch(() => {});
    while (world.keyManager.live(object.uniqueIdentifier).length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }

    const report = await reconcile();

    expect(report).toMatchObject({ abandoned: 1, orphansRemoved: 1, failed: 0 });
    await expectNoTrace(object);
  });

  it("after the last statement leaves a whole KEK, which the reconciler does not touch", async () => {
    const own = await world.instance();
    const object = newObject();
    const material = randomBytes(32);
    const dying = await world.endpoint({ database: { pool: dyingPool("keks-stored", "after") } });

    dying.create(own, object, material).catch(() => {});
    while ((await rowOf(object.uniqueIdentifier))?.storage !== "stored") {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }

    world.clock.advance(3_600_000);
    expect(await reconcile()).toMatchObject({ abandoned: 0, orphansRemoved: 0 });

    const found = await store.find(own, object.uniqueIdentifier);

    expect(found && Buffer.from(await store.readMaterial(own, found))).toEqual(material);
  });
});

describe("a Create without an answer", () => {
  it("takes the standard key that came into being all the same", async () => {
    const own = await world.instance();

    world.keyManager.faults.push({ call: "createStandardKey", fail: "after" });

    const { object, material } = await createKek(store, own);

    expect(world.keyManager.live(object.uniqueIdentifier)).toHaveLength(1);
    expect(Buffer.from(await store.readMaterial(own, object))).toEqual(material);
  });

  it.each([
    ["did not take effect", [{ call: "createStandardKey", fail: "before" }]],
    [
      "cannot be looked up either",
      [
        { call: "createStandardKey", fail: "after" },
        { call: "findStandardKeys", fail: "before", failure: "unreachable" },
      ],
    ],
  ] as const)("fails as unavailable when it %s, and leaves nothing for long", async (_name, faults) => {
    const object = newObject();

    world.keyManager.faults.push(...faults.map((fault) => ({ ...fault }) as Fault));
    await expect(store.create(tenant, object, randomBytes(32))).rejects.toMatchObject({
      failure: "unavailable",
    });
    await reconcile();
    await expectNoTrace(object);
  });

  it("acknowledges when only the answer to the last statement was lost", async () => {
    const own = await world.instance();
    const { pool } = world.test.database;
    const losing = new Proxy(pool, {
      get(target, property) {
        return property === "query"
          ? async (query: pg.QueryConfig | string, values?: unknown[]) => {
              const result = await target.query(query, values);

              if (typeof query !== "string" && isStatement(query, "keks-stored")) {
                throw new Error("Connection terminated unexpectedly");
              }

              return result;
            }
          : Reflect.get(target, property);
      },
    });
    const endpoint = await world.endpoint({ database: { pool: losing } });
    const { object, material } = await createKek(endpoint, own);

    expect(Buffer.from(await store.readMaterial(own, object))).toEqual(material);
  });
});

describe("a Create whose connection to the database breaks before the last statement is answered", () => {
  it("is not told of, and does not come into being when that statement gets through after all", async () => {
    const own = await world.instance();
    const object = newObject();
    const { pool } = world.test.database;
    let late: (() => Promise<unknown>) | null = null;
    const losing = new Proxy(pool, {
      get(target, property) {
        return property === "query"
          ? async (query: pg.QueryConfig | string, values?: unknown[]) => {
              if (typeof query !== "string" && isStatement(query, "keks-stored")) {
                late = () => target.query(query, values);
                throw new Error("Connection terminated unexpectedly");
              }

              return target.query(query, values);
            }
          : Reflect.get(target, property);
      },
    });
    const endpoint = await world.endpoint({ database: { pool: losing } });

    await expect(endpoint.create(own, object, randomBytes(32))).rejects.toMatchObject({
      failure: "unavailable",
    });
    await (late as (() => Promise<unknown>) | null)?.();
    expect(await store.find(own, object.uniqueIdentifier)).toBeNull();
    expect(world.keyManager.live(object.uniqueIdentifier)).toEqual([]);
    await reconcile();
    expect(await rowOf(object.uniqueIdentifier)).toBeNull();
  });
});

describe("the reconciler beside a slow Create that lives", () => {
  it.each(["before", "after"] as const)(
    "makes it fail instead of acknowledging (standard key made %s)",
    async (when) => {
      let release: () => void = () => {};
      const hold = new Promise<void>((resolve) => {
        release = resolve;
      });
      const object = newObject();
      const outcome = store.create(tenant, object, randomBytes(32)).then(
        () => "acknowledged",
        (error: { failure?: string }) => error.failure,
      );

      world.keyManager.faults.push({ call: "createStandardKey", hold, when });
      while (!world.keyManager.calls.includes("createStandardKey")) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      while ((await rowOf(object.uniqueIdentifier)) === null) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }

      // Long ago by age, but not long enough ago to forget the name.
      await reconcile({ settleSeconds: 3_600 });
      expect((await rowOf(object.uniqueIdentifier))?.storage).toBe("abandoned");
      release();

      expect(await outcome).toBe("unavailable");
      // It cleans up after itself; the reconciler only has the row left.
      expect(world.keyManager.live(object.uniqueIdentifier)).toEqual([]);
      await reconcile();
      await expectNoTrace(object);
    },
  );

  it("leaves it alone as long as it is young", async () => {
    let release: () => void = () => {};
    const hold = new Promise<void>((resolve) => {
      release = resolve;
    });
    const own = await world.instance();
    const object = newObject();

    world.keyManager.faults.push({ call: "createStandardKey", hold });

    const created = store.create(own, object, randomBytes(32));

    while ((await rowOf(object.uniqueIdentifier)) === null) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }

    expect(await reconcile({ olderThanSeconds: 60 })).toMatchObject({ abandoned: 0 });
    release();
    expect((await created).uniqueIdentifier).toBe(object.uniqueIdentifier);
  });
});

describe("a process killed during Destroy", () => {
  it.each([
    ["before the standard key is deleted", { call: "deleteStandardKey", hold: never }],
    ["after the standard key is deleted", { call: "deleteStandardKey", hold: never, when: "after" }],
  ] as const)("%s: nobody serves the KEK, and the reconciler finishes", async (_name, fault) => {
    const own = await world.instance();
    const { object } = await createKek(store, own);

    await killedIn({ ...fault }, () =>
      store.destroy(own, object.uniqueIdentifier, destruction(object, world.clock.now())),
    );

    const other = await world.endpoint();

    expect(await other.find(own, object.uniqueIdentifier)).toMatchObject({ state: State.Destroyed });
    await expect(other.readMaterial(own, object)).rejects.toMatchObject({ failure: "gone" });

    world.clock.advance(1_000);
    expect(await reconcile()).toMatchObject({ destroyed: 1, failed: 0 });
    expect(await rowOf(object.uniqueIdentifier)).toMatchObject({ storage: "destroyed" });
    expect(world.keyManager.live(object.uniqueIdentifier)).toEqual([]);
    expect(await reconcile()).toMatchObject({ destroyed: 0 });
  });

  it("without an answer is unavailable, and the reconciler finishes", async () => {
    const own = await world.instance();
    const { object } = await createKek(store, own);

    world.keyManager.faults.push({ call: "deleteStandardKey", fail: "before" });
    await expect(
      store.destroy(own, object.uniqueIdentifier, destruction(object, world.clock.now())),
    ).rejects.toMatchObject({ failure: "unavailable" });
    expect(await reconcile()).toMatchObject({ destroyed: 1 });
    expect(await countsOf(world, own)).toEqual({ keks: 0, active: 0 });
  });
});

describe("the reconciler", () => {
  it("tries again what the key manager did not let it settle, and may run many times at once", async () => {
    const own = await world.instance();
    const objects = Array.from({ length: 5 }, () => newObject());

    for (const object of objects) {
      await killedIn({ call: "createStandardKey", hold: never, when: "after" }, () =>
        store.create(own, object, randomBytes(32)),
      );
    }

    world.keyManager.faults.push({
      call: "findStandardKeys",
      fail: "before",
      failure: "unreachable",
      times: 5,
    });
    expect(await reconcile()).toMatchObject({ abandoned: 5, failed: 5 });

    const told: string[] = [];
    const reports = await Promise.all(
      [1, 2, 3].map(() =>
        reconcile({
          audit: afterChange(async ({ kind, accountId, uniqueIdentifier }) => {
            expect(kind).toBe("orphanRemoved");
            expect(accountId).toBe(world.accountId);
            told.push(uniqueIdentifier);
          }),
        }),
      ),
    );

    expect(reports.every((report) => report.failed === 0)).toBe(true);
    expect(new Set(told)).toEqual(new Set(objects.map((object) => object.uniqueIdentifier)));

    for (const object of objects) {
      expect(world.keyManager.live(object.uniqueIdentifier)).toEqual([]);
      expect(await rowOf(object.uniqueIdentifier)).toBeNull();
    }
  });

  it("that is slow does not delete what a client imported under the same identifier meanwhile", async () => {
    const own = await world.instance();
    const object = newObject();
    let release: () => void = () => {};
    const hold = new Promise<void>((resolve) => {
      release = resolve;
    });

    await killedIn({ call: "createStandardKey", hold: never }, () =>
      store.create(own, object, randomBytes(32)),
    );

    const before = world.keyManager.calls.length;

    world.keyManager.faults.push({ call: "findStandardKeys", hold });

    const slow = reconcile();

    while (!world.keyManager.calls.slice(before).includes("findStandardKeys")) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }

    // Another worker takes over and settles it; the identifier is free again, and taken.
    world.clock.advance(1_000);
    expect(await reconcile()).toMatchObject({ failed: 0 });
    expect(await rowOf(object.uniqueIdentifier)).toBeNull();

    const material = randomBytes(32);
    const copy = Buffer.from(material);
    const kept = await store.create(own, object, material);

    release();
    expect(await slow).toMatchObject({ orphansRemoved: 0 });
    expect(Buffer.from(await store.readMaterial(own, kept))).toEqual(copy);
  });

  it("knows no instance that was removed", async () => {
    expect(
      await reconcileInstance(
        { database: world.test.database, logger: world.logger },
        "019a0000-0000-7000-8000-00000000dead",
      ),
    ).toEqual({ abandoned: 0, orphansRemoved: 0, destroyed: 0, moves: 0, failed: 0 });
  });
});
