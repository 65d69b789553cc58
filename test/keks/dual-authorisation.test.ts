import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toJson } from "@/lib/api/contract/handler";
import { destroyKek } from "@/lib/api/keks/operations";
import { serializeKekDetail } from "@/lib/api/keks/serializers";
import { toKekDetail } from "@/lib/core/keks/kek-view";
import { requireKekRow } from "@/lib/core/keks/read-keks";
import { reconcileAll } from "@/lib/core/rewrap/reconcile";
import type { DatabaseKeyStore } from "@/lib/core/serving/key-store";
import { setDatabase } from "@/lib/db";
import { destruction } from "@/lib/kmip/attributes/lifecycle";
import type { ManagedObject, Tenant } from "@/lib/kmip/ports";
import { State } from "@/lib/kmip/protocol/enumerations";
import { countsOf, createKek, createWorld, type World } from "./world";

let world: World;
let store: DatabaseKeyStore;

beforeAll(async () => {
  world = await createWorld();
  store = await world.endpoint();
  setDatabase(world.test.database);
});

afterAll(() => world.close());

const reconcile = () =>
  reconcileAll({
    database: world.test.database,
    logger: world.logger,
    clock: world.clock,
    openKeyManager: world.openKeyManager,
    olderThanSeconds: 0,
    settleSeconds: 0,
  });

/** The KEK as the API shows it to people. */
async function shown(tenant: Tenant, { uniqueIdentifier }: ManagedObject) {
  const row = await requireKekRow(tenant.instanceId, uniqueIdentifier);

  return toJson(destroyKek, serializeKekDetail(toKekDetail(row, world.clock.now())));
}

/** A KEK whose standard key needs a second person's word to be deleted. */
async function guardedKek(tenant: Tenant) {
  const { object } = await createKek(store, tenant);
  const [key] = world.keyManager.live(object.uniqueIdentifier);
  world.keyManager.guarded.add(key?.id ?? "");

  return { object, authorise: () => world.keyManager.guarded.delete(key?.id ?? "") };
}

const WAITING = { code: "AUTHORIZATIONS_NOT_MET", cause: expect.stringContaining("second person") };

describe("a KEK whose deletion a second person must authorise", () => {
  it("is destroyed here at once, says what its standard key waits for, and is deleted when authorised", async () => {
    const own = await world.instance();
    const { object, authorise } = await guardedKek(own);
    await store.destroy(own, object.uniqueIdentifier, destruction(object, world.clock.now()));

    const other = await world.endpoint();
    expect(await other.find(own, object.uniqueIdentifier)).toMatchObject({ state: State.Destroyed });
    await expect(other.readMaterial(own, object)).rejects.toMatchObject({ failure: "gone" });
    expect(await countsOf(world, own)).toEqual({ keks: 0, active: 0 });
    expect(await shown(own, object)).toMatchObject({ state: "destroyed", pendingDeletion: WAITING });
    expect(world.keyManager.live(object.uniqueIdentifier)).toHaveLength(1);

    // Left alone for a while, then asked again.
    const asked = world.keyManager.count("deleteStandardKey");
    world.clock.advance(60_000);
    expect(await reconcile()).toMatchObject({ destroyed: 0, failed: 0 });
    expect(world.keyManager.count("deleteStandardKey")).toBe(asked);
    world.clock.advance(10 * 60_000);
    expect(await reconcile()).toMatchObject({ destroyed: 0, failed: 1 });
    expect(await shown(own, object)).toMatchObject({ pendingDeletion: WAITING });

    authorise();
    world.clock.advance(10 * 60_000);
    expect(await reconcile()).toMatchObject({ destroyed: 1, failed: 0 });
    expect(world.keyManager.live(object.uniqueIdentifier)).toEqual([]);
    expect(await shown(own, object)).toMatchObject({ state: "destroyed", pendingDeletion: null });
  });

  it("does not take back a batch of which it is a part", async () => {
    const own = await world.instance();
    const { object: plain } = await createKek(store, own);
    const { object: guarded, authorise } = await guardedKek(own);
    const transaction = store.begin(own);
    await transaction.commit(
      [guarded, plain].map((object) => ({
        uniqueIdentifier: object.uniqueIdentifier,
        change: destruction(object, world.clock.now()),
        destroys: true,
      })),
    );

    expect(world.keyManager.live(plain.uniqueIdentifier)).toEqual([]);
    expect(await shown(own, plain)).toMatchObject({ state: "destroyed", pendingDeletion: null });
    expect(await shown(own, guarded)).toMatchObject({ state: "destroyed", pendingDeletion: WAITING });
    authorise();
    world.clock.advance(10 * 60_000);
    expect(await reconcile()).toMatchObject({ destroyed: 1 });
  });

  it("is taken back when the key manager refuses for another reason", async () => {
    const own = await world.instance();
    const { object, material } = await createKek(store, own);
    world.keyManager.faults.push({ call: "deleteStandardKey", fail: "before", failure: "forbidden" });
    await expect(
      store.destroy(own, object.uniqueIdentifier, destruction(object, world.clock.now())),
    ).rejects.toMatchObject({ failure: "refused" });

    const again = await store.find(own, object.uniqueIdentifier);
    expect(again?.state).not.toBe(State.Destroyed);
    expect(Buffer.from(await store.readMaterial(own, again ?? object)).equals(material)).toBe(true);
  });

  it("stays destroyed when somebody restores its standard key in the key manager", async () => {
    const own = await world.instance();
    const { object } = await createKek(store, own);
    const [key] = world.keyManager.live(object.uniqueIdentifier);
    await store.destroy(own, object.uniqueIdentifier, destruction(object, world.clock.now()));
    Object.assign(key ?? {}, { deleted: false });
    world.clock.advance(10 * 60_000);
    await reconcile();

    expect(await store.find(own, object.uniqueIdentifier)).toMatchObject({ state: State.Destroyed });
    await expect(store.readMaterial(own, object)).rejects.toMatchObject({ failure: "gone" });
  });
});
