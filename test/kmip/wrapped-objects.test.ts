import { createCipheriv } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type BatchRequest, type ClientAttribute, nameAttribute, requests } from "@/lib/kmip/client/client";
import { bytesIn, childrenOf, find, numberIn } from "@/lib/kmip/client/responses";
import {
  BlockCipherMode,
  CryptographicAlgorithm,
  CryptographicUsageMask,
  EncodingOption,
  KeyFormatType,
  KeyWrapType,
  ObjectType,
  Operation,
  ResultReason,
  RevocationReasonCode,
  SecretDataType,
  State,
  WrappingMethod,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { bytes, encodeTtlv, enumeration, type Item, structure, text } from "@/lib/kmip/ttlv";
import { attributeOf, dig, hex, keyBlock, Objects, on, registerKey, template, usageMask } from "./payloads";

const {
  FeatureNotSupported,
  IllegalOperation,
  PermissionDenied,
  ItemNotFound,
  InvalidField,
  ObjectArchived,
} = ResultReason;
const { CryptographicFailure, KeyFormatTypeNotSupported, Sensitive } = ResultReason;
const { NotWrapped, AsRegistered } = KeyWrapType;

const KEK = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
const KEY = hex("00112233445566778899aabbccddeeff");
const nist: ClientAttribute = {
  name: "Cryptographic Parameters",
  value: {
    t: "structure",
    v: [{ tag: Tag.BlockCipherMode, value: { t: "enumeration", v: BlockCipherMode.NISTKeyWrap } }],
  },
};
const unwraps = [usageMask(CryptographicUsageMask.UnwrapKey | CryptographicUsageMask.WrapKey), nist];

function wrap(plain: Uint8Array): Buffer {
  const cipher = createCipheriv("id-aes256-wrap", KEK, Buffer.alloc(8, 0xa6));
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}

const keyValue = (key: Uint8Array, attributes: readonly ClientAttribute[] = []): Item =>
  structure(Tag.KeyValue, [bytes(Tag.KeyMaterial, key), ...attributes.map(attributeOf)]);

type Wrapping = { kek?: string; method?: number; encoding?: number | null; mode?: number; more?: Item[] };

const wrappingData = ({
  kek = "elsewhere",
  method = WrappingMethod.Encrypt,
  ...rest
}: Wrapping = {}): Item => {
  const { encoding = EncodingOption.NoEncoding, mode, more = [] } = rest;
  return structure(Tag.KeyWrappingData, [
    enumeration(Tag.WrappingMethod, method),
    structure(Tag.EncryptionKeyInformation, [
      text(Tag.UniqueIdentifier, kek),
      ...(mode === undefined
        ? []
        : [structure(Tag.CryptographicParameters, [enumeration(Tag.BlockCipherMode, mode)])]),
    ]),
    ...more,
    ...(encoding === null ? [] : [enumeration(Tag.EncodingOption, encoding)]),
  ]);
};

/** A wrapped AES key of 128 bits. */
const registerWrapped = (wrapped: Uint8Array, wrapping: Wrapping = {}, attributes = [usageMask(12)]) =>
  registerKey(wrapped, attributes, {
    value: bytes(Tag.KeyValue, wrapped),
    length: 128,
    extra: [wrappingData(wrapping)],
  });

const get = (identifier: string, wrapType: number): BatchRequest =>
  on(Operation.Get, identifier, [enumeration(Tag.KeyWrapType, wrapType)]);
const blockOf = (payload: readonly Item[]) => childrenOf(dig(payload, Tag.SymmetricKey, Tag.KeyBlock));
const materialOf = (payload: readonly Item[]) =>
  bytesIn(childrenOf(find(blockOf(payload), Tag.KeyValue)), Tag.KeyMaterial);

describe("an object that is registered wrapped (2.1.5)", () => {
  it("is answered as it came, whoever has wrapped it and however", async () => {
    const objects = new Objects();
    const more = [bytes(Tag.MACSignature, KEY), bytes(Tag.IVCounterNonce, KEY)];
    const macKey = structure(Tag.MACSignatureKeyInformation, [text(Tag.UniqueIdentifier, "mac key")]);
    const wrapping = { method: WrappingMethod.EncryptThenMACSign, more: [macKey, ...more], encoding: null };
    const identifier = await objects.make(registerWrapped(KEK, wrapping));
    for (const request of [requests.get(identifier), get(identifier, AsRegistered)]) {
      const block = blockOf(await objects.ok(request));
      expect(bytesIn(block, Tag.KeyValue)).toEqual(KEK);
      expect(find(block, Tag.KeyWrappingData)).toEqual(wrappingData(wrapping));
      expect(numberIn(block, Tag.CryptographicLength)).toBe(128);
      expect(numberIn(block, Tag.CryptographicAlgorithm)).toBe(CryptographicAlgorithm.AES);
    }
    expect(await objects.reason(get(identifier, NotWrapped))).toBe(FeatureNotSupported);
    // 3.17: the server has no access to the Key Material.
    expect(await objects.attribute(identifier, "Digest")).toBeUndefined();
    const all = encodeTtlv(
      structure(Tag.ResponsePayload, await objects.ok(requests.getAttributes(identifier))),
    );
    expect(all.includes("mac key")).toBe(false);
  });

  it("is unwrapped for a client that wants it so, if its key is here and may unwrap", async () => {
    const objects = new Objects();
    const kek = await objects.activeKey(KEK, unwraps);
    const identifier = await objects.make(registerWrapped(wrap(KEY), { kek }));
    const payload = await objects.ok(get(identifier, NotWrapped));
    expect(materialOf(payload)).toEqual(KEY);
    expect(find(blockOf(payload), Tag.KeyWrappingData)).toBeUndefined();
    expect(objects.audit.records.at(-1)).toMatchObject({
      servedMaterial: true,
      uniqueIdentifiers: [identifier, kek],
    });
    const encoded = wrap(encodeTtlv(keyValue(KEY)));
    for (const encoding of [null, EncodingOption.TTLVEncoding]) {
      const other = await objects.make(registerWrapped(encoded, { kek, encoding }));
      expect(materialOf(await objects.ok(get(other, NotWrapped)))).toEqual(KEY);
    }
    // What was not wrapped is plain either way.
    const plain = await objects.make(registerKey(KEY));
    for (const type of [NotWrapped, AsRegistered]) {
      expect(materialOf(await objects.ok(get(plain, type)))).toEqual(KEY);
    }
  });

  it("is not unwrapped by a key that may not, or cannot", async () => {
    const objects = new Objects();
    const reason = async (kek: string, wrapped = wrap(KEY), wrapping: Wrapping = {}) =>
      objects.reason(get(await objects.make(registerWrapped(wrapped, { kek, ...wrapping })), NotWrapped));
    const kek = await objects.activeKey(KEK, unwraps);
    expect(await reason("nobody")).toBe(ItemNotFound);
    expect(await reason(await objects.make(registerKey(KEK, unwraps)))).toBe(PermissionDenied);
    expect(await reason(await objects.activeKey(KEK, [usageMask(4), nist]))).toBe(PermissionDenied);
    const cbc = [{ tag: Tag.BlockCipherMode, value: { t: "enumeration", v: BlockCipherMode.CBC } }] as const;
    const other = { name: "Cryptographic Parameters", value: { t: "structure", v: cbc } } as const;
    const own = [...unwraps.slice(0, 1), other];
    expect(await reason(await objects.activeKey(KEK, own))).toBe(FeatureNotSupported);
    expect(await reason(kek, wrap(KEY).fill(0, 0, 1))).toBe(CryptographicFailure);
    expect(await reason(kek, wrap(KEY), { encoding: null })).toBe(CryptographicFailure);
    expect(await reason(kek, wrap(KEY), { mode: BlockCipherMode.CBC })).toBe(FeatureNotSupported);
    const wrong = wrap(encodeTtlv(structure(Tag.KeyBlock, [bytes(Tag.KeyMaterial, KEY)])));
    expect(await reason(kek, wrong, { encoding: null })).toBe(CryptographicFailure);
    // Deactivated keys process what they protected.
    await objects.ok(requests.revoke(kek, RevocationReasonCode.Unspecified));
    expect(await reason(kek)).toBeNull();
    await objects.ok(on(Operation.Archive, kek));
    expect(await reason(kek)).toBe(ObjectArchived);
  });

  it("is used for nothing by the server, and neither wrapped again nor converted", async () => {
    const objects = new Objects();
    const kek = await objects.activeKey(KEK, unwraps);
    const mask = usageMask(CryptographicUsageMask.Encrypt | CryptographicUsageMask.WrapKey);
    const identifier = await objects.make(registerWrapped(wrap(KEY), { kek }, [mask]));
    await objects.ok(requests.activate(identifier));
    const ecb = structure(Tag.CryptographicParameters, [
      enumeration(Tag.BlockCipherMode, BlockCipherMode.ECB),
    ]);
    const encrypt = on(Operation.Encrypt, identifier, [ecb, bytes(Tag.Data, KEY)]);
    expect(await objects.reason(encrypt)).toBe(PermissionDenied);
    const specification = structure(Tag.KeyWrappingSpecification, [
      enumeration(Tag.WrappingMethod, WrappingMethod.Encrypt),
      structure(Tag.EncryptionKeyInformation, [text(Tag.UniqueIdentifier, kek)]),
    ]);
    const plain = await objects.make(registerKey(KEY));
    const wrapped = (of: string, ...more: Item[]) => on(Operation.Get, of, [specification, ...more]);
    expect(await objects.reason(wrapped(identifier))).toBe(IllegalOperation);
    expect(await objects.reason(wrapped(plain, enumeration(Tag.KeyWrapType, NotWrapped)))).toBe(InvalidField);
    const format = enumeration(Tag.KeyFormatType, KeyFormatType.TransparentSymmetricKey);
    expect(await objects.reason(on(Operation.Get, identifier, [format]))).toBe(KeyFormatTypeNotSupported);
    // A replacement is a key of the server's own.
    const replacement = await objects.make(on(Operation.ReKey, identifier));
    expect(materialOf(await objects.ok(requests.get(replacement)))).toHaveLength(16);
  });

  it("leaves wrapped although it is sensitive, and not unwrapped (3.48)", async () => {
    const objects = new Objects();
    const kek = await objects.activeKey(KEK, unwraps);
    const sensitive: ClientAttribute = { name: "Sensitive", value: { t: "boolean", v: true } };
    const identifier = await objects.make(registerWrapped(wrap(KEY), { kek }, [usageMask(4), sensitive]));
    expect(await objects.reason(requests.get(identifier))).toBeNull();
    expect(await objects.reason(get(identifier, NotWrapped))).toBe(Sensitive);
  });

  it("may be secret data", async () => {
    const objects = new Objects();
    const kek = await objects.activeKey(KEK, unwraps);
    const block = keyBlock(KEY, {
      value: bytes(Tag.KeyValue, wrap(KEY)),
      algorithm: null,
      length: null,
      extra: [wrappingData({ kek })],
    });
    const identifier = await objects.make({
      operation: Operation.Register,
      payload: [
        enumeration(Tag.ObjectType, ObjectType.SecretData),
        template([]),
        structure(Tag.SecretData, [enumeration(Tag.SecretDataType, SecretDataType.Password), block]),
      ],
    });
    const value = (payload: readonly Item[]) =>
      find(childrenOf(dig(payload, Tag.SecretData, Tag.KeyBlock)), Tag.KeyValue);
    expect(value(await objects.ok(requests.get(identifier)))?.value).toEqual(wrap(KEY));
    const plain = await objects.ok(get(identifier, NotWrapped));
    expect(bytesIn(childrenOf(value(plain)), Tag.KeyMaterial)).toEqual(KEY);
    expect(await objects.attribute(identifier, "Digest")).toBeUndefined();
  });
});

describe("attributes within the Key Value (2.1.4)", () => {
  const register = (attributes: readonly ClientAttribute[], inside: readonly ClientAttribute[]) =>
    registerKey(KEY, attributes, { attributes: inside.map(attributeOf) });
  const note = (v: string): ClientAttribute => ({ name: "x-note", value: { t: "text", v } });

  it("are attributes of the object like those beside it", async () => {
    const objects = new Objects();
    const identifier = await objects.make(
      register([nameAttribute("a"), note("out")], [usageMask(12), nameAttribute("b"), nameAttribute("a")]),
    );
    expect(await objects.attribute(identifier, "Cryptographic Usage Mask")).toBe(12);
    for (const name of ["a", "b"]) {
      const located = await objects.ok(requests.locate([nameAttribute(name)]));
      expect(located.map(({ value }) => value)).toEqual([identifier]);
    }
    expect(materialOf(await objects.ok(requests.get(identifier)))).toEqual(KEY);
    expect(await objects.attribute(identifier, "State")).toBe(State.PreActive);
  });

  it("may not say otherwise, and are set by those who may set them", async () => {
    const objects = new Objects();
    expect(await objects.reason(register([usageMask(4)], [usageMask(12)]))).toBe(InvalidField);
    const state: ClientAttribute = { name: "State", value: { t: "enumeration", v: State.Active } };
    expect(await objects.reason(register([usageMask(4)], [state]))).toBe(InvalidField);
    expect(objects.store.objects(objects.tenant.instanceId)).toEqual([]);
  });
});
