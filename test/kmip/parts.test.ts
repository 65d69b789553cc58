import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BatchRequest, requests, writeRequest } from "@/lib/kmip/client/client";
import { bytesIn, find, numberIn, readResponse } from "@/lib/kmip/client/responses";
import type { EngineLimits } from "@/lib/kmip/operations/context";
import type { StoredValue } from "@/lib/kmip/ports";
import {
  CryptographicAlgorithm as Algorithm,
  CryptographicUsageMask,
  HashingAlgorithm,
  BlockCipherMode as Mode,
  Operation,
  PaddingMethod,
  QueryFunction,
  ResultReason,
  RevocationReasonCode,
  UsageLimitsUnit,
  ValidityIndicator,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { boolean, bytes, enumeration, type Item, structure } from "@/lib/kmip/ttlv";
import { dig, hex, Objects, on, usageMask } from "./payloads";

const KEY = hex("000102030405060708090a0b0c0d0e0f");
const IV = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
const { ItemNotFound, InvalidMessage, InvalidField, FeatureNotSupported, PermissionDenied } = ResultReason;
const { CryptographicFailure, GeneralFailure, ResponseTooLarge } = ResultReason;
const { Encrypt, Decrypt, MACGenerate, MACVerify } = CryptographicUsageMask;
const ALL = [usageMask(Encrypt | Decrypt | MACGenerate | MACVerify)];

const parameters = (mode: number, padding?: number): Item =>
  structure(Tag.CryptographicParameters, [
    enumeration(Tag.BlockCipherMode, mode),
    ...(padding === undefined ? [] : [enumeration(Tag.PaddingMethod, padding)]),
  ]);
const data = (value: Uint8Array) => bytes(Tag.Data, Buffer.from(value));
const iv = bytes(Tag.IVCounterNonce, IV);
const init = boolean(Tag.InitIndicator, true);
const final = boolean(Tag.FinalIndicator, true);
const correlation = (value: Uint8Array) => bytes(Tag.CorrelationValue, value);
const outOf = (payload: readonly Item[], tag: number = Tag.Data) => Buffer.from(bytesIn(payload, tag) ?? []);
const correlationIn = (payload: readonly Item[]) =>
  Buffer.from(bytesIn(payload, Tag.CorrelationValue) ?? Buffer.alloc(0));
const additional = (value: Uint8Array) => bytes(Tag.AuthenticatedEncryptionAdditionalData, value);
const tagItem = (value: Uint8Array) => bytes(Tag.AuthenticatedEncryptionTag, value);

/** An engine to which data is sent in pieces. */
class Parts extends Objects {
  /** Sends all pieces; answers what came out, part by part, and the last answer. */
  async inParts(
    operation: number,
    identifier: string | undefined,
    pieces: readonly Uint8Array[],
    first: readonly Item[],
    last: readonly Item[] = [],
    tag: number = Tag.Data,
  ): Promise<{ out: Buffer[]; last: readonly Item[] }> {
    const [start = Buffer.alloc(0), ...rest] = pieces;
    let payload = await this.ok(on(operation, identifier, [...first, data(start), init]));
    const value = correlationIn(payload);
    expect(value.length).toBeGreaterThanOrEqual(16);
    const out = [outOf(payload, tag)];
    for (const piece of rest) {
      payload = await this.ok(on(operation, identifier, [data(piece), correlation(value)]));
      expect(correlationIn(payload)).toEqual(value);
      out.push(outOf(payload, tag));
    }
    payload = await this.ok(on(operation, identifier, [correlation(value), final, ...last]));
    expect(find(payload, Tag.CorrelationValue)).toBeUndefined();
    return { out: [...out, outOf(payload, tag)], last: payload };
  }

  /** Begins an encryption in CTR; answers its Correlation Value. */
  async begun(identifier: string): Promise<Buffer> {
    const payload = await this.ok(
      on(Operation.Encrypt, identifier, [parameters(Mode.CTR), iv, data(KEY), init]),
    );
    return correlationIn(payload);
  }
}

const next = (identifier: string | undefined, value: Uint8Array, ...more: Item[]): BatchRequest =>
  on(Operation.Encrypt, identifier, [data(KEY), correlation(value), ...more]);

const withParts = (limits: Partial<EngineLimits> = {}) => new Parts(limits);

describe("an operation in parts (2.1.15)", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 6 });
  const { PKCS5, ANSIX9_23, ISO10126 } = PaddingMethod;

  it.each<[string, number, number?]>([
    ["CTR", Mode.CTR],
    ["CFB", Mode.CFB],
    ["OFB", Mode.OFB],
    ["CBC with PKCS5", Mode.CBC, PKCS5],
    ["CBC with ANSI X9.23", Mode.CBC, ANSIX9_23],
    ["CBC with ISO 10126", Mode.CBC, ISO10126],
    ["ECB with PKCS5", Mode.ECB, PKCS5],
    ["GCM", Mode.GCM],
  ])("comes to what the whole comes to: %s", async (_, mode, padding) => {
    const objects = withParts();
    const identifier = await objects.activeKey(KEY, ALL);
    const chosen = [parameters(mode, padding), ...(mode === Mode.ECB ? [] : [iv])];
    const aead = mode === Mode.GCM;
    await fc.assert(
      fc.asyncProperty(pieces, pieces, async (plain, cuts) => {
        const whole = Buffer.concat(plain);
        const extra = aead ? [additional(Buffer.from("beside"))] : [];
        const parts = await objects.inParts(Operation.Encrypt, identifier, plain, [...chosen, ...extra]);
        const encrypted = Buffer.concat(parts.out);
        const once = await objects.ok(
          on(Operation.Encrypt, identifier, [...chosen, ...extra, data(whole), init, final]),
        );
        const tag = outOf(parts.last, Tag.AuthenticatedEncryptionTag);
        if (padding !== ISO10126) {
          expect(outOf(once)).toEqual(encrypted);
        }
        expect(outOf(once, Tag.AuthenticatedEncryptionTag)).toEqual(tag);
        // Cut elsewhere for the way back.
        const back: Uint8Array[] = [];
        let at = 0;
        for (const { length } of cuts) {
          back.push(encrypted.subarray(at, at + length));
          at += length;
        }
        back.push(encrypted.subarray(at));
        const first = [...chosen, ...extra, ...(aead ? [tagItem(tag)] : [])];
        const decrypted = await objects.inParts(Operation.Decrypt, identifier, back, first);
        expect(Buffer.concat(decrypted.out)).toEqual(whole);
        // Nothing is given away before it is authentic.
        if (aead) {
          expect(Buffer.concat(decrypted.out.slice(0, -1))).toHaveLength(0);
        }
      }),
      { numRuns: 25 },
    );
  });

  it("decrypts nothing at all of what is not authentic", async () => {
    const objects = withParts();
    const identifier = await objects.activeKey(KEY, ALL);
    const gcm = [parameters(Mode.GCM), iv];
    const sealed = await objects.ok(on(Operation.Encrypt, identifier, [...gcm, data(Buffer.from("secret"))]));
    const tag = outOf(sealed, Tag.AuthenticatedEncryptionTag);
    const spoilt = outOf(sealed).fill(0, 0, 1);
    const begin = async (fields: Item[]) =>
      correlationIn(await objects.ok(on(Operation.Decrypt, identifier, [...gcm, ...fields, init])));
    const value = await begin([tagItem(tag), data(spoilt)]);
    const last = on(Operation.Decrypt, identifier, [correlation(value), final]);
    expect(await objects.reason(last)).toBe(CryptographicFailure);
    expect(await objects.reason(last)).toBe(ItemNotFound);
    // Table 231: the tag comes with the first part.
    const late = on(Operation.Decrypt, identifier, [...gcm, data(spoilt), init]);
    expect(await objects.reason(late)).toBe(InvalidMessage);
    const other = await begin([tagItem(tag)]);
    const changed = on(Operation.Decrypt, identifier, [tagItem(tag), correlation(other), final]);
    expect(await objects.reason(changed)).toBe(InvalidMessage);
  });

  it("makes, verifies and hashes", async () => {
    const objects = withParts();
    const identifier = await objects.activeKey(Buffer.from("Jefe"), ALL, {
      algorithm: Algorithm.HMAC_SHA256,
    });
    const text = ["what do ya ", "", "want for nothing?"].map((piece) => Buffer.from(piece));
    const made = await objects.inParts(Operation.MAC, identifier, text, [], [], Tag.MACData);
    const code = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    expect(made.out.map(({ length }) => length)).toEqual([0, 0, 0, 32]);
    expect(made.out.at(-1)).toEqual(code);
    const verify = async (first: Item[], last: Item[]) => {
      const { last: payload } = await objects.inParts(Operation.MACVerify, identifier, text, first, last);
      return numberIn(payload, Tag.ValidityIndicator);
    };
    const macData = bytes(Tag.MACData, code);
    expect(await verify([macData], [])).toBe(ValidityIndicator.Valid);
    expect(await verify([], [macData])).toBe(ValidityIndicator.Valid);
    expect(await verify([macData], [bytes(Tag.MACData, KEY)])).toBe(ValidityIndicator.Invalid);
    const open = await objects.ok(on(Operation.MACVerify, identifier, [data(KEY), init]));
    expect(numberIn(open, Tag.ValidityIndicator)).toBe(ValidityIndicator.Unknown);
    const close = on(Operation.MACVerify, identifier, [correlation(correlationIn(open)), final]);
    expect(await objects.reason(close)).toBe(InvalidMessage);

    const sha256 = structure(Tag.CryptographicParameters, [
      enumeration(Tag.HashingAlgorithm, HashingAlgorithm.SHA_256),
    ]);
    const abc = [..."abc"].map((letter) => Buffer.from(letter));
    const { out } = await objects.inParts(Operation.Hash, undefined, abc, [sha256]);
    expect(out.at(-1)?.toString("hex")).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    expect(await objects.reason(on(Operation.Hash, undefined, [data(KEY), init]))).toBe(InvalidMessage);
  });

  it("answers the IV that it made with the first part", async () => {
    const objects = withParts();
    const identifier = await objects.activeKey(KEY, ALL);
    const random = structure(Tag.CryptographicParameters, [
      enumeration(Tag.BlockCipherMode, Mode.CTR),
      boolean(Tag.RandomIV, true),
    ]);
    const first = await objects.ok(on(Operation.Encrypt, identifier, [random, data(KEY), init]));
    expect(outOf(first, Tag.IVCounterNonce)).toHaveLength(16);
    const made = bytes(Tag.IVCounterNonce, outOf(first, Tag.IVCounterNonce));
    const last = await objects.ok(next(identifier, correlationIn(first), made, final));
    expect(find(last, Tag.IVCounterNonce)).toBeUndefined();
  });

  it("is told apart from the whole by its indicators (4)", async () => {
    const objects = withParts();
    const identifier = await objects.activeKey(KEY, ALL);
    const first = [parameters(Mode.CTR), iv];
    const reason = (...fields: Item[]) => objects.reason(on(Operation.Encrypt, identifier, fields));
    expect(await reason(...first, data(KEY), boolean(Tag.InitIndicator, false))).toBeNull();
    expect(await reason(...first, init, final)).toBeNull();
    expect(await reason(...first)).toBe(InvalidMessage);
    expect(await reason(...first, data(KEY), final)).toBe(InvalidMessage);
    const value = await objects.begun(identifier);
    expect(await reason(...first, data(KEY), init, correlation(value))).toBe(InvalidMessage);
    expect(await reason(correlation(value))).toBe(InvalidMessage);
    expect(await reason(correlation(value), data(KEY))).toBeNull();
    objects.version = "1.2";
    expect(await reason(...first, data(KEY), init)).toBe(InvalidField);
  });

  it("may be repeated to, but not told otherwise; its key may be left out", async () => {
    const objects = withParts();
    const identifier = await objects.activeKey(KEY, ALL);
    const other = await objects.activeKey(KEY, ALL);
    expect(await objects.reason(next(undefined, await objects.begun(identifier)))).toBeNull();
    expect(
      await objects.reason(next(identifier, await objects.begun(identifier), parameters(Mode.CTR), iv)),
    ).toBeNull();
    for (const [request, reason] of [
      [(value: Buffer) => next(identifier, value, parameters(Mode.CBC)), InvalidField],
      [(value: Buffer) => next(identifier, value, bytes(Tag.IVCounterNonce, KEY)), InvalidField],
      [(value: Buffer) => next(identifier, value, additional(KEY)), InvalidMessage],
      [(value: Buffer) => next(other, value), ItemNotFound],
      [(value: Buffer) => on(Operation.Decrypt, identifier, [data(KEY), correlation(value)]), ItemNotFound],
    ] as const) {
      const value = await objects.begun(identifier);
      expect(await objects.reason(request(value))).toBe(reason);
    }
  });
});

describe("what is outstanding", () => {
  it("ends with the last part and with a part that fails", async () => {
    const objects = withParts();
    const identifier = await objects.activeKey(KEY, ALL);
    const done = await objects.begun(identifier);
    await objects.ok(next(identifier, done, final));
    expect(await objects.reason(next(identifier, done))).toBe(ItemNotFound);
    const failed = await objects.begun(identifier);
    expect(await objects.reason(next(identifier, failed, parameters(Mode.CBC)))).toBe(InvalidField);
    expect(await objects.reason(next(identifier, failed))).toBe(ItemNotFound);
  });

  it("is its client's alone, and stays so when another tries it", async () => {
    const objects = withParts();
    const identifier = await objects.activeKey(KEY, ALL);
    const colleague = objects.tenants.pin(objects.tenant.instanceId, "cc".repeat(32));
    const value = await objects.begun(identifier);
    expect(await objects.reason(next(identifier, value), colleague)).toBe(ItemNotFound);
    expect(await objects.reason(next(identifier, value), objects.stranger)).toBe(ItemNotFound);
    expect(await objects.reason(next(identifier, value))).toBeNull();
  });

  it("is gone on with by one request at a time", async () => {
    const objects = withParts();
    const identifier = await objects.activeKey(KEY, ALL);
    const value = await objects.begun(identifier);
    const reasons = await Promise.all([1, 2].map(() => objects.reason(next(identifier, value))));
    expect(reasons.sort()).toEqual([ItemNotFound, null].sort());
  });

  it("is judged anew with every part: a key that is revoked, blocked or destroyed does no more", async () => {
    const objects = withParts();
    for (const stop of [
      (identifier: string) => objects.ok(requests.revoke(identifier, RevocationReasonCode.Unspecified)),
      (identifier: string) => objects.store.setServed(objects.tenant.instanceId, identifier, false),
      (identifier: string) => objects.store.deleteMaterial(objects.tenant.instanceId, identifier),
    ]) {
      const identifier = await objects.activeKey(KEY, ALL);
      const value = await objects.begun(identifier);
      await stop(identifier);
      expect(await objects.reason(next(identifier, value))).not.toBeNull();
      expect(await objects.reason(next(identifier, value))).toBe(ItemNotFound);
    }
  });

  it.each([
    [UsageLimitsUnit.Byte, 32],
    [UsageLimitsUnit.Object, 1],
  ])("takes of Usage Limits in unit %i what it uses", async (unit, total) => {
    const objects = withParts();
    const limits = {
      name: "Usage Limits",
      value: {
        t: "structure",
        v: [
          { tag: Tag.UsageLimitsTotal, value: { t: "longInteger", v: String(total) } },
          { tag: Tag.UsageLimitsUnit, value: { t: "enumeration", v: unit } },
        ],
      } satisfies StoredValue,
    };
    const identifier = await objects.activeKey(KEY, [...ALL, limits]);
    const value = await objects.begun(identifier);
    expect(await objects.reason(next(identifier, value))).toBeNull();
    const third = await objects.reason(next(identifier, value));
    expect(third).toBe(unit === UsageLimitsUnit.Byte ? PermissionDenied : null);
    const another = on(Operation.Encrypt, identifier, [parameters(Mode.CTR), iv, data(KEY), init]);
    expect(await objects.reason(another)).toBe(PermissionDenied);
  });

  it("waits for a while, and not longer", async () => {
    const objects = withParts({ outstandingSeconds: 60 });
    const identifier = await objects.activeKey(KEY, ALL);
    const value = await objects.begun(identifier);
    objects.clock.advance(59);
    expect(await objects.reason(next(identifier, value))).toBeNull();
    objects.clock.advance(59);
    expect(await objects.reason(next(identifier, value))).toBeNull();
    objects.clock.advance(60);
    expect(await objects.reason(next(identifier, value))).toBe(ItemNotFound);
  });

  it("is limited in number: of one client and of all", async () => {
    const objects = withParts({ maxOutstandingOfClient: 2, maxOutstanding: 3 });
    const identifier = await objects.activeKey(KEY, ALL);
    const begin = on(Operation.Encrypt, identifier, [parameters(Mode.CTR), iv, data(KEY), init]);
    const colleague = objects.tenants.pin(objects.tenant.instanceId, "cc".repeat(32));
    const value = await objects.begun(identifier);
    expect(await objects.reason(begin)).toBeNull();
    expect(await objects.reason(begin)).toBe(InvalidField);
    expect(await objects.reason(begin, colleague)).toBeNull();
    expect(await objects.reason(begin, colleague)).toBe(InvalidField);
    await objects.ok(next(identifier, value, final));
    expect(await objects.reason(begin)).toBeNull();
  });

  it("is limited in what it keeps", async () => {
    const objects = withParts({ maxOutstandingBytesOfClient: 40, maxOutstandingBytes: 50 });
    const identifier = await objects.activeKey(KEY, ALL);
    const gcm = [parameters(Mode.GCM), iv, tagItem(KEY)];
    const begin = async () =>
      correlationIn(
        await objects.ok(on(Operation.Decrypt, identifier, [...gcm, data(Buffer.alloc(20)), init])),
      );
    const more = (value: Uint8Array, length: number) =>
      on(Operation.Decrypt, identifier, [data(Buffer.alloc(length)), correlation(value)]);
    const one = await begin();
    expect(await objects.reason(more(one, 21))).toBe(InvalidField);
    expect(await objects.reason(more(one, 1))).toBe(ItemNotFound);
    const two = await begin();
    const three = await begin();
    expect(await objects.reason(more(two, 11))).toBe(InvalidField);
    expect(await objects.reason(more(three, 20))).toBeNull();
    // What streams keeps nothing.
    const long = on(Operation.Encrypt, identifier, [parameters(Mode.CTR), iv, data(Buffer.alloc(500)), init]);
    expect(await objects.reason(long)).toBeNull();
  });

  it("ends when the answer cannot be given: what came out of the part would be lost", async () => {
    const objects = withParts();
    const identifier = await objects.activeKey(KEY, ALL);
    const value = await objects.begun(identifier);
    const long = on(Operation.Encrypt, identifier, [data(Buffer.alloc(500)), correlation(value)]);
    const { items } = await objects.send("1.4", [long], { maximumResponseSize: 300 });
    expect(items[0]?.resultReason).toBe(ResponseTooLarge);
    expect(await objects.reason(next(identifier, value))).toBe(ItemNotFound);
    const unrecorded = await objects.begun(identifier);
    objects.audit.broken = true;
    expect(await objects.reason(next(identifier, unrecorded))).toBe(GeneralFailure);
    objects.audit.broken = false;
    expect(await objects.reason(next(identifier, unrecorded))).toBe(ItemNotFound);
  });

  it("cannot be undone, so that it is no part of a batch with Undo", async () => {
    const objects = withParts();
    const identifier = await objects.activeKey(KEY, ALL);
    const value = await objects.begun(identifier);
    const undo = async (request: BatchRequest) =>
      (await objects.send("1.4", [request, requests.query([1])], { continuation: "undo" })).items[0]
        ?.resultReason;
    expect(await undo(next(identifier, value))).toBe(FeatureNotSupported);
    const whole = on(Operation.Encrypt, identifier, [parameters(Mode.CTR), iv, data(KEY), init, final]);
    expect(await undo(whole)).toBeNull();
    expect(await objects.reason(next(identifier, value))).toBeNull();
  });

  it("is named in the audit, and its plaintext is zeroed with the message", async () => {
    const objects = withParts();
    const identifier = await objects.activeKey(KEY, ALL);
    const value = await objects.begun(identifier);
    const plain = Buffer.from("sixteen letters.");
    const message = writeRequest("1.4", [
      on(Operation.Encrypt, identifier, [data(plain), correlation(value), final]),
    ]);
    expect(readResponse(await objects.raw(message)).items[0]?.resultReason).toBeNull();
    expect(message.includes(plain)).toBe(false);
    expect(objects.audit.records.slice(-2)).toMatchObject([
      { operation: Operation.Encrypt, data: { part: "first" }, uniqueIdentifiers: [identifier] },
      { operation: Operation.Encrypt, data: { part: "last" }, uniqueIdentifiers: [identifier] },
    ]);
  });

  it("is what Query calls Streaming Capability", async () => {
    const payload = await withParts().ok(requests.query([QueryFunction.QueryCapabilities]));
    expect(dig(payload, Tag.CapabilityInformation, Tag.StreamingCapability)?.value).toBe(true);
    expect(dig(payload, Tag.CapabilityInformation, Tag.BatchUndoCapability)?.value).toBe(true);
  });
});
