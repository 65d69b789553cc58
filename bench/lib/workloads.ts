/**
 * What is asked of a server: messages of KMIP 1.1, as vCenter speaks it.
 */
import { type BatchRequest, nameAttribute, requests, writeRequest } from "@/lib/kmip/client/client";
import { readResponse, textIn } from "@/lib/kmip/client/responses";
import { QueryFunction, ResultStatus } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { type Endpoint, type Turn, Wire } from "./driver";

export const WORKLOADS = ["get", "connect-get", "create", "locate", "vcenter"] as const;
export type Workload = (typeof WORKLOADS)[number];

const VERSION = "1.1";
/** Keys that Get asks for in turn. */
const KEYS = 64;

const message = (...batch: BatchRequest[]): Buffer => writeRequest(VERSION, batch);
/** The payloads of a response in which nothing failed. @throws Error */
function payloadsOf(response: Buffer) {
  const { items } = readResponse(response);
  for (const item of items) {
    if (item.status !== ResultStatus.Success) {
      throw new Error(item.message ?? `reason ${item.resultReason}`);
    }
  }
  return items.map(({ payload }) => payload);
}

async function create(wire: Wire, name?: string): Promise<string> {
  const [payload = []] = payloadsOf(
    await wire.exchange(message(requests.create(name === undefined ? {} : { name }))),
  );
  const identifier = textIn(payload, Tag.UniqueIdentifier);
  if (identifier === null) {
    throw new Error("no Unique Identifier");
  }
  return identifier;
}

/** What a server was filled with. */
export type Stock = { readonly gets: readonly Buffer[]; readonly names: readonly string[] };

/** Makes the keys that are asked for later. */
export async function fill(endpoint: Endpoint): Promise<Stock> {
  const wire = await Wire.open(endpoint);
  const run = Math.random().toString(36).slice(2);
  const names = Array.from({ length: KEYS }, (_, index) => `bench-${run}-${index}`);
  const gets: Buffer[] = [];
  for (const name of names) {
    gets.push(message(requests.get(await create(wire, name))));
  }
  wire.close();
  return { gets, names };
}

/** A Get as sent and as answered, for a server that is to answer the same without looking. */
export async function sampleGet(endpoint: Endpoint, stock: Stock) {
  const [request = Buffer.alloc(0)] = stock.gets;
  const wire = await Wire.open(endpoint);
  // The number first: asking for the certificate takes the chain apart.
  const { serverCertificates, serverKeyType, protocol } = wire;
  // The second answer: the first may find a key that is not served yet, and memory that is cold.
  await wire.exchange(request);
  const response = await wire.exchange(request);
  payloadsOf(response);
  wire.close();
  return { request, response, serverKeyType, serverCertificates, protocol };
}

/** The ten messages in which vCenter makes, tags and reads a key. */
async function vcenter(wire: Wire): Promise<void> {
  const ask = async (...batch: BatchRequest[]) => payloadsOf(await wire.exchange(message(...batch)));
  await ask(requests.discoverVersions());
  await ask(requests.discoverVersions());
  await ask(requests.query([QueryFunction.QueryServerInformation]));
  const identifier = await create(wire);
  await ask(requests.getAttributes(identifier, ["x-Product_Version"]));
  await ask(
    ...["x-Product_Version", "x-Vendor", "x-Product"].map((name, index) => ({
      ...requests.addAttribute(identifier, { name, value: { t: "text", v: "bench" } }),
      uniqueBatchItemId: Buffer.from(`QLKC000${index}`),
    })),
  );
  await ask(requests.getAttributes(identifier, ["x-Product_Version"]));
  await ask(requests.getAttributes(identifier, ["State"]));
  await ask(requests.get(identifier));
  await ask(requests.get(identifier));
}

/**
 * The turns of so many connections, opened where the workload keeps them open.
 *
 * @returns the turns, and what closes their connections
 */
export async function turnsOf(
  workload: Workload,
  endpoint: Endpoint,
  stock: Stock,
  connections: number,
): Promise<{ readonly turns: readonly Turn[]; close(): void }> {
  let next = 0;
  const after = <T>(list: readonly T[]): T => {
    next += 1;
    return list[next % list.length] as T;
  };
  if (workload === "connect-get") {
    const turn: Turn = async () => {
      const wire = await Wire.open(endpoint);
      try {
        payloadsOf(await wire.exchange(after(stock.gets)));
      } finally {
        wire.close();
      }
    };
    return { turns: Array.from({ length: connections }, () => turn), close: () => undefined };
  }
  const locates = stock.names.map((name) => message(requests.locate([nameAttribute(name)])));
  const wires: Wire[] = [];
  for (let index = 0; index < connections; index += 1) {
    wires.push(await Wire.open(endpoint));
  }
  const work: { readonly [K in Exclude<Workload, "connect-get">]: (wire: Wire) => Promise<void> } = {
    get: async (wire) => void payloadsOf(await wire.exchange(after(stock.gets))),
    create: async (wire) => void (await create(wire)),
    locate: async (wire) => void payloadsOf(await wire.exchange(after(locates))),
    vcenter,
  };
  return {
    turns: wires.map((wire) => () => work[workload](wire)),
    close() {
      for (const wire of wires) {
        wire.close();
      }
    },
  };
}
