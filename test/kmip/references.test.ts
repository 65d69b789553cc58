/** Unique Identifiers and Data that refer to what items before answered (KMIP 2.1: 4.58, 7.9, 8.3, 11.13, 11.58). */
import { createCipheriv, createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { type BatchRequest, requests, writeRequest } from "@/lib/kmip/client/client";
import { attributesIn, bytesIn, childrenOf, find, readResponse, textIn } from "@/lib/kmip/client/responses";
import {
  BlockCipherMode,
  CryptographicUsageMask,
  Data,
  HashingAlgorithm,
  LinkType,
  Operation,
  ResultReason,
  UniqueIdentifier,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import {
  boolean,
  bytes,
  decodeTtlv,
  encodeTtlv,
  enumeration,
  type Item,
  ItemType,
  integer,
  structure,
  text,
} from "@/lib/kmip/ttlv";

import { Objects, on, registerKey } from "./payloads";

let objects: Objects;

beforeEach(() => {
  objects = new Objects();
  objects.version = "2.1";
});

const referring = (operation: number, reference: Item, fields: readonly Item[] = []): BatchRequest => ({
  operation,
  payload: [reference, ...fields],
});
const named = (code: number) => enumeration(Tag.UniqueIdentifier, code);
const nth = (index: number) => integer(Tag.UniqueIdentifier, index);

const send = async (...batch: BatchRequest[]) =>
  (await objects.send("2.1", batch, { continuation: "continue" })).items;

describe("Unique Identifiers", () => {
  it("stand for the object of an operation before, the most recent one", async () => {
    const items = await send(
      requests.create(),
      requests.create(),
      referring(Operation.Get, named(UniqueIdentifier.Create)),
      referring(Operation.Get, named(UniqueIdentifier.IDPlaceholder)),
      referring(Operation.Get, nth(0)),
      referring(Operation.Get, nth(1)),
      referring(Operation.Get, nth(-6)),
      referring(Operation.Get, nth(-1)),
    );
    const [first, second, ...got] = items.map(({ payload }) => textIn(payload, Tag.UniqueIdentifier));
    expect(first).not.toBe(second);
    expect(got).toEqual([second, second, first, second, first, first]);
  });

  it("refer to nothing at times", async () => {
    const items = await send(
      referring(Operation.Get, named(UniqueIdentifier.IDPlaceholder)),
      requests.create(),
      referring(Operation.Get, named(UniqueIdentifier.Register)),
      referring(Operation.Get, named(UniqueIdentifier.CreateKeyPair)),
      referring(Operation.Get, named(99)),
      referring(Operation.Get, nth(1)),
      referring(Operation.Get, nth(-2)),
    );
    expect(items.map(({ resultReason }) => resultReason)).toEqual([
      ResultReason.ObjectNotFound,
      null,
      ...Array<number>(5).fill(ResultReason.ObjectNotFound),
    ]);
  });

  it("repeat the operation for each object that they stand for", async () => {
    const made = [];
    for (let count = 0; count < 3; count += 1) {
      made.push(await objects.make(requests.create({ attributes: [group("doomed")] })));
    }
    const spared = await objects.make(requests.create());
    const items = await send(
      requests.locate([group("doomed")]),
      {
        ...referring(Operation.Destroy, named(UniqueIdentifier.Locate)),
        uniqueBatchItemId: Buffer.from("d"),
      },
      requests.get(spared),
    );
    expect(items.map(({ operation }) => operation)).toEqual([
      Operation.Locate,
      Operation.Destroy,
      Operation.Destroy,
      Operation.Destroy,
      Operation.Get,
    ]);
    const destroyed = items.slice(1, 4);
    expect(destroyed.map(({ payload }) => textIn(payload, Tag.UniqueIdentifier)).sort()).toEqual(made.sort());
    expect(destroyed.map(({ uniqueBatchItemId }) => String(uniqueBatchItemId))).toEqual(["d", "d", "d"]);
    expect(items.at(-1)?.resultReason).toBeNull();
    for (const identifier of made) {
      expect(await objects.reason(requests.get(identifier))).toBe(ResultReason.ObjectDestroyed);
    }
  });

  it("repeat it with the same data", async () => {
    const plain = Buffer.alloc(16, 9);
    for (let count = 0; count < 2; count += 1) {
      const identifier = await objects.make(registerKey2());
      await objects.ok(requests.addAttribute(identifier, group("twins")));
      await objects.ok(requests.activate(identifier));
    }
    const [, ...encrypted] = await send(
      requests.locate([group("twins")]),
      referring(Operation.Encrypt, named(UniqueIdentifier.Locate), [ECB, bytes(Tag.Data, plain)]),
    );
    const cipher = createCipheriv("aes-128-ecb", KEY, null).setAutoPadding(false);
    const expected = Buffer.concat([cipher.update(plain), cipher.final()]);
    const results = encrypted.map(({ payload }) => Buffer.from(bytesIn(payload, Tag.Data) ?? []));
    expect(results).toEqual([expected, expected]);
  });

  it("do not multiply a message beyond its limit", async () => {
    const bounded = new Objects({ maxBatchItems: 5 });
    bounded.version = "2.1";
    for (let count = 0; count < 3; count += 1) {
      await bounded.ok(requests.create({ attributes: [group("many")] }));
    }
    // What fails counts as well.
    for (const [operation, reason] of [
      [Operation.ObtainLease, null],
      [Operation.Encrypt, ResultReason.InvalidMessage],
    ] as const) {
      const touch = referring(operation, named(UniqueIdentifier.Locate));
      const batch = [requests.locate([group("many")]), touch, touch];
      const { items } = await bounded.send("2.1", batch, { continuation: "continue" });
      expect(items.map(({ resultReason }) => resultReason)).toEqual([
        null,
        reason,
        reason,
        reason,
        ResultReason.ServerLimitExceeded,
      ]);
    }
  });

  it("are resolved in links and wrapping specifications too", async () => {
    const link = structure(Tag.NewAttribute, [
      structure(Tag.Link, [
        enumeration(Tag.LinkType, LinkType.PreviousLink),
        enumeration(Tag.LinkedObjectIdentifier, UniqueIdentifier.Create),
      ]),
    ]);
    const [first, second, added] = await send(
      requests.create(),
      registerKey2(),
      referring(Operation.AddAttribute, named(UniqueIdentifier.Register), [link]),
    );
    expect(added?.resultReason).toBeNull();
    const identifier = textIn(second?.payload ?? [], Tag.UniqueIdentifier) ?? "";
    const [kept] = attributesIn(await objects.ok(requests.getAttributes(identifier, ["Link"])));
    expect(JSON.stringify(kept?.value)).toContain(textIn(first?.payload ?? [], Tag.UniqueIdentifier));
  });

  it("of vendor attributes are nobody's business", async () => {
    const value = structure(Tag.AttributeValue, [integer(Tag.UniqueIdentifier, 77)]);
    const vendor = structure(Tag.Attribute, [
      text(Tag.VendorIdentification, "x"),
      text(Tag.AttributeName, "Odd"),
      value,
    ]);
    const [, added] = await send(
      requests.create(),
      on(Operation.AddAttribute, undefined, [structure(Tag.NewAttribute, [vendor])]),
    );
    expect(added?.resultReason).toBeNull();
    const identifier = textIn(added?.payload ?? [], Tag.UniqueIdentifier) ?? "";
    const [kept] = attributesIn(await objects.ok(requests.getAttributes(identifier, ["x-Odd"])));
    expect(kept?.value).toEqual({
      t: "structure",
      v: [{ tag: Tag.UniqueIdentifier, value: { t: "integer", v: 77 } }],
    });
  });

  it("are texts in 1.x", async () => {
    const { items } = await objects.send("1.4", [
      requests.create(),
      referring(Operation.Get, named(UniqueIdentifier.IDPlaceholder)),
    ]);
    expect(items[1]?.resultReason).toBe(ResultReason.InvalidMessage);
  });
});

const group = (v: string) => ({ name: "Object Group", value: { t: "text", v } }) as const;

/** Registers a key in 2.x. */
function registerKey2(key: Uint8Array = KEY): BatchRequest {
  const { payload } = registerKey(key, []);
  return {
    operation: Operation.Register,
    payload: payload.map((item) =>
      item.tag === Tag.TemplateAttribute
        ? structure(Tag.Attributes, [
            integer(
              Tag.CryptographicUsageMask,
              CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt,
            ),
          ])
        : item,
    ),
  };
}

const KEY = Buffer.alloc(16, 7);
const ECB = structure(Tag.CryptographicParameters, [enumeration(Tag.BlockCipherMode, BlockCipherMode.ECB)]);
const SHA256 = structure(Tag.CryptographicParameters, [
  enumeration(Tag.HashingAlgorithm, HashingAlgorithm.SHA_256),
]);
const random: BatchRequest = { operation: Operation.RNGRetrieve, payload: [integer(Tag.DataLength, 32)] };
const hash = (data: Item): BatchRequest => ({ operation: Operation.Hash, payload: [SHA256, data] });
const data = (code: number) => enumeration(Tag.Data, code);

describe("Data", () => {
  it("may be what an operation before put out", async () => {
    const identifier = await objects.make(registerKey2());
    await objects.ok(requests.activate(identifier));
    const [drawn, encrypted, decrypted, hashed, again, third] = await send(
      random,
      on(Operation.Encrypt, identifier, [ECB, data(Data.RNGRetrieve)]),
      on(Operation.Decrypt, identifier, [ECB, data(Data.Encrypt)]),
      hash(data(Data.Decrypt)),
      hash(integer(Tag.Data, 0)),
      hash(integer(Tag.Data, -1)),
    );
    const out = (item: typeof drawn) => Buffer.from(bytesIn(item?.payload ?? [], Tag.Data) ?? []);
    const numbers = out(drawn);
    expect(numbers).toHaveLength(32);
    const cipher = createCipheriv("aes-128-ecb", KEY, null).setAutoPadding(false);
    expect(out(encrypted)).toEqual(Buffer.concat([cipher.update(numbers), cipher.final()]));
    expect(out(decrypted)).toEqual(numbers);
    const digest = createHash("sha256").update(numbers).digest();
    expect(out(hashed)).toEqual(digest);
    expect(out(again)).toEqual(digest);
    expect(out(third)).toEqual(createHash("sha256").update(digest).digest());
  });

  it("refers to nothing at times", async () => {
    const items = await send(random, hash(data(Data.Encrypt)), hash(integer(Tag.Data, 5)), hash(data(77)));
    expect(items.map(({ resultReason }) => resultReason)).toEqual([
      null,
      ResultReason.MissingData,
      ResultReason.MissingData,
      ResultReason.MissingData,
    ]);
  });

  it("stays with the server if it is ephemeral", async () => {
    const message = decodeTtlv(writeRequest("2.1", [random, hash(data(Data.RNGRetrieve))]));
    const [header, first, second] = childrenOf(message);
    const [operation, ...rest] = childrenOf(first);
    if (header === undefined || operation === undefined || second === undefined) {
      throw new Error("no message");
    }
    const ephemeral = structure(Tag.BatchItem, [operation, boolean(Tag.Ephemeral, true), ...rest]);
    const sent = encodeTtlv(structure(Tag.RequestMessage, [header, ephemeral, second]));
    const { items } = readResponse(await objects.raw(sent));
    expect(items.map(({ resultReason }) => resultReason)).toEqual([null, null]);
    expect(items[0]?.payload).toEqual([]);
    expect(bytesIn(items[1]?.payload ?? [], Tag.Data)).toHaveLength(32);
    // The output of one operation is not kept for the next message.
    expect(await objects.reason(hash(data(Data.RNGRetrieve)))).toBe(ResultReason.MissingData);
  });

  it("is bytes in 1.x, and Ephemeral is unknown there", async () => {
    const { items } = await objects.send("1.4", [random, hash(data(Data.RNGRetrieve))]);
    expect(items[1]?.resultReason).toBe(ResultReason.InvalidMessage);
    const message = decodeTtlv(writeRequest("1.4", [random]));
    const [header, first] = childrenOf(message);
    if (header === undefined) {
      throw new Error("no message");
    }
    const item = structure(Tag.BatchItem, [...childrenOf(first), boolean(Tag.Ephemeral, true)]);
    const answer = readResponse(await objects.raw(encodeTtlv(structure(Tag.RequestMessage, [header, item]))));
    expect(answer.items[0]?.resultReason).toBe(ResultReason.InvalidField);
    expect(find(answer.items[0]?.payload ?? [], Tag.Data)?.type).not.toBe(ItemType.ByteString);
  });
});
