import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { DatabaseKeyStore } from "@/lib/core/serving/key-store";
import { publishIn } from "@/lib/db";
import { changeOf } from "@/lib/kmip/attributes/lifecycle";
import type { Tenant } from "@/lib/kmip/ports";
import { State } from "@/lib/kmip/protocol/enumerations";
import { eventually } from "@/test/support/kek-fixtures";
import { createKek, createWorld, type World } from "./world";

let world: World;
let store: DatabaseKeyStore;

beforeAll(async () => {
  world = await createWorld();
  store = await world.endpoint();
});

afterAll(() => world.close());

beforeEach(async () => {
  world.clock.advance(86_400_000);
  await eventually(() => store.stats().plaintexts === 0, "no plaintext of an earlier test is left");
  world.keyManager.calls.length = 0;
  world.keyManager.faults.length = 0;
});

const reads = () => ({
  reads: world.keyManager.count("getStandardKey"),
  unwraps: world.keyManager.count("unwrap"),
});

async function kek(settings: { cacheTtlSeconds?: number; outageGraceSeconds?: number }) {
  const tenant = await world.instance(settings);
  const { object, material } = await createKek(store, tenant);
  const get = async () => Buffer.from(await store.readMaterial(tenant, object));

  world.keyManager.calls.length = 0;

  return { tenant, object, material, get };
}

async function setPolicy(tenant: Tenant, cacheTtlSeconds: number): Promise<void> {
  await world.test.database.pool.query("UPDATE instance SET cache_ttl_seconds = $2 WHERE id = $1", [
    tenant.instanceId,
    cacheTtlSeconds,
  ]);
  await publishIn(world.test.database.pool, { type: "instance.changed", instanceId: tenant.instanceId });
}

describe("reading material", () => {
  it("asks the key manager once for a hundred who ask at the same time", async () => {
    const { get, material } = await kek({ cacheTtlSeconds: 0 });
    const answers = await Promise.all(Array.from({ length: 100 }, get));

    expect(answers.every((answer) => answer.equals(material))).toBe(true);
    expect(reads()).toEqual({ reads: 1, unwraps: 1 });
  });

  it("gives every one of them a buffer of his own", async () => {
    const { tenant, object, material } = await kek({ cacheTtlSeconds: 0 });
    const copies = await Promise.all([1, 2, 3].map(() => store.readMaterial(tenant, object)));

    copies[0]?.fill(0);
    expect(Buffer.from(copies[1] ?? [])).toEqual(material);
    expect(Buffer.from(copies[2] ?? [])).toEqual(material);
  });

  it("asks every time when the policy keeps nothing, and keeps no plaintext", async () => {
    const { get, material } = await kek({ cacheTtlSeconds: 0 });

    for (let time = 1; time <= 3; time += 1) {
      expect(await get()).toEqual(material);
      expect(reads()).toEqual({ reads: time, unwraps: time });
    }

    expect(store.stats().plaintexts).toBe(0);
  });

  it("asks once per period otherwise", async () => {
    const { get, material } = await kek({ cacheTtlSeconds: 60 });

    for (let second = 0; second < 60; second += 10) {
      expect(await get()).toEqual(material);
      world.clock.advance(10_000);
    }

    expect(reads()).toEqual({ reads: 1, unwraps: 1 });
    expect(await get()).toEqual(material);
    expect(reads()).toEqual({ reads: 2, unwraps: 2 });
  });

  it("goes on answering from memory when only attributes change, here or at another endpoint", async () => {
    const { tenant, object, get } = await kek({ cacheTtlSeconds: 60 });
    const other = await world.endpoint();

    await get();

    for (const endpoint of [store, other]) {
      const current = await endpoint.find(tenant, object.uniqueIdentifier);

      if (current) {
        await endpoint.update(
          tenant,
          object.uniqueIdentifier,
          changeOf(current, world.clock.now(), State.PreActive, {}),
        );
      }
    }

    await eventually(
      async () => (await store.find(tenant, object.uniqueIdentifier))?.revision === 3,
      "both changes are seen",
    );
    await get();
    expect(reads()).toEqual({ reads: 1, unwraps: 1 });
  });

  it("zeroes and forgets what the policy no longer allows", async () => {
    const { get } = await kek({ cacheTtlSeconds: 60 });

    await get();
    expect(store.stats().plaintexts).toBe(1);
    world.clock.advance(61_000);
    await eventually(() => store.stats().plaintexts === 0, "the plaintext is gone");
  });

  it("follows a changed policy at once", async () => {
    const { tenant, get } = await kek({ cacheTtlSeconds: 600 });

    await get();
    await setPolicy(tenant, 0);
    await eventually(() => store.stats().plaintexts === 0, "the plaintext is gone");

    await get();
    await get();
    expect(reads().unwraps).toBe(3);
  });

  it("notices a payload that was exchanged although it remembers the old one", async () => {
    const { tenant, object, get, material } = await kek({ cacheTtlSeconds: 0 });

    expect(await get()).toEqual(material);

    const [standardKey] = world.keyManager.live(object.uniqueIdentifier);
    const aad = [tenant.instanceId, object.uniqueIdentifier];
    const { bytes } = await world.keyManager.wrap(world.crkId, material, aad, { correlationId: "c" });

    if (standardKey) {
      standardKey.payload = Buffer.from(bytes);
    }

    expect(await get()).toEqual(material);
  });
});

describe("a definite refusal", () => {
  it("drops what is remembered at once", async () => {
    const { tenant, object, get } = await kek({ cacheTtlSeconds: 60, outageGraceSeconds: 3_600 });

    await get();
    world.clock.advance(61_000);
    world.keyManager.faults.push({ call: "unwrap", fail: "before", failure: "forbidden" });
    await expect(get()).rejects.toMatchObject({ failure: "refused" });

    // Nothing is left that an outage could be bridged with.
    world.keyManager.faults.push({ call: "getStandardKey", fail: "before", failure: "unreachable" });
    await expect(store.readMaterial(tenant, object)).rejects.toMatchObject({ failure: "unavailable" });
  });

  it("holds within the period too, once it is known", async () => {
    const { object, get } = await kek({ cacheTtlSeconds: 60 });
    const [standardKey] = world.keyManager.live(object.uniqueIdentifier);

    await get();
    if (standardKey) {
      standardKey.deleted = true;
    }
    // The policy's period is the promise: until its end memory may answer.
    await get();
    world.clock.advance(60_000);
    await expect(get()).rejects.toMatchObject({ failure: "gone" });
    await expect(get()).rejects.toMatchObject({ failure: "gone" });
  });
});

describe("an outage", () => {
  it.each(["timeout", "throttled", "serverError", "unreachable"] as const)(
    "(%s) is bridged for the grace of the instance, and no longer",
    async (failure) => {
      const { get, material } = await kek({ cacheTtlSeconds: 10, outageGraceSeconds: 100 });

      await get();
      world.clock.advance(109_000);
      world.keyManager.faults.push({ call: "getStandardKey", fail: "before", failure, times: 2 });
      expect(await get()).toEqual(material);
      world.clock.advance(1_000);
      await expect(get()).rejects.toMatchObject({ failure: "unavailable" });
      expect(await get()).toEqual(material);
    },
  );

  it("is not bridged without a grace", async () => {
    const { get } = await kek({ cacheTtlSeconds: 10 });

    await get();
    world.clock.advance(10_000);
    world.keyManager.faults.push({ call: "getStandardKey", fail: "before", failure: "timeout" });
    await expect(get()).rejects.toMatchObject({ failure: "unavailable" });
  });
});

describe("a changed instance", () => {
  it("has the key manager asked again, once, before anything is served from memory", async () => {
    const { tenant, get, material } = await kek({ cacheTtlSeconds: 60 });

    await get();
    await setPolicy(tenant, 50);
    await eventually(async () => {
      await get();

      return reads().reads === 2;
    }, "the key manager is asked again");
    await get();
    expect(await get()).toEqual(material);
    expect(reads()).toEqual({ reads: 2, unwraps: 2 });
  });

  it("leaves what an outage is bridged with", async () => {
    const { tenant, get, material } = await kek({ cacheTtlSeconds: 60, outageGraceSeconds: 60 });

    await get();
    world.keyManager.faults.push({
      call: "getStandardKey",
      fail: "before",
      failure: "unreachable",
      times: 1_000,
    });
    await setPolicy(tenant, 50);
    await eventually(async () => {
      expect(await get()).toEqual(material);

      return reads().reads > 1;
    }, "the key manager is asked again");
    world.clock.advance(109_000);
    expect(await get()).toEqual(material);
    world.clock.advance(1_000);
    await expect(get()).rejects.toMatchObject({ failure: "unavailable" });
  });

  it("whose policy keeps nothing any more has its plaintext zeroed without another Get", async () => {
    const { tenant, get } = await kek({ cacheTtlSeconds: 3_600 });

    await get();
    expect(store.stats().plaintexts).toBe(1);
    await setPolicy(tenant, 0);
    await eventually(() => store.stats().plaintexts === 0, "the plaintext is zeroed");
  });
});
