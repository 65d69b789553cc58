import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, it } from "vitest";
import type { RewrapStatus } from "@/lib/api/instances/schemas";
import { type KmipClient, KmipOperationError } from "@/lib/kmip/client/client";
import { keyProtect } from "../support/product";
import { type House, type OrderedInstance, openHouse, orderInstance, processIdOf } from "./support";

const product = inject("product");
const house: House = await openHouse(product);
/** Ten thousand take some minutes: `ROTATION_KEKS=10000`. */
const KEKS = Number(process.env.ROTATION_KEKS ?? 200);
const KILLS = 10;
const CONNECTIONS = 8;
/** Between two requests of a client that is there all the while. */
const LOAD_PAUSE_MS = 10;

/** A root key of the test's own, so that nobody else's KEKs move with it. */
async function makeRootKey(): Promise<string> {
  const { body, status } = await keyProtect(house.access, "POST", "/keys", {
    body: {
      metadata: { collectionType: "application/vnd.ibm.kms.key+json", collectionTotal: 1 },
      resources: [
        { type: "application/vnd.ibm.kms.key+json", name: `rotated-${Date.now()}`, extractable: false },
      ],
    },
  });

  expect(status).toBe(201);

  return body.resources?.[0]?.id ?? "";
}

/** A client that goes to the other zone when its own does not answer, as vCenter does; it passes refusals on. */
function patientClient(instance: OrderedInstance, first: number) {
  let zone = first;
  let client = instance.client(zone, { timeoutMs: 15_000 });

  return {
    async ask<T>(question: (client: KmipClient) => Promise<T>): Promise<T> {
      for (let attempt = 0; ; attempt += 1) {
        try {
          return await question(client);
        } catch (error) {
          if (error instanceof KmipOperationError || attempt > 100) {
            throw error;
          }

          client.close();
          zone = 3 - zone;
          client = instance.client(zone, { timeoutMs: 15_000 });
          await sleep(50);
        }
      }
    },
    close: () => client.close(),
  };
}

/** Does something for each item on several connections, to both zones. */
async function onAll<Item>(
  instance: OrderedInstance,
  items: Iterable<Item>,
  work: (client: ReturnType<typeof patientClient>, item: Item) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();

  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, index) => {
      const client = patientClient(instance, (index % 2) + 1);

      try {
        for (let next = queue.next(); !next.done; next = queue.next()) {
          await work(client, next.value);
        }
      } finally {
        client.close();
      }
    }),
  );
}

async function rewrapOf(instance: OrderedInstance): Promise<RewrapStatus> {
  const { status, body } = await house.api("GET", `/instances/${instance.id}/rewrap`);

  expect(status).toBe(200);

  return body as RewrapStatus;
}

/** Standard keys of an instance that are in the key manager. */
async function standardKeysOf(instance: OrderedInstance): Promise<string[]> {
  const found = new Set<string>();
  const page = 1_000;

  for (let offset = 0; ; offset += page) {
    const { body } = await keyProtect(
      house.access,
      "GET",
      `/keys?limit=${page}&offset=${offset}&extractable=true&state=0,1,2,3&sort=creationDate`,
    );
    const keys = (body.resources ?? []) as { id: string; description?: string }[];

    for (const { id, description } of keys) {
      if (description?.includes(instance.id)) {
        found.add(id);
      }
    }

    if (keys.length < page) {
      return [...found].sort();
    }
  }
}

/** The standard keys that the instance's KEKs refer to. */
async function referredOf(instance: OrderedInstance): Promise<string[]> {
  const ids: string[] = [];
  let cursor = "";

  do {
    const query = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const { body } = await house.api(
      "GET",
      `/instances/${instance.id}/keks?limit=200&sort=createdAt${query}`,
    );
    const { items, nextCursor } = body as {
      items: { keyManagerKeyId: string }[];
      nextCursor: string | null;
    };

    ids.push(...items.map(({ keyManagerKeyId }) => keyManagerKeyId));
    cursor = nextCursor ?? "";
  } while (cursor !== "");

  return ids.sort();
}

describe("the rotation of a root key under load, by processes that are killed", () => {
  it("moves every KEK with its bytes, leaves nothing behind, and no client sees an error", {
    timeout: 600_000 + KEKS * 120,
  }, async () => {
    const crkId = await makeRootKey();
    const { access } = house;
    const instance = await orderInstance(house, {
      keyManager: {
        kind: "key-protect",
        apiKey: access.manager.apiKey,
        crn: access.keyProtect.crn,
        crkId,
      },
    });
    const keks = new Map<string, Buffer>();
    const remember = (client: ReturnType<typeof patientClient>) =>
      client.ask(async (kmip) => {
        const identifier = await kmip.create();

        keks.set(identifier, Buffer.from((await kmip.get(identifier)).material));
      });

    await onAll(instance, Array(KEKS).keys(), remember);
    expect(keks.size).toBe(KEKS);

    // Rotated; and clients go on.
    let over = false;
    const counts = { gets: 0, creates: 0 };
    const load = [1, 2, 1, 2].map(async (zone, index) => {
      const client = patientClient(instance, zone);

      try {
        for (let turn = index; !over; turn += 1) {
          const known = [...keks];
          const [identifier, material] = known[Math.floor(Math.random() * known.length)] ?? [
            "",
            Buffer.alloc(0),
          ];
          const answer = await client.ask((kmip) => kmip.get(identifier));

          expect(Buffer.from(answer.material).equals(material)).toBe(true);
          counts.gets += 1;

          // As many as there were: other tests share the key manager.
          if (turn % 8 === 0 && counts.creates < KEKS) {
            counts.creates += 1;
            await remember(client);
          }

          await sleep(LOAD_PAUSE_MS);
        }
      } finally {
        client.close();
      }
    });
    const begun = performance.now();
    const rotated = await house.api("POST", `/instances/${instance.id}/rotate-root-key`);

    expect(rotated.status, JSON.stringify(rotated.body)).toBe(202);

    let killed = 0;
    let status = rotated.body as RewrapStatus;

    while (status.remaining > 0 || killed < KILLS) {
      const wanted = Math.floor((KEKS * (KILLS - killed)) / (KILLS + 1));

      if (killed < KILLS && status.remaining <= wanted) {
        // An endpoint of either zone early, because what it was creating is settled only after two minutes; else the worker.
        const zone = killed === 1 ? 1 : killed === 3 ? 2 : null;
        const [name, where] = zone === null ? (["worker"] as const) : (["kmip", zone] as const);

        try {
          process.kill(processIdOf(product, name, where), "SIGKILL");
          killed += 1;
        } catch {
          // It is just starting again.
        }
      }

      await sleep(100);
      status = await rewrapOf(instance);
    }

    const seconds = (performance.now() - begun) / 1_000;

    over = true;
    await Promise.all(load);
    expect(counts.gets).toBeGreaterThan(0);
    expect(counts.creates).toBeGreaterThan(0);

    await expect
      .poll(async () => (await rewrapOf(instance)).state, { timeout: 60_000, interval: 500 })
      .toBe("idle");

    const { versions, crkVersion, total } = await rewrapOf(instance);

    expect(versions).toEqual([{ crkId, crkVersion, keks: total, current: true }]);
    expect(total).toBeGreaterThanOrEqual(keks.size);

    // What killed processes left is gone within the reconciler's period, two minutes for what an endpoint was creating.
    await expect
      .poll(async () => standardKeysOf(instance), { timeout: 240_000, interval: 2_000 })
      .toEqual(await referredOf(instance));

    await onAll(instance, keks, async (client, [identifier, material]) => {
      const answer = await client.ask((kmip) => kmip.get(identifier));

      expect(Buffer.from(answer.material).equals(material)).toBe(true);
    });

    console.info(
      `${total} KEKs, ${killed} kills, ${Math.round(seconds)} s, ${Math.round(KEKS / seconds)}/s, ` +
        `${counts.gets} Gets and ${counts.creates} Creates meanwhile`,
    );
  });
});
