import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BatchRequest, type KmipVersionName, requests, writeRequest } from "@/lib/kmip/client/client";
import { childrenOf, find, numberIn, readResponse, textIn } from "@/lib/kmip/client/responses";
import {
  BatchErrorContinuationOption,
  OPERATIONS,
  Operation,
  QueryFunction,
  ResultReason,
  ResultStatus,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import {
  boolean,
  bytes,
  dateTime,
  decodeTtlv,
  encodeTtlv,
  enumeration,
  type Item,
  integer,
  structure,
  text,
} from "@/lib/kmip/ttlv";
import { EngineHarness } from "./harness";

const version = (major: number, minor: number) =>
  structure(Tag.ProtocolVersion, [
    integer(Tag.ProtocolVersionMajor, major),
    integer(Tag.ProtocolVersionMinor, minor),
  ]);

const queryItem = structure(Tag.BatchItem, [
  enumeration(Tag.Operation, Operation.Query),
  structure(Tag.RequestPayload, [enumeration(Tag.QueryFunction, QueryFunction.QueryServerInformation)]),
]);

const message = (header: readonly Item[], items: readonly Item[] = [queryItem]) =>
  structure(Tag.RequestMessage, [structure(Tag.RequestHeader, header), ...items]);

async function ask(harness: EngineHarness, item: Item) {
  return readResponse(await harness.raw(encodeTtlv(item)));
}

/** What a message that is refused as a whole is answered with (11.1). */
const refused = (resultReason: number) => [
  expect.objectContaining({
    operation: null,
    status: ResultStatus.OperationFailed,
    resultReason,
    payload: [],
  }),
];

describe("the frame of a message", () => {
  const V14 = version(1, 4);
  const count = (value: number) => integer(Tag.BatchCount, value);
  const { InvalidMessage, InvalidField, UnsupportedProtocolVersion } = ResultReason;

  it.each<[string, Item, number]>([
    ["another kind of message", structure(Tag.ResponseMessage, []), InvalidMessage],
    ["no header", structure(Tag.RequestMessage, [queryItem]), InvalidMessage],
    ["no items", message([V14, count(0)], []), InvalidMessage],
    [
      "two headers",
      structure(Tag.RequestMessage, [
        structure(Tag.RequestHeader, [V14, count(1)]),
        structure(Tag.RequestHeader, [V14, count(1)]),
        queryItem,
      ]),
      InvalidMessage,
    ],
    ["no version", message([count(1)]), InvalidMessage],
    ["two versions", message([V14, V14, count(1)]), InvalidMessage],
    [
      "a version without minor",
      message([structure(Tag.ProtocolVersion, [integer(Tag.ProtocolVersionMajor, 1)]), count(1)]),
      InvalidMessage,
    ],
    ["major version 3", message([version(3, 0), count(1)]), UnsupportedProtocolVersion],
    ["major version 0", message([version(0, 1), count(1)]), InvalidMessage],
    ["no batch count", message([V14]), InvalidMessage],
    ["a batch count too high", message([V14, count(2)]), InvalidMessage],
    ["a batch count too low", message([V14, count(1)], [queryItem, queryItem]), InvalidMessage],
    ["a batch count of the wrong type", message([V14, text(Tag.BatchCount, "1")]), InvalidMessage],
    ["an unknown field in the header", message([V14, text(Tag.Comment, "?"), count(1)]), InvalidField],
    [
      "a stranger beside the items",
      structure(Tag.RequestMessage, [
        structure(Tag.RequestHeader, [V14, count(1)]),
        queryItem,
        text(Tag.Comment, "?"),
      ]),
      InvalidField,
    ],
    [
      "a field that is younger than the version",
      message([version(1, 3), text(Tag.ClientCorrelationValue, "c"), count(1)]),
      InvalidField,
    ],
    [
      "an unknown continuation option",
      message([V14, enumeration(Tag.BatchErrorContinuationOption, 9), count(1)]),
      InvalidField,
    ],
    ["a negative maximum size", message([V14, integer(Tag.MaximumResponseSize, -1), count(1)]), InvalidField],
  ])("refuses %s", async (_name, item, reason) => {
    const harness = new EngineHarness();
    const response = await ask(harness, item);
    expect(response.items).toEqual(refused(reason));
    expect(harness.audit.records).toHaveLength(1);
    expect(harness.audit.records[0]).toMatchObject({
      operation: null,
      outcome: "failure",
      resultReason: reason,
    });
  });

  it("answers in the client's version, and in one it can read if that is not known or not supported", async () => {
    const harness = new EngineHarness();
    for (const [major = 0, minor = 0] of [
      [1, 0],
      [1, 1],
      [1, 2],
      [1, 3],
      [1, 4],
      [2, 0],
      [2, 1],
    ]) {
      const response = await ask(harness, message([version(major, minor), count(1)]));
      expect(response.version).toEqual({ major, minor });
      expect(response.items[0]?.status).toBe(ResultStatus.Success);
      const broken = await ask(harness, message([version(major, minor), count(7)]));
      expect(broken.version).toEqual({ major, minor });
    }
    expect((await ask(harness, message([version(3, 0), count(1)]))).version).toEqual({ major: 2, minor: 1 });
    expect((await ask(harness, message([version(0, 1), count(1)]))).version).toEqual({ major: 1, minor: 4 });
    // What vCenter reads, whatever it sent.
    expect((await ask(harness, structure(Tag.ResponseMessage, []))).version).toEqual({ major: 1, minor: 4 });
  });

  it("ignores fields that it does not know in messages of a newer minor version", async () => {
    const newer = message(
      [version(1, 7), text(0x420fff, "?"), count(1)],
      [structure(Tag.BatchItem, [...childrenOf(queryItem), text(0x420ffe, "?")])],
    );
    const response = await ask(new EngineHarness(), newer);
    expect(response.version).toEqual({ major: 1, minor: 4 });
    expect(response.items[0]).toMatchObject({ operation: Operation.Query, status: ResultStatus.Success });
  });

  it("accepts what it has no use for: credentials, time stamps, order, another order of fields", async () => {
    const harness = new EngineHarness();
    const credential = structure(Tag.Credential, [
      enumeration(Tag.CredentialType, 1),
      structure(Tag.CredentialValue, [text(Tag.Username, "vcenter"), text(Tag.Password, "secret")]),
    ]);
    const header = [
      version(1, 1),
      boolean(Tag.AsynchronousIndicator, false),
      structure(Tag.Authentication, [credential]),
      enumeration(Tag.BatchErrorContinuationOption, BatchErrorContinuationOption.Undo),
      boolean(Tag.BatchOrderOption, true),
      dateTime(Tag.TimeStamp, 1n),
      count(1),
    ];
    for (const fields of [header, [...header].reverse()]) {
      expect((await ask(harness, message(fields))).items[0]?.status).toBe(ResultStatus.Success);
    }
    expect(JSON.stringify(harness.audit.records)).not.toContain("secret");
  });

  it("stamps every answer with its time, and correlates with clients that do", async () => {
    const harness = new EngineHarness();
    harness.clock.set(new Date("2027-03-04T05:06:07.890Z"));
    const response = await ask(harness, message([V14, text(Tag.ClientCorrelationValue, "boot-7"), count(1)]));
    expect(find(response.header, Tag.TimeStamp)?.value).toBe(
      BigInt(Date.parse("2027-03-04T05:06:07Z") / 1000),
    );
    expect(response.header.map(({ tag }) => tag)).toEqual([
      Tag.ProtocolVersion,
      Tag.TimeStamp,
      Tag.ServerCorrelationValue,
      Tag.BatchCount,
    ]);
    expect(harness.audit.records[0]).toMatchObject({
      data: { clientCorrelationValue: "boot-7" },
      requestId: textIn(response.header, Tag.ServerCorrelationValue),
    });
    const plain = await ask(harness, message([V14, count(1)]));
    expect(plain.header.map(({ tag }) => tag)).toEqual([Tag.ProtocolVersion, Tag.TimeStamp, Tag.BatchCount]);
  });
});

describe("batch items", () => {
  const header = (batchCount: number, ...more: Item[]) => [
    version(1, 2),
    ...more,
    integer(Tag.BatchCount, batchCount),
  ];
  const go = enumeration(Tag.BatchErrorContinuationOption, BatchErrorContinuationOption.Continue);
  const id = (value: number) => bytes(Tag.UniqueBatchItemID, Buffer.from([value]));
  const extension = (critical: boolean) =>
    structure(Tag.MessageExtension, [
      text(Tag.VendorIdentification, "acme"),
      boolean(Tag.CriticalityIndicator, critical),
      structure(Tag.VendorExtension, [text(0x540001, "anything")]),
    ]);

  it("fail alone when they cannot be read", async () => {
    const [operation, payload] = childrenOf(queryItem);
    if (operation === undefined || payload === undefined) {
      throw new Error("unreachable");
    }
    const damaged: Item[] = [
      structure(Tag.BatchItem, [operation, operation, id(1), payload]),
      structure(Tag.BatchItem, [id(2), payload]),
      structure(Tag.BatchItem, [operation, id(3)]),
      structure(Tag.BatchItem, [operation, id(4), text(Tag.Comment, "?"), payload]),
      structure(Tag.BatchItem, [
        operation,
        id(5),
        structure(Tag.RequestPayload, [text(Tag.QueryFunction, "x")]),
      ]),
      structure(Tag.BatchItem, [operation, id(6), structure(Tag.RequestPayload, [])]),
      structure(Tag.BatchItem, [operation, id(7), payload]),
    ];
    const response = await ask(new EngineHarness(), message(header(damaged.length, go), damaged));
    expect(response.items.map(({ uniqueBatchItemId }) => uniqueBatchItemId?.[0])).toEqual([
      1, 2, 3, 4, 5, 6, 7,
    ]);
    expect(response.items.map(({ resultReason }) => resultReason)).toEqual([4, 4, 4, 7, 4, 4, null]);
    expect(response.items[1]?.operation).toBeNull();
    expect(response.items[2]?.operation).toBe(Operation.Query);
  });

  it("fail alone when the bytes of their payload are damaged", async () => {
    const [operation, payload] = childrenOf(queryItem);
    if (operation === undefined || payload === undefined) {
      throw new Error("unreachable");
    }
    const items = [1, 2].map((value) => structure(Tag.BatchItem, [operation, id(value), payload]));
    const encoded = encodeTtlv(message(header(2, go), items));
    // The Query Function of the first item: make its padding dirty.
    const at = encoded.indexOf(Buffer.from("42007405", "hex"));
    encoded[at + 15] = 1;
    const response = readResponse(await new EngineHarness().raw(encoded));
    expect(response.items).toMatchObject([
      { operation: Operation.Query, resultReason: ResultReason.InvalidMessage },
      { operation: Operation.Query, status: ResultStatus.Success },
    ]);
  });

  it("need a Unique Batch Item ID if there are several (Table 283)", async () => {
    const harness = new EngineHarness();
    const [operation, payload] = childrenOf(queryItem);
    if (operation === undefined || payload === undefined) {
      throw new Error("unreachable");
    }
    const named = structure(Tag.BatchItem, [operation, id(1), payload]);
    const continued = await ask(harness, message(header(3, go), [named, queryItem, named]));
    expect(continued.items.map(({ resultReason }) => resultReason)).toEqual([
      null,
      ResultReason.InvalidMessage,
      null,
    ]);
    const stopped = await ask(harness, message(header(2), [queryItem, named]));
    expect(stopped.items).toMatchObject([
      { operation: Operation.Query, resultReason: ResultReason.InvalidMessage },
    ]);
    expect((await ask(harness, message(header(1), [queryItem]))).items[0]?.resultReason).toBeNull();
  });

  it("of unknown or unsupported operations say so", async () => {
    const harness = new EngineHarness();
    const unsupported = Object.values(Operation).filter(
      (code) =>
        ![
          1, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 24, 30, 31, 32, 35, 36, 37, 38,
          39, 42, 43,
        ].includes(code),
    );
    for (const operation of [...unsupported, 0x7777, 0x8000_0001]) {
      const item = await harness.one("1.4", { operation, payload: [] });
      expect(item, OPERATIONS.nameOf(operation)).toMatchObject({
        operation,
        resultReason: ResultReason.OperationNotSupported,
      });
    }
    const early = { operation: Operation.Encrypt, payload: [] };
    expect((await harness.one("1.1", early)).resultReason).toBe(ResultReason.OperationNotSupported);
  });

  it("carry message extensions: a critical one rejects the message, another is ignored", async () => {
    const harness = new EngineHarness();
    const item = (critical: boolean) =>
      structure(Tag.BatchItem, [
        enumeration(Tag.Operation, Operation.Query),
        id(7),
        ...childrenOf(queryItem).slice(1),
        extension(critical),
      ]);
    const create = structure(Tag.BatchItem, [
      enumeration(Tag.Operation, Operation.Create),
      structure(Tag.RequestPayload, requests.create().payload),
    ]);
    const response = await ask(harness, message(header(2), [create, item(true)]));
    expect(response.items).toEqual([
      expect.objectContaining({
        operation: Operation.Query,
        uniqueBatchItemId: Buffer.from([7]),
        resultReason: ResultReason.FeatureNotSupported,
        payload: [],
      }),
    ]);
    expect(harness.store.objects("instance-a")).toEqual([]);
    expect((await ask(harness, message(header(1), [item(false)]))).items[0]?.status).toBe(
      ResultStatus.Success,
    );
  });
});

describe("features that are not supported", () => {
  it.each<[string, Item]>([["asynchronous answers", boolean(Tag.AsynchronousIndicator, true)]])(
    "refuse the message, as the answer to its first item: %s",
    async (_name, field) => {
      const harness = new EngineHarness();
      const items = [1, 2].map((value) =>
        structure(Tag.BatchItem, [
          enumeration(Tag.Operation, Operation.Create),
          bytes(Tag.UniqueBatchItemID, Buffer.from([value])),
          structure(Tag.RequestPayload, requests.create().payload),
        ]),
      );
      const response = await ask(harness, message([version(1, 4), field, integer(Tag.BatchCount, 2)], items));
      expect(response.items).toEqual([
        expect.objectContaining({
          operation: Operation.Create,
          uniqueBatchItemId: Buffer.from([1]),
          resultReason: ResultReason.FeatureNotSupported,
          payload: [],
        }),
      ]);
      expect(harness.store.objects("instance-a")).toEqual([]);
    },
  );
});

describe("batches", () => {
  const bad = requests.get("no-such-object");
  const good = requests.query([QueryFunction.QueryServerInformation]);

  it("stop at a failure, or go on, as asked", async () => {
    const harness = new EngineHarness();
    const statuses = async (...options: Parameters<EngineHarness["send"]>[2][]) =>
      (await harness.send("1.4", [good, bad, good], options[0])).items.map(({ status }) => status);
    expect(await statuses()).toEqual([0, 1]);
    expect(await statuses({ continuation: "stop" })).toEqual([0, 1]);
    expect(await statuses({ continuation: "continue" })).toEqual([0, 1, 0]);
    const response = await harness.send("1.4", [good, bad, good]);
    expect(numberIn(response.header, Tag.BatchCount)).toBe(2);
  });

  it("hand the ID Placeholder on", async () => {
    const harness = new EngineHarness();
    const response = await harness.send("1.4", [
      requests.create({ name: "chained" }),
      requests.activate(),
      requests.get(),
      requests.getAttributes(undefined, ["State"]),
    ]);
    expect(response.items.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
    const created = textIn(response.items[0]?.payload ?? [], Tag.UniqueIdentifier);
    expect(response.items.map(({ payload }) => textIn(payload, Tag.UniqueIdentifier))).toEqual(
      Array(4).fill(created),
    );
    expect((await harness.one("1.4", requests.get())).resultReason).toBe(ResultReason.ItemNotFound);
  });

  it("empty the ID Placeholder when Locate finds several or none", async () => {
    const harness = new EngineHarness();
    await harness.send("1.4", [requests.create()]);
    const chain = async (maximumItems?: number) =>
      (await harness.send("1.4", [requests.locate([], maximumItems), requests.get()])).items.map(
        ({ status }) => status,
      );
    expect(await chain()).toEqual([0, 0]);
    await harness.send("1.4", [requests.create()]);
    expect(await chain()).toEqual([0, 1]);
    expect(await chain(2)).toEqual([0, 1]);
    expect(await chain(1)).toEqual([0, 0]);
    expect(await chain(0)).toEqual([0, 1]);
  });

  it("keep to Maximum Response Size", async () => {
    const harness = new EngineHarness();
    const query = requests.query([QueryFunction.QueryOperations, QueryFunction.QueryObjects]);
    const { items } = await harness.send("1.4", [query], { maximumResponseSize: 256 });
    expect(items).toMatchObject([
      { operation: Operation.Query, resultReason: ResultReason.ResponseTooLarge },
    ]);
    expect((await harness.send("1.4", [query], { maximumResponseSize: 2048 })).items[0]?.status).toBe(0);
    const created = await harness.one("1.4", requests.create());
    const identifier = textIn(created.payload, Tag.UniqueIdentifier) ?? "";
    const small = await harness.send("1.4", [requests.get(identifier)], { maximumResponseSize: 200 });
    expect(small.items[0]?.resultReason).toBe(ResultReason.ResponseTooLarge);
    expect(harness.audit.records.at(-1)).toMatchObject({ outcome: "failure", servedMaterial: false });
  });

  it("are limited in number", async () => {
    const harness = new EngineHarness({ maxBatchItems: 3 });
    expect((await harness.send("1.4", [good, good, good])).items).toHaveLength(3);
    expect((await harness.send("1.4", [good, good, good, good])).items).toEqual(
      refused(ResultReason.InvalidMessage),
    );
  });
});

describe("Query and Discover Versions", () => {
  it("name the operations of the version, and the server", async () => {
    const harness = new EngineHarness();
    const operations = async (name: KmipVersionName) =>
      (await harness.one(name, requests.query([QueryFunction.QueryOperations]))).payload.map(
        ({ value }) => value,
      );
    expect(await operations("1.0")).not.toContain(Operation.DiscoverVersions);
    expect(await operations("1.4")).toContain(Operation.DiscoverVersions);
    const { payload } = await harness.one("1.1", requests.query([QueryFunction.QueryServerInformation]));
    expect(payload.map(({ tag }) => tag)).toEqual([Tag.VendorIdentification, Tag.ServerInformation]);
    const newer = requests.query([QueryFunction.QueryCapabilities]);
    expect((await harness.one("1.1", newer)).payload).toEqual([]);
    const at = async (name: KmipVersionName) =>
      childrenOf(find((await harness.one(name, newer)).payload, Tag.CapabilityInformation)).length;
    expect([await at("1.3"), await at("1.4")]).toEqual([3, 5]);
    const nothing = requests.query([
      QueryFunction.QueryApplicationNamespaces,
      QueryFunction.QueryExtensionList,
    ]);
    expect((await harness.one("1.4", nothing)).payload).toEqual([]);
  });

  it("tell the versions that both sides know", async () => {
    const harness = new EngineHarness();
    const discover = async (request: BatchRequest) =>
      (await harness.one("1.1", request)).payload.map((item) => childrenOf(item).map(({ value }) => value));
    expect(await discover(requests.discoverVersions())).toEqual([
      [2, 1],
      [2, 0],
      [1, 4],
      [1, 3],
      [1, 2],
      [1, 1],
      [1, 0],
    ]);
    expect(await discover(requests.discoverVersions(["1.0", "1.2"]))).toEqual([
      [1, 2],
      [1, 0],
    ]);
    expect(await discover({ operation: Operation.DiscoverVersions, payload: [version(3, 0)] })).toEqual([]);
  });
});

describe("any bytes", () => {
  it("are answered with a response message, whatever was done to a valid request", async () => {
    const harness = new EngineHarness({ maxItems: 500 });
    const created = await harness.one("1.4", requests.create({ name: "fuzzed" }));
    const identifier = textIn(created.payload, Tag.UniqueIdentifier) ?? "";
    const seeds = [
      writeRequest("1.4", [requests.create({ attributes: [{ name: "x-a", value: { t: "text", v: "b" } }] })]),
      writeRequest("1.1", [requests.get(identifier), requests.getAttributes(identifier)], {
        continuation: "continue",
      }),
      writeRequest("1.2", [requests.locate([{ name: "Object Type", value: { t: "enumeration", v: 2 } }])]),
      writeRequest("1.3", [requests.query([1, 2, 3]), requests.discoverVersions(["1.0"])]),
      writeRequest("1.0", [
        requests.modifyAttribute(identifier, { name: "x-a", value: { t: "integer", v: 1 } }),
      ]),
    ];
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.nat(), edits, fc.boolean(), async (seed, changes, cut) => {
        const mutant = Buffer.from(seeds[seed % seeds.length] ?? Buffer.alloc(0));
        for (const [at, byte] of changes) {
          mutant[at % mutant.length] = byte;
        }
        const sent = cut ? mutant.subarray(0, mutant.length - (changes[0]?.[1] ?? 0)) : mutant;
        const answer = decodeTtlv(await harness.raw(sent));
        expect(answer.tag).toBe(Tag.ResponseMessage);
      }),
      { numRuns: 1500 },
    );
    expect(harness.logger.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});
