import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, inject, it } from "vitest";
import { KmipOperationError } from "@/lib/kmip/client/client";
import { type House, type OrderedInstance, openHouse, orderInstance } from "./support";

const product = inject("product");
const house: House = await openHouse(product);

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
