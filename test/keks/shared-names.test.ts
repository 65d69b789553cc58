import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { reconcileAll } from "@/lib/core/rewrap/reconcile";
import type { DatabaseKeyStore } from "@/lib/core/serving/key-store";
import type { FakeCall } from "@/test/support/fake-key-manager";
import { newObject } from "@/test/support/kek-fixtures";
import { createKek, createWorld, type World } from "./world";

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

const reconcile = () =>
  reconcileAll({
    database: world.test.database,
    logger: world.logger,
    clock: world.clock,
    openKeyManager: world.openKeyManager,
    olderThanSeconds: 0,
    settleSeconds: 0,
  });

async function called(call: FakeCall, before: number): Promise<void> {
  while (world.keyManager.count(call) === before) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

// An import names the object, so two instances that share a key manager may each have one of the same identifier.
describe("two instances with one key manager and one identifier", () => {
  it("an import that dies leaves the other instance's key alone", async () => {
    const [first, second] = [await world.instance(), await world.instance()];
    const { object, material } = await createKek(store, first);
    const before = world.keyManager.count("createStandardKey");

    world.keyManager.faults.push({ call: "createStandardKey", hold: never });
    store
      .create(second, newObject({ uniqueIdentifier: object.uniqueIdentifier }), randomBytes(32))
      .catch(() => {});
    await called("createStandardKey", before);
    await reconcile();

    expect(Buffer.from(await store.readMaterial(first, object))).toEqual(material);
  });

  it("an import that dies after its standard key exists takes that one with it, and no other", async () => {
    const [first, second] = [await world.instance(), await world.instance()];
    const { object, material } = await createKek(store, first);
    const before = world.keyManager.count("createStandardKey");

    world.keyManager.faults.push({ call: "createStandardKey", hold: never, when: "after" });
    store
      .create(second, newObject({ uniqueIdentifier: object.uniqueIdentifier }), randomBytes(32))
      .catch(() => {});
    await called("createStandardKey", before);

    expect(world.keyManager.live(object.uniqueIdentifier)).toHaveLength(2);
    expect(await reconcile()).toMatchObject({ orphansRemoved: 1 });
    expect(world.keyManager.live(object.uniqueIdentifier)).toHaveLength(1);
    expect(Buffer.from(await store.readMaterial(first, object))).toEqual(material);
  });

  it("an import that is not answered does not take the other instance's key for its own", async () => {
    const [first, second] = [await world.instance(), await world.instance()];
    const { object, material } = await createKek(store, first);

    world.keyManager.faults.push({ call: "createStandardKey", fail: "before" });
    await expect(
      store.create(second, newObject({ uniqueIdentifier: object.uniqueIdentifier }), randomBytes(32)),
    ).rejects.toMatchObject({ failure: "unavailable" });
    expect(await store.find(second, object.uniqueIdentifier)).toBeNull();

    await reconcile();
    expect(Buffer.from(await store.readMaterial(first, object))).toEqual(material);
  });

  it("a key of the key manager's owner that has the name stays", async () => {
    const tenant = await world.instance();
    const name = `owner-${randomUUID()}`;
    const before = world.keyManager.count("createStandardKey");

    await world.keyManager.createStandardKey(
      { name, payload: randomBytes(32) },
      { correlationId: randomUUID() },
    );
    world.keyManager.faults.push({ call: "createStandardKey", hold: never });
    store.create(tenant, newObject({ uniqueIdentifier: name }), randomBytes(32)).catch(() => {});
    await called("createStandardKey", before + 1);
    await reconcile();

    expect(world.keyManager.live(name)).toHaveLength(1);
  });
});
