import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DatabaseKeyStore } from "@/lib/core/serving/key-store";
import { changeOf, destruction } from "@/lib/kmip/attributes/lifecycle";
import { KeyStoreError, type KeyStoreFailure, type ObjectQuery, type Tenant } from "@/lib/kmip/ports";
import { State } from "@/lib/kmip/protocol/enumerations";
import { custom, newObject } from "@/test/support/kek-fixtures";
import { countsOf, createKek, createWorld, type World } from "./world";

let world: World;
let store: DatabaseKeyStore;
let tenant: Tenant;

beforeAll(async () => {
  world = await createWorld();
  store = await world.endpoint();
  tenant = await world.instance();
});

afterAll(() => world.close());

async function failureOf(promise: Promise<unknown>): Promise<KeyStoreFailure | "none"> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof KeyStoreError) {
      return error.failure;
    }

    throw error;
  }

  return "none";
}

async function located(query: Partial<ObjectQuery>, who = tenant): Promise<string[]> {
  const found: string[] = [];

  for await (const object of store.search(who, { terms: [], ...query })) {
    found.push(object.uniqueIdentifier);
  }

  return found;
}

describe("a KEK that is created", () => {
  it("is found with its attributes and read with its bytes", async () => {
    const attributes = custom("x-Product", "VMware vSphere");
    const { object, material } = await createKek(store, tenant, newObject({ attributes }));

    expect(object).toMatchObject({ state: State.PreActive, served: true, revision: 1, attributes });
    expect(await store.find(tenant, object.uniqueIdentifier)).toEqual(object);
    expect(Buffer.from(await store.readMaterial(tenant, object))).toEqual(material);
  });

  it("is kept in the key manager alone, wrapped, under its identifier", async () => {
    const { object, material } = await createKek(store, tenant);
    const [standardKey] = world.keyManager.live(object.uniqueIdentifier);

    expect(standardKey?.payload.includes(material)).toBe(false);

    const { rows } = await world.test.database.pool.query<{ text: string }>(
      "SELECT row_to_json(o)::text AS text FROM managed_object o",
    );
    const dump = rows.map((row) => row.text).join("\n");

    for (const form of ["hex", "base64"] as const) {
      expect(dump).not.toContain(material.toString(form));
    }
  });

  it("hands out copies: zeroing one does not touch the next", async () => {
    const { object, material } = await createKek(store, tenant);
    const first = await store.readMaterial(tenant, object);

    first.fill(0);
    expect(Buffer.from(await store.readMaterial(tenant, object))).toEqual(material);
  });

  it("belongs to its instance alone", async () => {
    const other = await world.instance();
    const { object } = await createKek(store, tenant);

    expect(await store.find(other, object.uniqueIdentifier)).toBeNull();
    expect(await failureOf(store.readMaterial(other, object))).toBe("gone");
    expect(await located({}, other)).toEqual([]);
    expect(
      await failureOf(
        store.update(other, object.uniqueIdentifier, changeOf(object, new Date(), State.Active, {})),
      ),
    ).toBe("conflict");
    expect(
      await failureOf(store.destroy(other, object.uniqueIdentifier, destruction(object, new Date()))),
    ).toBe("conflict");
  });

  it("cannot be read with the bytes of another: each wrap is bound to its identifier", async () => {
    const one = await createKek(store, tenant);
    const two = await createKek(store, tenant);
    const [keyOne] = world.keyManager.live(one.object.uniqueIdentifier);
    const [keyTwo] = world.keyManager.live(two.object.uniqueIdentifier);

    if (keyOne && keyTwo) {
      keyOne.payload = keyTwo.payload;
    }

    expect(await failureOf(store.readMaterial(tenant, one.object))).toBe("refused");
  });

  it("is never half there: an identifier with NUL or of nobody is not found", async () => {
    expect(await store.find(tenant, "a\0b")).toBeNull();
    expect(await store.find(tenant, "nobody")).toBeNull();
  });
});

describe("KEKs that are created at the same time", () => {
  it("are all there, found by their terms, and counted", async () => {
    const own = await world.instance();
    const made = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        createKek(
          store,
          own,
          newObject({
            state: index % 4 === 0 ? State.Active : State.PreActive,
            attributes: custom("x-Number", String(index)),
          }),
        ),
      ),
    );

    expect(await countsOf(world, own)).toEqual({ keks: 40, active: 10 });

    for (const [index, { object, material }] of made.entries()) {
      expect(await located({ terms: [{ name: "x-Number", value: `text:${index}` }] }, own)).toEqual([
        object.uniqueIdentifier,
      ]);
      expect(await store.find(own, object.uniqueIdentifier)).toEqual(object);
      expect(Buffer.from(await store.readMaterial(own, object))).toEqual(material);
    }
  });

  it("do not fail with one that the database refuses", async () => {
    const own = await world.instance();
    const results = await Promise.allSettled(
      // PostgreSQL's JSON has no NUL.
      ["good", "b\0d", "good"].map((value) =>
        createKek(store, own, newObject({ attributes: custom("x-Word", value) })),
      ),
    );

    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await countsOf(world, own)).toEqual({ keks: 2, active: 0 });
  });
});

describe("a change", () => {
  it("replaces attributes and search terms and raises the revision", async () => {
    const { object } = await createKek(store, tenant, newObject({ attributes: custom("x-Old", "1") }));
    const change = changeOf(object, world.clock.now(), State.Active, custom("x-New", "2"));
    const changed = await store.update(tenant, object.uniqueIdentifier, change);

    expect(changed).toMatchObject({ revision: 2, state: State.Active });
    expect(await store.find(tenant, object.uniqueIdentifier)).toEqual(changed);
    expect(await located({ terms: [{ name: "x-New", value: "text:2" }] })).toEqual([object.uniqueIdentifier]);
    expect(await located({ terms: [{ name: "x-Old", value: "text:1" }] })).toEqual([]);
  });

  it("conflicts with one that came first, and the next read shows that one", async () => {
    const { object } = await createKek(store, tenant);
    const change = (value: string) =>
      changeOf(object, world.clock.now(), State.PreActive, custom("x-Who", value));

    const outcomes = await Promise.all(
      ["a", "b", "c"].map((value) => failureOf(store.update(tenant, object.uniqueIdentifier, change(value)))),
    );

    expect(outcomes.sort()).toEqual(["conflict", "conflict", "none"]);
    expect((await store.find(tenant, object.uniqueIdentifier))?.revision).toBe(2);
  });

  it("keeps the counts of the instance", async () => {
    const own = await world.instance();
    const { object } = await createKek(store, own);
    const active = await createKek(store, own, newObject({ state: State.Active }));

    expect(await countsOf(world, own)).toEqual({ keks: 2, active: 1 });

    const changed = await store.update(
      own,
      object.uniqueIdentifier,
      changeOf(object, world.clock.now(), State.Active, {}),
    );

    expect(await countsOf(world, own)).toEqual({ keks: 2, active: 2 });

    await store.destroy(own, object.uniqueIdentifier, destruction(changed, world.clock.now()));
    expect(await countsOf(world, own)).toEqual({ keks: 1, active: 1 });
    await store.destroy(own, active.object.uniqueIdentifier, destruction(active.object, world.clock.now()));
    expect(await countsOf(world, own)).toEqual({ keks: 0, active: 0 });
  });
});

describe("Destroy", () => {
  it("deletes the standard key and keeps the metadata", async () => {
    const { object } = await createKek(store, tenant);
    const destroyed = await store.destroy(
      tenant,
      object.uniqueIdentifier,
      destruction(object, world.clock.now()),
    );

    expect(destroyed.state).toBe(State.Destroyed);
    expect(world.keyManager.live(object.uniqueIdentifier)).toEqual([]);
    expect(await store.find(tenant, object.uniqueIdentifier)).toMatchObject({ state: State.Destroyed });
    expect(await failureOf(store.readMaterial(tenant, destroyed))).toBe("gone");
  });

  it("takes everything back when the key manager refuses for good", async () => {
    const own = await world.instance();
    const { object, material } = await createKek(
      store,
      own,
      newObject({ state: State.Active, attributes: custom("x-Keep", "me") }),
    );

    world.keyManager.faults.push({ call: "deleteStandardKey", fail: "before", failure: "rejected" });

    expect(
      await failureOf(store.destroy(own, object.uniqueIdentifier, destruction(object, world.clock.now()))),
    ).toBe("refused");

    const kept = await store.find(own, object.uniqueIdentifier);

    expect(kept).toMatchObject({ state: State.Active, attributes: object.attributes });
    expect(await countsOf(world, own)).toEqual({ keks: 1, active: 1 });
    expect(await located({ terms: [{ name: "x-Keep", value: "text:me" }] }, own)).toHaveLength(1);
    expect(kept && Buffer.from(await store.readMaterial(own, kept))).toEqual(material);
  });

  it("of a stale revision changes nothing", async () => {
    const { object, material } = await createKek(store, tenant);

    await store.update(
      tenant,
      object.uniqueIdentifier,
      changeOf(object, world.clock.now(), State.PreActive, {}),
    );

    expect(
      await failureOf(store.destroy(tenant, object.uniqueIdentifier, destruction(object, world.clock.now()))),
    ).toBe("conflict");
    expect(Buffer.from(await store.readMaterial(tenant, object))).toEqual(material);
  });
});

describe("a search", () => {
  it("meets every condition, newest first, across batches", async () => {
    const own = await world.instance();
    const identifiers: string[] = [];

    for (let index = 0; index < 60; index += 1) {
      world.clock.advance(1_000);

      const { object } = await createKek(
        store,
        own,
        newObject({
          state: index % 2 === 0 ? State.Active : State.PreActive,
          attributes: { ...custom("x-Mod", String(index % 3)), ...custom("x-All", "yes") },
        }),
      );

      identifiers.unshift(object.uniqueIdentifier);
    }

    // The rest of two batches, made at once and of one moment.
    await world.test.database.pool.query(
      `INSERT INTO managed_object (instance_id, unique_identifier, object_type, state, storage, attributes, crk_id, created_at)
       SELECT $1, 'bulk-' || lpad(n::text, 4, '0'), 2, 1, 'stored', '{}', 'crk', '2020-01-01' FROM generate_series(1, 1100) n`,
      [own.instanceId],
    );

    expect(await located({ terms: [{ name: "x-All", value: "text:yes" }] }, own)).toEqual(identifiers);
    expect(
      await located(
        {
          states: [State.Active],
          terms: [
            { name: "x-All", value: "text:yes" },
            { name: "x-Mod", value: "text:0" },
          ],
        },
        own,
      ),
    ).toHaveLength(10);
    expect(await located({ objectType: 8 }, own)).toEqual([]);

    const all = await located({}, own);

    expect(all).toHaveLength(1_160);
    expect(new Set(all).size).toBe(1_160);
    expect(all.slice(0, 60)).toEqual(identifiers);
    expect(await located({ createdTo: new Date("2021-01-01") }, own)).toHaveLength(1_100);
  });

  it("has objects in their order by whatever term they are found, and whenever they got it", async () => {
    const own = await world.instance();
    const made: string[] = [];

    for (let index = 0; index < 4; index += 1) {
      world.clock.advance(60_000);

      const attributes = custom("x-Colour", index === 1 ? "red" : "blue");
      const { object } = await createKek(store, own, newObject({ attributes }));

      made.unshift(object.uniqueIdentifier);
    }

    const [, , red = ""] = made;
    const object = await store.find(own, red);

    if (object) {
      await store.update(
        own,
        red,
        changeOf(object, world.clock.now(), State.PreActive, custom("x-Colour", "blue")),
      );
    }

    const blue = [{ name: "x-Colour", value: "text:blue" }];
    const newest = await store.find(own, made[0] ?? "");
    const createdTo = new Date((newest?.createdAt.getTime() ?? 0) - 1);

    expect(await located({ terms: blue }, own)).toEqual(made);
    expect(await located({ terms: [{ name: "x-Colour", value: "text:red" }] }, own)).toEqual([]);
    expect(await located({ terms: blue, createdTo }, own)).toEqual(made.slice(1));
    expect(await located({ terms: blue, createdFrom: createdTo }, own)).toEqual(made.slice(0, 1));
  });
});

describe("a key manager that says no", () => {
  it("refuses a Create and leaves nothing behind", async () => {
    const own = await world.instance();

    for (const call of ["wrap", "createStandardKey"] as const) {
      world.keyManager.faults.push({ call, fail: "before", failure: "forbidden" });
      expect(await failureOf(createKek(store, own))).toBe("refused");
    }

    const { rows } = await world.test.database.pool.query(
      "SELECT 1 FROM managed_object WHERE instance_id = $1",
      [own.instanceId],
    );

    expect(rows).toEqual([]);
    expect(await countsOf(world, own)).toEqual({ keks: 0, active: 0 });
  });

  it("stops every Get when the CRK is disabled, and serves again when it is enabled", async () => {
    const { object, material } = await createKek(store, tenant);
    const crk = world.keyManager.rootKeys.get(world.crkId);

    if (crk) {
      crk.state = "suspended";
    }

    try {
      expect(await failureOf(store.readMaterial(tenant, object))).toBe("refused");
    } finally {
      if (crk) {
        crk.state = "active";
      }
    }

    expect(Buffer.from(await store.readMaterial(tenant, object))).toEqual(material);
  });

  it("destroys a KEK whose standard key was deleted there, once and with an event", async () => {
    const gone: string[] = [];
    const own = await world.instance();
    const watching = await world.endpoint({
      onGone: async ({ uniqueIdentifier }) => {
        gone.push(uniqueIdentifier);
      },
    });
    const { object } = await createKek(watching, own, newObject({ state: State.Compromised }));
    const [standardKey] = world.keyManager.live(object.uniqueIdentifier);

    if (standardKey) {
      standardKey.deleted = true;
    }

    const outcomes = await Promise.all([1, 2, 3].map(() => failureOf(watching.readMaterial(own, object))));

    expect(outcomes).toEqual(["gone", "gone", "gone"]);
    expect(gone).toEqual([object.uniqueIdentifier]);
    expect(await watching.find(own, object.uniqueIdentifier)).toMatchObject({
      state: State.DestroyedCompromised,
      attributes: { "Destroy Date": expect.anything() },
    });
    expect(await countsOf(world, own)).toEqual({ keks: 0, active: 0 });
  });

  it("destroys nothing when it knows neither the key nor its CRK: then it is another key manager", async () => {
    const { object, material } = await createKek(store, tenant);
    const { standardKeys, rootKeys } = world.keyManager;
    const kept = [new Map(standardKeys), new Map(rootKeys)] as const;

    standardKeys.clear();
    rootKeys.clear();
    expect(await failureOf(store.readMaterial(tenant, object))).toBe("refused");

    for (const [id, key] of kept[0]) {
      standardKeys.set(id, key);
    }
    for (const [id, key] of kept[1]) {
      rootKeys.set(id, key);
    }

    expect(Buffer.from(await store.readMaterial(tenant, object))).toEqual(material);
  });

  it("does not serve what the console blocks, even if it is asked to", async () => {
    const { object } = await createKek(store, tenant);

    await world.test.database.pool.query(
      "UPDATE managed_object SET served = FALSE WHERE unique_identifier = $1",
      [object.uniqueIdentifier],
    );

    expect(await failureOf(store.readMaterial(tenant, object))).toBe("refused");
  });
});
