/** Process of many KMIP clients, each with a connection of its own that Gets one KEK and stays open. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { KmipClient, KmipOperationError } from "@/lib/kmip/client/client";
import type { ClientsOrder, ClientsReport } from "./messages";

type Endpoint = ClientsOrder["endpoints"][number];
type Kek = ClientsOrder["keks"][number];

const CONNECT_ATTEMPTS = 6;

async function run(order: ClientsOrder): Promise<ClientsReport> {
  const { endpoints, keks, connections, withinMs } = order;
  const clients: KmipClient[] = [];
  const failures: string[] = [];
  let served = 0;

  async function get(index: number): Promise<void> {
    // The first ones all at once, so that every KEK is asked for at every endpoint before any is remembered.
    const first = endpoints.length * keks.length;

    await sleep(index < first ? 0 : (withinMs * index) / connections);

    const endpoint = endpoints[index % endpoints.length];
    const kek = keks[Math.floor(index / endpoints.length) % keks.length];

    for (let attempt = 1; ; attempt += 1) {
      const error = await tryOnce(endpoint, kek);

      if (error === null) {
        served += 1;

        return;
      }

      // A host connects again when its connection was not made in time; an answer of the server is the last word.
      if (error instanceof KmipOperationError || attempt === CONNECT_ATTEMPTS) {
        failures.push(error instanceof Error ? `${error.name}: ${error.message}` : String(error));

        return;
      }

      await sleep(1_000);
    }
  }

  async function tryOnce(endpoint: Endpoint | undefined, kek: Kek | undefined): Promise<unknown> {
    const client = new KmipClient({
      host: endpoint?.host ?? "",
      port: endpoint?.port ?? 0,
      cert: order.certificate,
      key: order.key,
      timeoutMs: 30_000,
    });

    try {
      const { material } = await client.get(kek?.identifier ?? "");

      if (createHash("sha256").update(material).digest("hex") !== kek?.digest) {
        throw new Error("other bytes than were created");
      }

      clients.push(client);

      return null;
    } catch (error) {
      client.close();

      return error;
    }
  }

  await Promise.all(Array.from({ length: connections }, (_, index) => get(index)));

  // All of them are connected at once, and every one is still answered.
  const answers = await Promise.allSettled(clients.map((client) => client.discoverVersions()));

  for (const client of clients) {
    client.close();
  }

  return {
    type: "report",
    served,
    open: answers.filter(({ status }) => status === "fulfilled").length,
    failures,
  };
}

process.once("message", (order: ClientsOrder) => {
  void run(order).then((report) => process.send?.(report, () => process.disconnect()));
});
