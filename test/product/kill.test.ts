import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, it } from "vitest";
import { KmipOperationError } from "@/lib/kmip/client";
import { type House, type OrderedInstance, openHouse, orderInstance, processIdOf } from "./support";

const product = inject("product");
const house: House = await openHouse(product);
const KILLS = 8;

function kill(name: string, zone?: number): void {
  try {
    process.kill(processIdOf(product, name, zone), "SIGKILL");
  } catch {
    // It is just starting again.
  }
}

/** Creates keys over and over at a zone until told to stop; keeps what was acknowledged, and its bytes if they were read. */
async function createForEver(
  instance: OrderedInstance,
  zone: number,
  acknowledged: Map<string, Buffer | null>,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const client = instance.client(zone, { timeoutMs: 3_000 });

    try {
      while (!isOver()) {
        const identifier = await client.create();

        acknowledged.set(identifier, null);
        acknowledged.set(identifier, Buffer.from((await client.get(identifier)).material));
      }
    } catch {
      // Its process was killed, or the sandbox's: another connection.
      await sleep(30);
    } finally {
      client.close();
    }
  }
}

async function getPatiently(instance: OrderedInstance, zone: number, identifier: string): Promise<Buffer> {
  for (let attempt = 0; ; attempt += 1) {
    const client = instance.client(zone, { timeoutMs: 3_000 });

    try {
      return Buffer.from((await client.get(identifier)).material);
    } catch (error) {
      if (attempt > 40 || (error instanceof KmipOperationError && attempt > 5)) {
        throw error;
      }

      await sleep(250);
    } finally {
      client.close();
    }
  }
}

describe("processes that are killed in the middle of Creates", () => {
  it("lose no key that a client was told of", async () => {
    const instance = await orderInstance(house);
    const acknowledged = new Map<string, Buffer | null>();
    let over = false;
    const creators = [1, 1, 2, 2].map((zone) => createForEver(instance, zone, acknowledged, () => over));

    for (let index = 0; index < KILLS; index += 1) {
      await sleep(300 + Math.random() * 700);

      if (index % 3 === 2) {
        kill("sandbox");
      } else {
        kill("kmip", (index % 2) + 1);
      }
    }

    // However slow the machine: enough keys to look for, the last of them after the last kill.
    const afterKills = acknowledged.size;

    await expect.poll(() => acknowledged.size, { timeout: 90_000 }).toBeGreaterThan(Math.max(20, afterKills));
    over = true;
    await Promise.all(creators);

    for (const [identifier, bytes] of acknowledged) {
      const [one, two] = await Promise.all([
        getPatiently(instance, 1, identifier),
        getPatiently(instance, 2, identifier),
      ]);

      expect(one.length).toBe(32);
      expect(two.equals(one)).toBe(true);

      if (bytes) {
        expect(one.equals(bytes)).toBe(true);
      }
    }

    // Every identifier that Locate tells of is a key that can be had.
    const client = instance.client();
    const located = await client.locate();

    for (const identifier of located) {
      expect((await getPatiently(instance, 2, identifier)).length).toBe(32);
    }

    expect(located).toEqual(expect.arrayContaining([...acknowledged.keys()]));
    client.close();
  });
});

describe("a database that is killed", () => {
  it("comes back by itself, and the same keys are served", async () => {
    const instance = await orderInstance(house);
    const client = instance.client();
    const identifier = await client.create();
    const material = Buffer.from((await client.get(identifier)).material);

    client.close();

    const server = Number(
      readFileSync(join(product.dataDir, "postgres/postmaster.pid"), "utf8").split("\n")[0],
    );

    process.kill(server, "SIGKILL");
    // Without a durable audit record nothing is answered; with it, the same bytes as before.
    expect((await getPatiently(instance, 1, identifier)).equals(material)).toBe(true);
    expect((await getPatiently(instance, 2, identifier)).equals(material)).toBe(true);
    await expect
      .poll(async () => (await fetch(`${product.consoleUrl}/readyz`)).status, { timeout: 30_000 })
      .toBe(200);
    expect((await house.api("GET", `/instances/${instance.id}/keks/${identifier}`)).status).toBe(200);
  });
});
