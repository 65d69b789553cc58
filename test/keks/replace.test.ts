import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ReconcileOptions, reconcileAll } from "@/lib/core/rewrap/reconcile";
import type { DatabaseKeyStore } from "@/lib/core/serving/key-store";
import { standardKeyMarks, standardKeyName } from "@/lib/core/serving/objects";
import { publishIn } from "@/lib/db";
import { changeOf, destruction } from "@/lib/kmip/attributes/lifecycle";
import { KeyStoreError, type ManagedObject, type NewManagedObject, type Tenant } from "@/lib/kmip/ports";
import { State } from "@/lib/kmip/protocol/enumerations";
import { custom, newObject } from "@/test/support/kek-fixtures";
import { countsOf, createKek, createWorld, type World } from "./world";

let world: World;
let store: DatabaseKeyStore;

beforeAll(async () => {
  world = await createWorld();
  store = await world.endpoint();
});

afterEach(() => {
  world.keyManager.faults.length = 0;
});

afterAll(() => world.close());

const never = new Promise<void>(() => {});

const failureOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: { failure?: string; message: string }) => error.failure ?? error.message,
  );

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

/** Rows of an instance: identifier and storage. */
async function rowsOf({ instanceId }: Tenant): Promise<Map<string, string>> {
  const { rows } = await world.test.database.pool.query<{ id: string; storage: string }>(
    "SELECT unique_identifier AS id, storage::text FROM managed_object WHERE instance_id = $1",
    [instanceId],
  );

  return new Map(rows.map(({ id, storage }) => [id, storage]));
}

async function located(tenant: Tenant, name: string, value: string): Promise<number> {
  let found = 0;

  for await (const _ of store.search(tenant, { terms: [{ name, value: `text:${value}` }] })) {
    found += 1;
  }

  return found;
}

/** The KEKs of an instance that are stored, each with a standard key that exists. */
async function expectStandardKeys(tenant: Tenant, count: number): Promise<void> {
  const { rows } = await world.test.database.pool.query<{ id: string }>(
    "SELECT key_manager_key_id AS id FROM managed_object WHERE instance_id = $1 AND storage = 'stored'",
    [tenant.instanceId],
  );

  expect(rows).toHaveLength(count);

  for (const { id } of rows) {
    expect(world.keyManager.standardKeys.get(id)?.deleted).toBe(false);
  }
}

/** The material of an object, which is looked up anew when it was replaced since. */
async function bytesOf(tenant: Tenant, object: ManagedObject, from = store): Promise<Buffer> {
  try {
    return Buffer.from(await from.readMaterial(tenant, object));
  } catch (error) {
    const current = await from.find(tenant, object.uniqueIdentifier);

    if (!(error instanceof KeyStoreError && error.failure === "conflict" && current)) {
      throw error;
    }

    return Buffer.from(await from.readMaterial(tenant, current));
  }
}

async function prepare(): Promise<{
  tenant: Tenant;
  object: ManagedObject;
  material: Buffer;
  standardKey: string;
  other: NewManagedObject;
}> {
  const tenant = await world.instance();
  const { object, material } = await createKek(
    store,
    tenant,
    newObject({ state: State.Active, attributes: { ...custom("x-Old", "1"), ...custom("x-Both", "3") } }),
  );
  const [key] = world.keyManager.live(object.uniqueIdentifier);
  const { uniqueIdentifier } = object;
  const other = {
    ...newObject({ uniqueIdentifier, attributes: { ...custom("x-New", "2"), ...custom("x-Both", "3") } }),
    objectType: 7,
    createdAt: new Date("2001-02-03T04:05:06Z"),
  };

  return { tenant, object, material, standardKey: key?.id ?? "", other };
}

const isLive = (standardKey: string) => world.keyManager.standardKeys.get(standardKey)?.deleted === false;

describe("an object that is replaced", () => {
  it("is the new one at once and everywhere, and nothing is left of the old one's material", async () => {
    const { tenant, object, standardKey, other } = await prepare();
    const elsewhere = await world.endpoint();
    const bytes = randomBytes(24);

    await elsewhere.find(tenant, object.uniqueIdentifier);

    const replaced = await store.replace(tenant, object, other, bytes);
    const found = await store.find(tenant, object.uniqueIdentifier);

    expect(found).toMatchObject({
      objectType: 7,
      state: State.PreActive,
      attributes: other.attributes,
      revision: object.revision + 1,
      createdAt: other.createdAt,
      served: true,
    });
    expect(replaced).toMatchObject({ revision: found?.revision, createdAt: found?.createdAt });
    expect(await bytesOf(tenant, replaced)).toEqual(bytes);
    expect(isLive(standardKey)).toBe(false);
    expect([...(await rowsOf(tenant))]).toEqual([[object.uniqueIdentifier, "stored"]]);
    expect(await countsOf(world, tenant)).toEqual({ keks: 1, active: 0 });
    await expectStandardKeys(tenant, 1);
    await expect
      .poll(async () => (await elsewhere.find(tenant, object.uniqueIdentifier))?.revision)
      .toBe(replaced.revision);
    expect(await bytesOf(tenant, replaced, elsewhere)).toEqual(bytes);

    expect(await located(tenant, "x-Old", "1")).toBe(0);
    expect(await located(tenant, "x-New", "2")).toBe(1);
    expect(await located(tenant, "x-Both", "3")).toBe(1);
  });

  it("is read by an endpoint that knows only the old row as yet", async () => {
    const { tenant, object, other } = await prepare();
    const elsewhere = await world.endpoint();
    const known = await elsewhere.find(tenant, object.uniqueIdentifier);
    const bytes = randomBytes(32);

    await store.replace(tenant, object, other, bytes);
    expect(known && (await bytesOf(tenant, known, elsewhere))).toEqual(bytes);
  });

  it("may have been destroyed before", async () => {
    const { tenant, object, other } = await prepare();
    const destroyed = await store.destroy(
      tenant,
      object.uniqueIdentifier,
      destruction(object, world.clock.now()),
    );
    const bytes = randomBytes(32);

    await store.replace(tenant, destroyed, other, bytes);
    expect(await bytesOf(tenant, destroyed)).toEqual(bytes);
    expect(await countsOf(world, tenant)).toEqual({ keks: 1, active: 0 });
    expect((await rowsOf(tenant)).size).toBe(1);
  });

  it("may be replaced again", async () => {
    const { tenant, object, other } = await prepare();
    let current = object;

    for (const bytes of [randomBytes(32), randomBytes(32), randomBytes(32)]) {
      current = await store.replace(tenant, current, other, bytes);
      expect(await bytesOf(tenant, current)).toEqual(bytes);
    }

    expect((await rowsOf(tenant)).size).toBe(1);
    await expectStandardKeys(tenant, 1);
  });

  it("stays as it was if somebody else changes it first", async () => {
    const { tenant, object, material, standardKey, other } = await prepare();
    const change = changeOf(object, world.clock.now(), State.Active, custom("x-Theirs", "3"));

    await store.update(tenant, object.uniqueIdentifier, change);
    expect(await failureOf(store.replace(tenant, object, other, randomBytes(32)))).toBe("conflict");

    const found = await store.find(tenant, object.uniqueIdentifier);

    expect(found).toMatchObject({ revision: 2, objectType: object.objectType });
    expect(found && (await bytesOf(tenant, found))).toEqual(material);
    expect(isLive(standardKey)).toBe(true);
    expect((await rowsOf(tenant)).size).toBe(1);
  });

  it.each([
    ["does not wrap", "wrap"],
    ["does not keep", "createStandardKey"],
  ] as const)("stays as it was if the key manager %s the new material", async (_name, call) => {
    const { tenant, object, material, other } = await prepare();

    world.keyManager.faults.push({ call, fail: "before", failure: "rejected" });
    expect(await failureOf(store.replace(tenant, object, other, randomBytes(32)))).toBe("refused");
    expect(await bytesOf(tenant, object)).toEqual(material);
    expect((await rowsOf(tenant)).size).toBe(1);
  });

  it("is replaced although the key manager does not delete what was there; the reconciler goes on with that", async () => {
    const { tenant, object, standardKey, other } = await prepare();
    const bytes = randomBytes(32);

    world.keyManager.faults.push({ call: "deleteStandardKey", fail: "before", failure: "unreachable" });
    await store.replace(tenant, object, other, bytes);
    expect(isLive(standardKey)).toBe(true);
    expect(await bytesOf(tenant, object)).toEqual(bytes);
    expect(await reconcile()).toMatchObject({ orphansRemoved: 1, failed: 0 });
    expect(isLive(standardKey)).toBe(false);
    expect([...(await rowsOf(tenant)).keys()]).toEqual([object.uniqueIdentifier]);
    expect(await bytesOf(tenant, object)).toEqual(bytes);
  });
});

describe("a process killed while it replaces an object", () => {
  it("before the new material is kept, or when it is: the old one is still there, alone", async () => {
    for (const when of ["before", "after"] as const) {
      const { tenant, object, material, standardKey, other } = await prepare();
      const calls = world.keyManager.count("createStandardKey");

      world.keyManager.faults.push({ call: "createStandardKey", hold: never, when });
      store.replace(tenant, object, other, randomBytes(32)).catch(() => {});
      await expect.poll(() => world.keyManager.count("createStandardKey")).toBe(calls + 1);

      expect(await bytesOf(tenant, object)).toEqual(material);
      await reconcile();
      expect(await bytesOf(tenant, object)).toEqual(material);
      expect(isLive(standardKey)).toBe(true);
      expect([...(await rowsOf(tenant)).keys()]).toEqual([object.uniqueIdentifier]);
      await expectStandardKeys(tenant, 1);
    }
  });

  it("before the old material is deleted: the new one is there, alone", async () => {
    const { tenant, object, standardKey, other } = await prepare();
    const bytes = randomBytes(32);
    const calls = world.keyManager.count("deleteStandardKey");

    world.keyManager.faults.push({ call: "deleteStandardKey", hold: never });
    store.replace(tenant, object, other, bytes).catch(() => {});
    await expect.poll(() => world.keyManager.count("deleteStandardKey")).toBe(calls + 1);

    const survivor = await world.endpoint();

    expect(await bytesOf(tenant, object, survivor)).toEqual(bytes);
    await reconcile();
    expect(await bytesOf(tenant, object, survivor)).toEqual(bytes);
    expect(isLive(standardKey)).toBe(false);
    expect([...(await rowsOf(tenant)).keys()]).toEqual([object.uniqueIdentifier]);
  });

  it("when all is done, of an object that was destroyed before: nothing takes the new material for a left-over", async () => {
    const { tenant, object, other } = await prepare();
    const destroyed = await store.destroy(
      tenant,
      object.uniqueIdentifier,
      destruction(object, world.clock.now()),
    );
    const { pool } = world.test.database;
    let reached: () => void = () => {};
    const ended = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const dying = await world.endpoint({
      database: {
        pool: new Proxy(pool, {
          get(target, property) {
            return property === "query"
              ? async (query: string, values?: unknown[]) => {
                  if (typeof query === "string" && query.startsWith("DELETE FROM managed_object")) {
                    reached();
                    await never;
                  }

                  return target.query(query, values);
                }
              : Reflect.get(target, property);
          },
        }),
      },
    });
    const bytes = randomBytes(32);

    dying.replace(tenant, destroyed, other, bytes).catch(() => {});
    await ended;
    await reconcile();
    expect(await bytesOf(tenant, destroyed)).toEqual(bytes);
    expect([...(await rowsOf(tenant)).keys()]).toEqual([object.uniqueIdentifier]);
  });

  it("or only slow: what the reconciler gave up does not replace anything", async () => {
    const { tenant, object, material, other } = await prepare();
    const transaction = store.begin(tenant);

    await transaction.replace(object, other, randomBytes(32));
    await reconcile({ settleSeconds: 3_600 });
    expect(await failureOf(transaction.commit([]))).toBe("unavailable");
    expect(await bytesOf(tenant, object)).toEqual(material);
    await reconcile();
    expect((await rowsOf(tenant)).size).toBe(1);
    await expectStandardKeys(tenant, 1);
  });
});

describe("a transaction that replaces an object", () => {
  it("leaves it as it was when it is given up", async () => {
    const { tenant, object, material, other } = await prepare();
    const transaction = store.begin(tenant);

    await transaction.replace(object, other, randomBytes(32));
    expect(await bytesOf(tenant, object)).toEqual(material);
    await transaction.rollback();
    expect(await bytesOf(tenant, object)).toEqual(material);
    expect((await rowsOf(tenant)).size).toBe(1);
    await expectStandardKeys(tenant, 1);
  });

  it("changes what it has put there", async () => {
    const { tenant, object, other } = await prepare();
    const transaction = store.begin(tenant);
    const bytes = randomBytes(32);
    const replaced = await transaction.replace(object, other, bytes);

    await transaction.commit([
      {
        uniqueIdentifier: object.uniqueIdentifier,
        change: changeOf(replaced, world.clock.now(), State.Active, custom("x-New", "changed")),
        destroys: false,
      },
    ]);

    const found = await store.find(tenant, object.uniqueIdentifier);

    expect(found).toMatchObject({ state: State.Active, revision: object.revision + 2 });
    expect(await bytesOf(tenant, object)).toEqual(bytes);
  });

  it("names it when it has to take the rest back", async () => {
    const { tenant, object, standardKey, other } = await prepare();
    const { object: doomed } = await createKek(store, tenant);
    const transaction = store.begin(tenant);
    const bytes = randomBytes(32);

    await transaction.replace(object, other, bytes);
    world.keyManager.faults.push({ call: "deleteStandardKey", fail: "before", failure: "rejected" });
    await expect(
      transaction.commit([
        {
          uniqueIdentifier: doomed.uniqueIdentifier,
          change: destruction(doomed, world.clock.now()),
          destroys: true,
        },
      ]),
    ).rejects.toMatchObject({
      failure: "refused",
      uniqueIdentifier: doomed.uniqueIdentifier,
      lasting: [object.uniqueIdentifier],
    });
    expect(await bytesOf(tenant, object)).toEqual(bytes);
    expect(isLive(standardKey)).toBe(false);
    expect(await store.find(tenant, doomed.uniqueIdentifier)).toMatchObject({ state: State.PreActive });
    expect((await rowsOf(tenant)).size).toBe(2);
  });
});

describe("identifiers that come from elsewhere", () => {
  const ODD = ["1", "a/b c", "Schlüssel".repeat(20), "x".repeat(255), "-dash", "a.b_c-1"];

  it.each(ODD)("%s is kept and found", async (uniqueIdentifier) => {
    const tenant = await world.instance();
    const createdAt = new Date("1999-12-31T23:59:59Z");
    const object = { ...newObject({ uniqueIdentifier }), createdAt };
    const bytes = randomBytes(32);

    expect((await store.create(tenant, object, bytes)).createdAt).toEqual(createdAt);

    const found = await store.find(tenant, uniqueIdentifier);

    expect(found?.createdAt).toEqual(createdAt);
    expect(found && (await bytesOf(tenant, found))).toEqual(bytes);

    const [standardKey] = world.keyManager.live(standardKeyName(uniqueIdentifier));

    expect(standardKey?.name).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{1,89}$/);
    await expectStandardKeys(tenant, 1);
  });

  it("are no two KEKs' standard key's name", () => {
    expect(new Set(ODD.map(standardKeyName)).size).toBe(ODD.length);
    // An identifier that looks like the name that another one has.
    expect(standardKeyName(standardKeyName("a/b c"))).not.toBe(standardKeyName("a/b c"));
    expect(standardKeyName("019a0000-0000-7000-8000-000000000002")).toBe(
      "019a0000-0000-7000-8000-000000000002",
    );
  });

  it("leave nothing if the creation is cut off, however long ago the object was made", async () => {
    const tenant = await world.instance();
    const object = {
      ...newObject({ uniqueIdentifier: "a/b c" }),
      createdAt: new Date("1999-12-31T23:59:59Z"),
    };
    const calls = world.keyManager.count("createStandardKey");

    world.keyManager.faults.push({ call: "createStandardKey", hold: never, when: "after" });
    store.create(tenant, object, randomBytes(32)).catch(() => {});
    await expect.poll(() => world.keyManager.count("createStandardKey")).toBe(calls + 1);
    // The row is as young as the request that may still be under way.
    await reconcile({ settleSeconds: 900 });
    expect((await rowsOf(tenant)).get("a/b c")).toBe("abandoned");
    expect(
      await world.keyManager.findStandardKeys(standardKeyMarks(tenant.instanceId, "a/b c"), {
        correlationId: "test",
      }),
    ).toEqual([]);
    // Until it is settled, nobody else may use the identifier.
    expect(await failureOf(store.create(tenant, object, randomBytes(32)))).toBe("conflict");
    await reconcile();
    expect((await rowsOf(tenant)).size).toBe(0);
    expect(await failureOf(store.create(tenant, object, randomBytes(32)))).toBe("none");
  });

  it("belong to one KEK of an instance", async () => {
    const tenant = await world.instance();
    const { object, material } = await createKek(store, tenant);
    const { uniqueIdentifier } = object;
    const again = () => store.create(tenant, newObject({ uniqueIdentifier }), randomBytes(32));

    expect(await failureOf(again())).toBe("exists");
    expect(await bytesOf(tenant, object)).toEqual(material);
    expect(world.keyManager.live(uniqueIdentifier)).toHaveLength(1);
    await store.destroy(tenant, uniqueIdentifier, destruction(object, world.clock.now()));
    expect(await failureOf(again())).toBe("exists");
    expect(
      await failureOf(store.create(await world.instance(), newObject({ uniqueIdentifier }), material)),
    ).toBe("none");
  });
});

describe("material that the key manager takes its time to give", () => {
  /** Holds the next read of a standard key. */
  function hold() {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });

    world.keyManager.faults.push({ call: "getStandardKey", hold: held, when: "after" });

    return { release, calls: world.keyManager.count("getStandardKey") };
  }

  const asked = ({ calls }: { calls: number }) =>
    expect.poll(() => world.keyManager.count("getStandardKey")).toBe(calls + 1);

  it("is not given to those who ask at another endpoint after it was replaced", async () => {
    const { tenant, object, other } = await prepare();
    const elsewhere = await world.endpoint();
    const held = hold();
    const early = failureOf(elsewhere.readMaterial(tenant, object));

    await asked(held);

    const bytes = randomBytes(24);
    const replaced = await store.replace(tenant, object, other, bytes);

    await expect
      .poll(async () => (await elsewhere.find(tenant, object.uniqueIdentifier))?.revision)
      .toBe(replaced.revision);

    const late = bytesOf(
      tenant,
      (await elsewhere.find(tenant, object.uniqueIdentifier)) ?? object,
      elsewhere,
    );

    held.release();
    expect(await late).toEqual(bytes);
    // The one who asked before gets nothing that is no more.
    expect(await early).toBe("conflict");
    expect(await bytesOf(tenant, replaced, elsewhere)).toEqual(bytes);
  });

  it("is not given as that of the object that it has replaced", async () => {
    const { tenant, object, other } = await prepare();
    const judged = await store.find(tenant, object.uniqueIdentifier);

    await store.replace(tenant, object, other, randomBytes(24));
    expect(judged && (await failureOf(store.readMaterial(tenant, judged)))).toBe("conflict");
  });

  it("does not leave when the KEK was blocked meanwhile", async () => {
    const { tenant, object } = await prepare();
    const held = hold();
    const read = failureOf(store.readMaterial(tenant, object));

    await asked(held);
    await world.test.database.pool.query(
      "UPDATE managed_object SET served = FALSE WHERE instance_id = $1 AND unique_identifier = $2",
      [tenant.instanceId, object.uniqueIdentifier],
    );
    await publishIn(world.test.database.pool, {
      type: "kek.changed",
      instanceId: tenant.instanceId,
      uniqueIdentifier: object.uniqueIdentifier,
    });
    await expect.poll(async () => (await store.find(tenant, object.uniqueIdentifier))?.served).toBe(false);
    held.release();
    expect(await read).toBe("refused");
  });
});
