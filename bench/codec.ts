/**
 * How many typical Get requests one core decodes, and their responses encodes, in a second: no engine, no network.
 *
 * `npx tsx bench/codec.ts [--seconds 3]` prints JSON.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { requests, writeRequest } from "@/lib/kmip/client/client";
import {
  CryptographicAlgorithm,
  KeyFormatType,
  ObjectType,
  Operation,
} from "@/lib/kmip/protocol/enumerations";
import { readRequest } from "@/lib/kmip/protocol/requests";
import { ResponseWriter } from "@/lib/kmip/protocol/responses";
import { Tag } from "@/lib/kmip/protocol/tags";
import { KmipVersion } from "@/lib/kmip/protocol/versions";
import { bytes, enumeration, ItemType, integer, structure, text } from "@/lib/kmip/ttlv";

const LIMITS = { maxDepth: 32, maxItems: 20_000, maxBatchItems: 100 };
const ROUNDS = 5;

const identifier = randomUUID();
const material = randomBytes(32);
const message = writeRequest("1.1", [
  { ...requests.get(identifier), uniqueBatchItemId: Buffer.from("QLKC0001") },
]);
let sink = 0;

/** What a Get takes of the codec: the whole request as values, the whole response as bytes. */
function exchange(): void {
  const request = readRequest(message, LIMITS);
  if ("error" in request) {
    throw request.error;
  }
  const [item] = request.items;
  const name = item?.payload?.value[0];
  if (item === undefined || name?.type !== ItemType.TextString) {
    throw new Error("not the request that was sent");
  }
  const writer = new ResponseWriter({ version: KmipVersion.V1_1, timeStamp: 1_700_000_000 });
  writer.add({
    operation: Operation.Get,
    uniqueBatchItemId: item.uniqueBatchItemId,
    outcome: {
      payload: [
        enumeration(Tag.ObjectType, ObjectType.SymmetricKey),
        text(Tag.UniqueIdentifier, name.value),
        structure(Tag.SymmetricKey, [
          structure(Tag.KeyBlock, [
            enumeration(Tag.KeyFormatType, KeyFormatType.Raw),
            structure(Tag.KeyValue, [bytes(Tag.KeyMaterial, material)]),
            enumeration(Tag.CryptographicAlgorithm, CryptographicAlgorithm.AES),
            integer(Tag.CryptographicLength, 256),
          ]),
        ]),
      ],
    },
  });
  sink += writer.finish().length;
  writer.release();
}

/** Rounds a second, over so many milliseconds of this process's own processor time. */
function measure(work: () => void, milliseconds: number): number {
  const started = process.cpuUsage();
  let rounds = 0;
  for (;;) {
    for (let turn = 0; turn < 2_000; turn += 1) {
      work();
    }
    rounds += 2_000;
    const { user, system } = process.cpuUsage(started);
    const spent = (user + system) / 1_000;
    if (spent >= milliseconds) {
      return Math.round((rounds / spent) * 1_000);
    }
  }
}

const { values } = parseArgs({ options: { seconds: { type: "string", default: "3" } } });
const share = (Number(values.seconds) * 1_000) / (2 * ROUNDS + 1);
const decode = () => {
  sink += "error" in readRequest(message, LIMITS) ? 1 : 2;
};
measure(exchange, share);
const exchanges = Array.from({ length: ROUNDS }, () => measure(exchange, share)).sort((a, b) => a - b);
const decodes = Array.from({ length: ROUNDS }, () => measure(decode, share)).sort((a, b) => a - b);
const median = (sorted: readonly number[]) => sorted[Math.floor(sorted.length / 2)] ?? 0;
process.stdout.write(
  `${JSON.stringify({
    bench: "codec",
    unit: "per second of processor time, one core",
    requestBytes: message.length,
    getDecodedAndEncoded: median(exchanges),
    getDecoded: median(decodes),
    rounds: { getDecodedAndEncoded: exchanges, getDecoded: decodes },
    checksum: sink % 1_000_003,
  })}\n`,
);
