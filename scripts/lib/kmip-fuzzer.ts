/**
 * A fuzzer of the KMIP codec and engine: valid messages, damaged by someone who knows the format, and noise.
 *
 * Every frame follows from the seed and its number alone, so that a failure can be had again.
 */
import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  type BatchRequest,
  type KmipVersionName,
  nameAttribute,
  requests,
  writeRequest,
} from "@/lib/kmip/client/client";
import { readResponse } from "@/lib/kmip/client/responses";
import { EncodingError } from "@/lib/kmip/encoding/errors";
import { decodeJson, encodeJson } from "@/lib/kmip/encoding/json";
import { decodeXml, encodeXml } from "@/lib/kmip/encoding/xml";
import { createKmipEngine, type RequestOrigin } from "@/lib/kmip/engine/engine";
import { type OperationCount, OperationCounts } from "@/lib/kmip/engine/operation-counts";
import type { RandomSource } from "@/lib/kmip/ports";
import { Data, Operation, UniqueIdentifier } from "@/lib/kmip/protocol/enumerations";
import { KmipError } from "@/lib/kmip/protocol/errors";
import { Tag } from "@/lib/kmip/protocol/tags";
import { MemoryKeyStore, MemoryTenantDirectory } from "@/lib/kmip/testing/memory-ports";
import { Framer } from "@/lib/kmip/transport/framer";
import {
  bytes,
  decodeTtlv,
  encodeTtlv,
  enumeration,
  type Item,
  integer,
  structure,
  TtlvError,
  text,
} from "@/lib/kmip/ttlv";
import { operationsOnData, otherOperations, preparations } from "./kmip-corpus";
import { mutate, mutateText, Random } from "./kmip-mutations";

export type FuzzOptions = {
  readonly seed: number;
  /** Ends after so many frames … */
  readonly frames?: number;
  /** … or after so many milliseconds, whichever comes first. */
  readonly milliseconds?: number;
  /** Called now and then with what was done so far. */
  readonly onProgress?: (counts: FuzzCounts) => void;
};

export type FuzzCounts = {
  frames: number;
  /** Frames that are TTLV in spite of all. */
  decoded: number;
  /** Frames that the codec refused. */
  refused: number;
  /** Batch items that the engine answered with success, and with failure. */
  succeeded: number;
  failed: number;
  /** The same by operation. */
  operations: { readonly [operation: string]: OperationCount };
  /** Frames that were written as XML or JSON, damaged there, and read again; and those that were refused then. */
  converted: number;
  notRead: number;
  /** Milliseconds that the slowest frame took. */
  slowestMs: number;
  /** Bytes of heap in use, after a garbage collection, at the start and now. */
  heapBefore: number;
  heapAfter: number;
};

/** A frame, and what it can be made again from. */
type FuzzedFrame = { readonly seed: number; readonly number: number; readonly frame: Uint8Array };

/** What must not happen, with all that it takes to make it happen again. */
export class FuzzFailure extends Error {
  constructor(what: string, { seed, number, frame }: FuzzedFrame, cause?: unknown) {
    super(
      `${what}\n--seed ${seed}, frame ${number} (of ${frame.length} bytes): ${Buffer.from(frame).toString("hex").slice(0, 4_000)}`,
      { cause },
    );
    this.name = "FuzzFailure";
  }
}

/** Frames before everything is made anew, so that what grows is a leak and not stock. */
const GENERATION = 1_000;
/** Longer than any pause of a loaded machine, shorter than a tester's patience. */
const HANG_MS = 10_000;
const HEAP_GROWTH = 48 * 1_048_576;
const VERSIONS: readonly KmipVersionName[] = ["1.0", "1.1", "1.2", "1.3", "1.4", "2.0", "2.1"];

/** Longer than an engine here keeps operations of which parts are missing. */
const OUTSTANDING_MS = 2_500;

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

function heapInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** What 2.x has besides: refused in 1.x. */
function operationsOf2(one: string, two: string): BatchRequest[] {
  const tier = { name: "Acme:Tier", value: { t: "text", v: "gold" } } as const;
  const group = { name: "Object Group", value: { t: "text", v: "a" } } as const;
  const moment = { name: "x-Moment", value: { t: "dateTimeExtended", v: "1700000000000001" } } as const;
  const parameters = structure(Tag.CryptographicParameters, [enumeration(Tag.HashingAlgorithm, 6)]);
  return [
    requests.addAttribute(one, tier),
    requests.setAttribute(one, group),
    requests.setAttribute(two, moment),
    requests.modifyAttribute(one, group, group),
    requests.deleteAttributeValue(one, group),
    requests.adjustAttribute(one, "Protection Period", 1, { t: "interval", v: 60 }),
    requests.adjustAttribute(one, "Sensitive", 3),
    requests.getAttributes(one, ["Short Unique Identifier", "Acme:Tier"]),
    requests.query([12, 13, 14]),
    requests.ping(),
    { operation: Operation.SetEndpointRole, payload: [enumeration(Tag.EndpointRole, 2)] },
    { operation: Operation.Log, payload: [text(Tag.LogMessage, "fuzz")] },
    // References to what items before answered.
    requests.locate([group]),
    { operation: Operation.Activate, payload: [enumeration(Tag.UniqueIdentifier, UniqueIdentifier.Locate)] },
    { operation: Operation.GetAttributes, payload: [integer(Tag.UniqueIdentifier, -1)] },
    { operation: Operation.RNGRetrieve, payload: [integer(Tag.DataLength, 16)] },
    { operation: Operation.Hash, payload: [parameters, enumeration(Tag.Data, Data.RNGRetrieve)] },
    { operation: Operation.Hash, payload: [parameters, integer(Tag.Data, 0)] },
  ];
}

/** Valid messages of every operation that the client can write, about these objects. */
function corpusOf(identifiers: readonly string[]): Item[] {
  const [one = "", two = "", ...others] = identifiers;
  const vendor = { name: "x-Vendor", value: { t: "text", v: "fuzz" } } as const;
  const single: BatchRequest[] = [
    requests.create({ name: "fuzz", attributes: [vendor] }),
    requests.create({ algorithm: 2, length: 168 }),
    requests.get(one),
    requests.get(),
    requests.getAttributes(one),
    requests.getAttributes(two, ["State", "x-Vendor", "Name"]),
    requests.getAttributeList(one),
    requests.addAttribute(one, vendor),
    requests.modifyAttribute(one, vendor),
    requests.deleteAttribute(one, "x-Vendor", 0),
    requests.locate([nameAttribute("fuzz"), vendor], 3),
    requests.locate(),
    requests.activate(two),
    requests.revoke(two, 1),
    requests.revoke(one, 2, new Date(1_700_000_000_000)),
    requests.destroy(two),
    requests.query([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    requests.discoverVersions(["1.4", "1.1"]),
    ...operationsOf2(one, two),
    ...operationsOnData(one, two),
    ...otherOperations(others),
  ];
  const batch = single.map((request, index) => ({ ...request, uniqueBatchItemId: Buffer.from([0, index]) }));
  const extension = structure(Tag.MessageExtension, [bytes(Tag.VendorExtension, Buffer.from("fuzz"))]);
  return VERSIONS.flatMap((version) =>
    [
      ...single.map((request) => writeRequest(version, [request])),
      ...chunksOf(batch, 20).map((part) =>
        writeRequest(version, part, { continuation: "continue", order: true, maximumResponseSize: 4_096 }),
      ),
      writeRequest(version, batch.slice(0, 3), { continuation: "undo", header: [extension] }),
      writeRequest(version, batch.slice(0, 15), { continuation: "undo" }),
    ].map((message) => decodeTtlv(message)),
  );
}

/** The same bytes and identifiers in every generation: messages about the objects of one fit those of the next. */
function repeatable(): RandomSource {
  let calls = 0;
  const next = (): Random => {
    calls += 1;
    return new Random(0, calls);
  };
  return {
    bytes: (length) => next().bytes(length),
    uuid: () => next().bytes(16).toString("hex"),
  };
}

const chunksOf = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );

/** An engine with keys of all uses, that tells the first fault of its own. */
async function makeSubject(operations: OperationCounts, known?: readonly Item[]) {
  const store = new MemoryKeyStore();
  const tenant = new MemoryTenantDirectory().pin("instance-a", "aa".repeat(32));
  const faults: unknown[] = [];
  const quiet = () => undefined;
  const engine = createKmipEngine({
    store,
    audit: { write: async () => undefined },
    onAnswered: (operation, succeeded) => operations.note(operation, succeeded),
    random: repeatable(),
    // What a generation leaves outstanding is let go soon after it, or it would look like a leak.
    limits: { outstandingSeconds: 1 },
    logger: {
      debug: quiet,
      info: quiet,
      warn: quiet,
      error(fields, message) {
        const err = "err" in fields ? fields.err : undefined;
        // What an operation itself calls a General Failure is an answer; a fault is what nobody foresaw.
        if (!(err instanceof KmipError)) {
          faults.push(new Error(message, { cause: err }));
        }
      },
    },
  });
  const origin: RequestOrigin = { tenant, remoteAddress: "192.0.2.7", remotePort: 40_000 };
  const send = async (request: BatchRequest) =>
    (await engine.handle(writeRequest("1.4", [request]), origin)).release();
  for (const request of [requests.create(), requests.create(), ...preparations, requests.create()]) {
    await send(request);
  }
  const identifiers = store.objects("instance-a").map(({ uniqueIdentifier }) => uniqueIdentifier);
  for (const identifier of identifiers.slice(2)) {
    await send(requests.activate(identifier));
  }
  return { engine, origin, faults, corpus: known ?? corpusOf(identifiers) };
}

/** The codec: its own error or nothing; what it takes, it writes as it was. True if it took the frame. */
function checkCodec(frame: Buffer): boolean {
  let item: Item;
  try {
    item = decodeTtlv(frame);
  } catch (error) {
    if (error instanceof TtlvError) {
      return false;
    }
    throw error;
  }
  if (!encodeTtlv(item).equals(frame)) {
    throw new Error("it is encoded otherwise than it was");
  }
  return true;
}

/** The cutting of a stream: ends, and hands out no more than it was given. */
function checkFramer(frame: Buffer, random: Random): void {
  const framer = new Framer(65_536);
  let given = 0;
  for (let at = 0; at < frame.length; ) {
    const next = Math.min(frame.length, at + 1 + random.below(frame.length));
    framer.push(Buffer.from(frame.subarray(at, next)));
    at = next;
    for (let message = framer.next(); message !== null; message = framer.next()) {
      if (typeof message === "string") {
        return;
      }
      given += message.length;
    }
  }
  if (given + framer.buffered !== frame.length) {
    throw new Error("the framer lost or invented bytes");
  }
}

/** XML and JSON: their own error or nothing, whatever is done to the text. True if it was read. */
function checkEncoding(frame: Buffer, random: Random): boolean {
  const [encode, decode] = random.below(2) === 0 ? [encodeXml, decodeXml] : [encodeJson, decodeJson];
  try {
    decode(mutateText(random, encode(decodeTtlv(frame))));
    return true;
  } catch (error) {
    if (error instanceof EncodingError) {
      return false;
    }
    throw error;
  }
}

/** Fuzzes until a bound is reached. @throws FuzzFailure */
export async function fuzz(options: FuzzOptions): Promise<FuzzCounts> {
  const { seed, frames = Number.POSITIVE_INFINITY, milliseconds = Number.POSITIVE_INFINITY } = options;
  const deadline = performance.now() + milliseconds;
  const counts: FuzzCounts = {
    frames: 0,
    decoded: 0,
    refused: 0,
    succeeded: 0,
    failed: 0,
    operations: {},
    converted: 0,
    notRead: 0,
    slowestMs: 0,
    heapBefore: 0,
    heapAfter: 0,
  };
  const operations = new OperationCounts();
  let subject = await makeSubject(operations);
  for (let number = 0; number < frames && performance.now() < deadline; number += 1) {
    if (number % GENERATION === 0) {
      // Nothing here waits for the world outside: without a pause no timer of the engine would ever fire.
      await pause();
      subject = await makeSubject(operations, subject.corpus);
      if (number === 5 * GENERATION) {
        counts.heapBefore = heapInUse();
      }
      if (number % (GENERATION * 100) === 0) {
        options.onProgress?.(counts);
      }
    }
    const random = new Random(seed, number);
    const frame = mutate(random, subject.corpus);
    const started = performance.now();
    try {
      await check(frame, random, subject, counts);
    } catch (error) {
      const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      throw new FuzzFailure(what, { seed, number, frame }, error);
    }
    const took = performance.now() - started;
    counts.slowestMs = Math.max(counts.slowestMs, took);
    counts.frames += 1;
    if (took > HANG_MS) {
      throw new FuzzFailure(`took ${took} ms`, { seed, number, frame });
    }
  }
  counts.operations = operations.byName();
  await pause(OUTSTANDING_MS);
  subject = await makeSubject(operations, subject.corpus);
  counts.heapAfter = heapInUse();
  if (counts.heapBefore > 0 && counts.heapAfter - counts.heapBefore > HEAP_GROWTH) {
    throw new Error(`The heap grew from ${counts.heapBefore} to ${counts.heapAfter} bytes (--seed ${seed})`);
  }
  return counts;
}

async function check(
  frame: Buffer,
  random: Random,
  subject: Awaited<ReturnType<typeof makeSubject>>,
  counts: FuzzCounts,
): Promise<void> {
  if (checkCodec(frame)) {
    counts.decoded += 1;
    if (random.below(8) === 0) {
      counts.converted += 1;
      if (!checkEncoding(frame, random)) {
        counts.notRead += 1;
      }
    }
  } else {
    counts.refused += 1;
  }
  if (random.below(8) === 0) {
    checkFramer(frame, random);
  }
  const { engine, origin, faults } = subject;
  // The engine may zero what it was given.
  const response = await engine.handle(Buffer.from(frame), origin);
  const { items } = readResponse(response.bytes);
  response.release();
  if (items.length === 0) {
    throw new Error("an answer without a batch item");
  }
  for (const { status } of items) {
    if (status === 0) {
      counts.succeeded += 1;
    } else {
      counts.failed += 1;
    }
  }
  const fault = faults.shift();
  if (fault !== undefined) {
    throw fault;
  }
}
