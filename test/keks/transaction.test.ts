import { randomBytes } from "node:crypto";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ReconcileOptions, reconcileAll } from "@/lib/core/rewrap/reconcile";
import type { DatabaseKeyStore } from "@/lib/core/serving/key-store";
import { changeOf, destruction } from "@/lib/kmip/attributes/lifecycle";
import type { ManagedObject, Tenant, TransactionChange } from "@/lib/kmip/ports";
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

const activate = (object: ManagedObject, value = "new"): TransactionChange => ({
  uniqueIdentifier: object.uniqueIdentifier,
  change: changeOf(object, world.clock.now(), State.Active, custom("x-Note", value)),
  destroys: false,
});

const destroy = (object: ManagedObject): TransactionChange => ({
  uniqueIdentifier: object.uniqueIdentifier,
  change: destruction(object, world.clock.now()),
  destroys: true,
});

const located = async (tenant: Tenant, value: string): Promise<number> => {
  let found = 0;

  for await (const _ of store.search(tenant, { terms: [{ name: "x-Note", value: `text:${value}` }] })) {
    found += 1;
  }

  return found;
};

/** What became of a commit: nothing thrown, or the error's particulars. */
async function outcomeOf(commit: Promise<void>) {
  try {
    await commit;
  } catch (error) {
    const { failure, uniqueIdentifier, lasting, unknown } = error as {
      failure?: string;
      uniqueIdentifier?: string | null;
      lasting?: readonly string[];
      unknown?: boolean;
    };

    return { failure, uniqueIdentifier, lasting, unknown };
  }

  return "done";
}

async function storageOf(uniqueIdentifier: string): Promise<string | null> {
  const { rows } = await world.test.database.pool.query<{ storage: string }>(
    "SELECT storage::text FROM managed_object WHERE unique_identifier = $1",
    [uniqueIdentifier],
  );

  return rows[0]?.storage ?? null;
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

/** A pool whose transactions come to something else at COMMIT. */
function poolWith(atCommit: (client: pg.PoolClient) => Promise<unknown>): pg.Pool {
  const { pool } = world.test.database;

  return new Proxy(pool, {
    get(target, property) {
      if (property === "query") {
        return target.query.bind(target);
      }

      if (property !== "connect") {
        return Reflect.get(target, property);
      }

      return async () => {
        const client = await target.connect();

        return new Proxy(client, {
          get(inner, name) {
            const value: unknown = Reflect.get(inner, name);

            if (typeof value !== "function") {
              return value;
            }

            return name === "query"
              ? (...args: unknown[]) => (args[0] === "COMMIT" ? atCommit(inner) : value.apply(inner, args))
              : value.bind(inner);
          },
        });
      };
    },
  });
}

const endpointWith = (atCommit: (client: pg.PoolClient) => Promise<unknown>) =>
  world.endpoint({ database: { pool: poolWith(atCommit) } });

describe("a new KEK of a transaction", () => {
  it("exists for nobody before the commit, and whole after it", async () => {
    const tenant = await world.instance();
    const transaction = store.begin(tenant);
    const object = newObject({ attributes: custom("x-Note", "made") });
    const material = randomBytes(32);
    const made = await transaction.create(object, material);

    expect(made).toMatchObject({ uniqueIdentifier: object.uniqueIdentifier, revision: 1, served: true });
    expect(await store.find(tenant, object.uniqueIdentifier)).toBeNull();
    expect(await located(tenant, "made")).toBe(0);
    expect(await countsOf(world, tenant)).toEqual({ keks: 0, active: 0 });

    await transaction.commit([]);

    const found = await store.find(tenant, object.uniqueIdentifier);

    expect(found && Buffer.from(await store.readMaterial(tenant, found))).toEqual(material);
    expect(await located(tenant, "made")).toBe(1);
    expect(await countsOf(world, tenant)).toEqual({ keks: 1, active: 0 });
  });

  it("is changed, and even destroyed, in the same transaction", async () => {
    const tenant = await world.instance();
    const transaction = store.begin(tenant);
    const changed = await transaction.create(newObject(), randomBytes(32));
    const destroyed = await transaction.create(newObject(), randomBytes(32));

    await transaction.commit([activate(changed, "changed"), destroy(destroyed)]);

    expect(await store.find(tenant, changed.uniqueIdentifier)).toMatchObject({
      state: State.Active,
      revision: 2,
    });
    expect(await located(tenant, "changed")).toBe(1);
    expect(await store.find(tenant, destroyed.uniqueIdentifier)).toMatchObject({ state: State.Destroyed });
    expect(world.keyManager.live(destroyed.uniqueIdentifier)).toEqual([]);
    expect(await countsOf(world, tenant)).toEqual({ keks: 1, active: 1 });
  });

  it("leaves nothing when the transaction is given up", async () => {
    const tenant = await world.instance();
    const transaction = store.begin(tenant);
    const objects = [newObject(), newObject()];

    for (const object of objects) {
      await transaction.create(object, randomBytes(32));
    }

    await transaction.rollback();
    await transaction.rollback();

    for (const { uniqueIdentifier } of objects) {
      expect(await storageOf(uniqueIdentifier)).toBeNull();
      expect(world.keyManager.live(uniqueIdentifier)).toEqual([]);
    }
  });

  it("waits for the reconciler when it cannot be given up now", async () => {
    const tenant = await world.instance();
    const transaction = store.begin(tenant);
    const { uniqueIdentifier } = await transaction.create(newObject(), randomBytes(32));

    world.keyManager.faults.push({ call: "deleteStandardKey", fail: "before", failure: "unreachable" });
    await transaction.rollback();
    expect(await storageOf(uniqueIdentifier)).toBe("storing");
    expect(await reconcile()).toMatchObject({ abandoned: 1, orphansRemoved: 1 });
    expect(await storageOf(uniqueIdentifier)).toBeNull();
  });

  it("that the reconciler gave up meanwhile fails the commit", async () => {
    const tenant = await world.instance();
    const { object: other } = await createKek(store, tenant);
    const transaction = store.begin(tenant);
    const { uniqueIdentifier } = await transaction.create(newObject(), randomBytes(32));

    await reconcile({ settleSeconds: 3_600 });

    expect(await outcomeOf(transaction.commit([activate(other)]))).toMatchObject({
      failure: "unavailable",
      uniqueIdentifier,
      lasting: [],
    });
    expect(await store.find(tenant, other.uniqueIdentifier)).toMatchObject({ revision: 1 });
    await reconcile();
    expect(await storageOf(uniqueIdentifier)).toBeNull();
  });
});

describe("the changes of a transaction", () => {
  it("happen together, and other endpoints see them", async () => {
    const tenant = await world.instance();
    const other = await world.endpoint();
    const { object: one } = await createKek(store, tenant);
    const { object: two } = await createKek(store, tenant);

    await other.find(tenant, one.uniqueIdentifier);
    await store.begin(tenant).commit([activate(one), activate(two)]);

    for (const { uniqueIdentifier } of [one, two]) {
      expect(await store.find(tenant, uniqueIdentifier)).toMatchObject({ state: State.Active, revision: 2 });
    }

    await expect.poll(async () => (await other.find(tenant, one.uniqueIdentifier))?.state).toBe(State.Active);
    expect(await countsOf(world, tenant)).toEqual({ keks: 2, active: 2 });
  });

  it("do not happen when one of them conflicts, nor do the creations", async () => {
    const tenant = await world.instance();
    const { object: one } = await createKek(store, tenant);
    const { object: two } = await createKek(store, tenant);
    const transaction = store.begin(tenant);
    const made = await transaction.create(newObject(), randomBytes(32));
    const { change } = activate(two, "theirs");

    await store.update(tenant, two.uniqueIdentifier, change);

    expect(await outcomeOf(transaction.commit([activate(one), activate(two)]))).toMatchObject({
      failure: "conflict",
      uniqueIdentifier: two.uniqueIdentifier,
      lasting: [],
    });
    expect(await store.find(tenant, one.uniqueIdentifier)).toEqual(one);
    expect(await located(tenant, "new")).toBe(0);
    expect(await located(tenant, "theirs")).toBe(1);
    expect(await storageOf(made.uniqueIdentifier)).toBeNull();
    expect(world.keyManager.live(made.uniqueIdentifier)).toEqual([]);
    expect(await countsOf(world, tenant)).toEqual({ keks: 2, active: 1 });
  });

  it("leave out a mark that somebody else was faster than", async () => {
    const tenant = await world.instance();
    const { object: one } = await createKek(store, tenant);
    const { object: two } = await createKek(store, tenant);
    const mark = activate(one, "mark");

    await store.update(tenant, one.uniqueIdentifier, activate(one, "theirs").change);
    await store
      .begin(tenant)
      .commit([{ ...mark, change: { ...mark.change, incidental: true } }, activate(two, "ours")]);

    expect(await located(tenant, "mark")).toBe(0);
    expect(await located(tenant, "theirs")).toBe(1);
    expect(await located(tenant, "ours")).toBe(1);
  });

  it("belong to their instance alone", async () => {
    const tenant = await world.instance();
    const stranger = await world.instance();
    const { object } = await createKek(store, tenant);

    expect(await outcomeOf(store.begin(stranger).commit([activate(object)]))).toMatchObject({
      failure: "conflict",
    });
    expect(await store.find(tenant, object.uniqueIdentifier)).toEqual(object);
  });

  it("get in nobody's way for good: many at once, in any order, end or conflict", async () => {
    const tenant = await world.instance();
    const made = await Promise.all([1, 2, 3, 4].map(() => createKek(store, tenant)));
    const identifiers = made.map(({ object }) => object.uniqueIdentifier);
    const outcomes: unknown[] = [];

    // Every change moves the counts of the instance, whose row all transactions need as well.
    const toggle = async (uniqueIdentifier: string): Promise<TransactionChange> => {
      const object = await store.find(tenant, uniqueIdentifier);

      if (!object) {
        throw new Error("unreachable");
      }

      const state = object.state === State.Active ? State.PreActive : State.Active;
      const change = changeOf(object, world.clock.now(), state, object.attributes);

      return { uniqueIdentifier, change, destroys: false };
    };

    async function work(order: readonly string[]): Promise<void> {
      for (let round = 0; round < 12; round += 1) {
        const changes = await Promise.all(order.map(toggle));

        const outcome = await outcomeOf(store.begin(tenant).commit(changes));

        outcomes.push(outcome === "done" ? outcome : outcome.failure);
      }
    }

    await Promise.all([
      work(identifiers),
      work([...identifiers].reverse()),
      work(identifiers.slice(1, 3)),
      work(identifiers.slice(1, 3).reverse()),
    ]);

    expect(new Set(outcomes)).toEqual(new Set(["done", "conflict"]));

    const found = await Promise.all(identifiers.map((identifier) => store.find(tenant, identifier)));

    expect(await countsOf(world, tenant)).toEqual({
      keks: 4,
      active: found.filter((object) => object?.state === State.Active).length,
    });
  });
});

describe("the destructions of a transaction", () => {
  it("come last: the standard keys are deleted when all the rest is durable", async () => {
    const tenant = await world.instance();
    const { object: gone } = await createKek(store, tenant);
    const { object: kept } = await createKek(store, tenant);

    await store.begin(tenant).commit([destroy(gone), activate(kept)]);

    expect(await storageOf(gone.uniqueIdentifier)).toBe("destroyed");
    expect(world.keyManager.live(gone.uniqueIdentifier)).toEqual([]);
    expect(await store.find(tenant, gone.uniqueIdentifier)).toMatchObject({ state: State.Destroyed });
    await expect(store.readMaterial(tenant, gone)).rejects.toMatchObject({ failure: "gone" });
  });

  it.each(["rejected", "timeout"] as const)(
    "take everything back when the key manager does not do them (%s)",
    async (failure) => {
      const tenant = await world.instance();
      const { object: doomed, material } = await createKek(
        store,
        tenant,
        newObject({ state: State.Deactivated }),
      );
      const { object: changed } = await createKek(
        store,
        tenant,
        newObject({ attributes: custom("x-Note", "before") }),
      );
      const transaction = store.begin(tenant);
      const made = await transaction.create(
        newObject({ attributes: custom("x-Note", "made") }),
        randomBytes(32),
      );

      world.keyManager.faults.push({ call: "deleteStandardKey", fail: "before", failure });

      expect(await outcomeOf(transaction.commit([destroy(doomed), activate(changed)]))).toMatchObject({
        failure: failure === "rejected" ? "refused" : "unavailable",
        uniqueIdentifier: doomed.uniqueIdentifier,
        lasting: [],
      });

      const back = await store.find(tenant, doomed.uniqueIdentifier);

      expect(back).toMatchObject({ state: State.Deactivated, attributes: doomed.attributes });
      expect(back && Buffer.from(await store.readMaterial(tenant, back))).toEqual(material);
      expect(await store.find(tenant, changed.uniqueIdentifier)).toMatchObject({
        state: State.PreActive,
        attributes: changed.attributes,
      });
      expect([
        await located(tenant, "before"),
        await located(tenant, "new"),
        await located(tenant, "made"),
      ]).toEqual([1, 0, 0]);
      expect(await store.find(tenant, made.uniqueIdentifier)).toBeNull();
      expect(await storageOf(made.uniqueIdentifier)).toBeNull();
      expect(world.keyManager.live(made.uniqueIdentifier)).toEqual([]);
      expect(await countsOf(world, tenant)).toEqual({ keks: 2, active: 0 });
      await reconcile();
      expect(await storageOf(doomed.uniqueIdentifier)).toBe("stored");
    },
  );

  it("name what is deleted already and stays so", async () => {
    const tenant = await world.instance();
    const { object: first } = await createKek(store, tenant);
    const { object: second } = await createKek(store, tenant);
    const deleteStandardKey = world.keyManager.deleteStandardKey.bind(world.keyManager);
    let calls = 0;

    world.keyManager.deleteStandardKey = (...args) => {
      calls += 1;

      if (calls === 2) {
        world.keyManager.faults.push({ call: "deleteStandardKey", fail: "before", failure: "rejected" });
      }

      return deleteStandardKey(...args);
    };

    const outcome = await outcomeOf(store.begin(tenant).commit([destroy(first), destroy(second)]));

    world.keyManager.deleteStandardKey = deleteStandardKey;
    expect(outcome).toMatchObject({
      failure: "refused",
      uniqueIdentifier: second.uniqueIdentifier,
      lasting: [first.uniqueIdentifier],
    });
    expect(await storageOf(first.uniqueIdentifier)).toBe("destroyed");
    expect(await storageOf(second.uniqueIdentifier)).toBe("stored");
  });

  it("name what others have changed since and keep their change", async () => {
    const tenant = await world.instance();
    const { object: doomed } = await createKek(store, tenant);
    const { object: changed } = await createKek(store, tenant);
    let release: () => void = () => {};
    const hold = new Promise<void>((resolve) => {
      release = resolve;
    });
    const deleteStandardKey = world.keyManager.deleteStandardKey.bind(world.keyManager);

    world.keyManager.deleteStandardKey = async (...args) => {
      await hold;
      world.keyManager.faults.push({ call: "deleteStandardKey", fail: "before", failure: "rejected" });

      return deleteStandardKey(...args);
    };

    const outcome = outcomeOf(store.begin(tenant).commit([destroy(doomed), activate(changed)]));

    await expect.poll(() => storageOf(doomed.uniqueIdentifier)).toBe("destroying");

    const now = await store.find(tenant, changed.uniqueIdentifier);

    expect(now?.state).toBe(State.Active);
    await store.update(
      tenant,
      changed.uniqueIdentifier,
      changeOf(now ?? changed, world.clock.now(), State.Active, custom("x-Note", "theirs")),
    );
    release();

    expect(await outcome).toMatchObject({ lasting: [changed.uniqueIdentifier] });
    world.keyManager.deleteStandardKey = deleteStandardKey;
    expect(await located(tenant, "theirs")).toBe(1);
    expect(await storageOf(doomed.uniqueIdentifier)).toBe("stored");
  });
});

describe("a process killed during a transaction", () => {
  async function killedAtCommit(when: "before" | "after") {
    const tenant = await world.instance();
    const { object: doomed, material } = await createKek(store, tenant);
    let reached = false;
    const dying = await endpointWith(async (client) => {
      if (when === "after") {
        await client.query("COMMIT");
      } else {
        await client.query("ROLLBACK");
      }

      client.release(true);
      reached = true;

      return never;
    });
    const transaction = dying.begin(tenant);
    const made = await transaction.create(newObject(), randomBytes(32));

    transaction.commit([destroy(doomed)]).catch(() => {});
    await expect.poll(() => reached).toBe(true);

    return { tenant, doomed, made, material };
  }

  it("before the commit has changed nothing, and the reconciler removes what was new", async () => {
    const { tenant, doomed, made, material } = await killedAtCommit("before");

    await reconcile();
    expect(await storageOf(made.uniqueIdentifier)).toBeNull();
    expect(world.keyManager.live(made.uniqueIdentifier)).toEqual([]);
    expect(Buffer.from(await store.readMaterial(tenant, doomed))).toEqual(material);
  });

  it("after the commit has changed everything, and the reconciler finishes the destruction", async () => {
    const { tenant, doomed, made } = await killedAtCommit("after");

    await reconcile();
    expect(await storageOf(made.uniqueIdentifier)).toBe("stored");
    expect(await store.find(tenant, doomed.uniqueIdentifier)).toMatchObject({ state: State.Destroyed });
    expect(world.keyManager.live(doomed.uniqueIdentifier)).toEqual([]);
  });
});

describe("a commit without an answer", () => {
  const lost = () => new Error("Connection terminated unexpectedly");

  it("is looked up: done is done", async () => {
    const tenant = await world.instance();
    const { object } = await createKek(store, tenant);
    const endpoint = await endpointWith(async (client) => {
      await client.query("COMMIT");
      throw lost();
    });
    const transaction = endpoint.begin(tenant);
    const made = await transaction.create(newObject(), randomBytes(32));

    expect(await outcomeOf(transaction.commit([activate(object)]))).toBe("done");
    expect(await storageOf(made.uniqueIdentifier)).toBe("stored");
  });

  it("is looked up: what was not done is given up", async () => {
    const tenant = await world.instance();
    const { object } = await createKek(store, tenant);
    const endpoint = await endpointWith(async (client) => {
      await client.query("ROLLBACK");
      throw lost();
    });
    const transaction = endpoint.begin(tenant);
    const made = await transaction.create(newObject(), randomBytes(32));

    expect(await outcomeOf(transaction.commit([activate(object)]))).not.toBe("done");
    expect(await storageOf(made.uniqueIdentifier)).toBeNull();
    expect(await store.find(tenant, object.uniqueIdentifier)).toEqual(object);
  });

  it("that cannot be looked up is said to be unknown, and nothing of it is touched", async () => {
    const tenant = await world.instance();
    const { object, material } = await createKek(store, tenant);
    // Neither done nor given up: the database has it in progress as long as it is asked.
    const endpoint = await endpointWith(async () => {
      throw lost();
    });
    const transaction = endpoint.begin(tenant);
    const made = await transaction.create(newObject(), randomBytes(32));
    const outcome = await outcomeOf(transaction.commit([destroy(object)]));

    expect(outcome).toMatchObject({ failure: "unavailable", unknown: true, lasting: [] });
    expect(world.keyManager.live(made.uniqueIdentifier)).toHaveLength(1);
    expect(Buffer.from(await store.readMaterial(tenant, object))).toEqual(material);
  });
});
