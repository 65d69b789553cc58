import { createDecipheriv } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type ClientAttribute, nameAttribute, requests } from "@/lib/kmip/client/client";
import { bytesIn, childrenOf, find, numberIn } from "@/lib/kmip/client/responses";
import {
  BlockCipherMode,
  CryptographicUsageMask,
  EncodingOption,
  Operation,
  ResultReason,
  WrappingMethod,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { decodeTtlv, enumeration, type Item, structure, text } from "@/lib/kmip/ttlv";
import { dig, hex, Objects, on, registerKey, registerOpaque, registerSecret, usageMask } from "./payloads";

const { NoEncoding, TTLVEncoding } = EncodingOption;
const { ItemNotFound, IllegalOperation, PermissionDenied, EncodingOptionError, FeatureNotSupported } =
  ResultReason;

// RFC 3394, 4.3: 128 bits of key data wrapped with a 256-bit key
const KEK = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
const KEY = hex("00112233445566778899aabbccddeeff");
const WRAPPED = hex("64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7");

const mode = (code: number): ClientAttribute => ({
  name: "Cryptographic Parameters",
  value: { t: "structure", v: [{ tag: Tag.BlockCipherMode, value: { t: "enumeration", v: code } }] },
});
const nist = mode(BlockCipherMode.NISTKeyWrap);
const wraps = usageMask(CryptographicUsageMask.WrapKey);

type Wrapping = { parameters?: number; encoding?: number; method?: number; more?: readonly Item[] };

const getWrapped = (identifier: string, kek: string, wrapping: Wrapping = {}) => {
  const { parameters, encoding, method = WrappingMethod.Encrypt, more = [] } = wrapping;
  return on(Operation.Get, identifier, [
    structure(Tag.KeyWrappingSpecification, [
      enumeration(Tag.WrappingMethod, method),
      structure(Tag.EncryptionKeyInformation, [
        text(Tag.UniqueIdentifier, kek),
        ...(parameters === undefined
          ? []
          : [structure(Tag.CryptographicParameters, [enumeration(Tag.BlockCipherMode, parameters)])]),
      ]),
      ...more,
      ...(encoding === undefined ? [] : [enumeration(Tag.EncodingOption, encoding)]),
    ]),
  ]);
};

const unwrap = (wrapped: Uint8Array): Buffer => {
  const decipher = createDecipheriv("id-aes256-wrap", KEK, Buffer.alloc(8, 0xa6));
  return Buffer.concat([decipher.update(wrapped), decipher.final()]);
};

const blockOf = (payload: readonly Item[], tag: number = Tag.SymmetricKey) =>
  childrenOf(dig(payload, tag, Tag.KeyBlock));

describe("Get with a Key Wrapping Specification (2.1.6)", () => {
  it("wraps the material alone with No Encoding", async () => {
    const objects = new Objects();
    const kek = await objects.activeKey(KEK, [wraps, nist]);
    const identifier = await objects.make(registerKey(KEY));
    const block = blockOf(await objects.ok(getWrapped(identifier, kek, { encoding: NoEncoding })));
    expect(bytesIn(childrenOf(find(block, Tag.KeyValue)), Tag.KeyMaterial)).toEqual(WRAPPED);
    const data = childrenOf(find(block, Tag.KeyWrappingData));
    expect(numberIn(data, Tag.WrappingMethod)).toBe(WrappingMethod.Encrypt);
    expect(numberIn(data, Tag.EncodingOption)).toBe(NoEncoding);
    expect(numberIn(block, Tag.CryptographicLength)).toBe(128);
    expect(objects.audit.records.at(-1)).toMatchObject({
      servedMaterial: true,
      uniqueIdentifiers: [identifier, kek],
    });
  });

  it.each([undefined, TTLVEncoding])("wraps the encoded Key Value with encoding %s", async (encoding) => {
    const objects = new Objects();
    const kek = await objects.activeKey(KEK, [wraps, nist]);
    const identifier = await objects.make(registerKey(KEY, [usageMask(4), nameAttribute("n")]));
    const names = [text(Tag.AttributeName, "Name")];
    const more = { more: names, parameters: BlockCipherMode.NISTKeyWrap };
    const request = getWrapped(identifier, kek, encoding === undefined ? more : { ...more, encoding });
    const block = blockOf(await objects.ok(request));
    const value = decodeTtlv(unwrap(bytesIn(block, Tag.KeyValue) ?? new Uint8Array()));
    expect(value.tag).toBe(Tag.KeyValue);
    expect(bytesIn(childrenOf(value), Tag.KeyMaterial)).toEqual(KEY);
    expect(dig(childrenOf(value), Tag.Attribute, Tag.AttributeValue, Tag.NameValue)?.value).toBe("n");
    const data = childrenOf(find(block, Tag.KeyWrappingData));
    expect(numberIn(data, Tag.EncodingOption)).toBe(encoding ?? null);
  });

  it("wraps secret data, and what is sensitive, but not what is not extractable", async () => {
    const objects = new Objects();
    const kek = await objects.activeKey(KEK, [wraps, nist]);
    const flag = (name: string, v: boolean) => ({ name, value: { t: "boolean", v } }) as const;
    const secret = await objects.make(registerSecret(Buffer.from("abc"), [flag("Sensitive", true)]));
    const block = blockOf(await objects.ok(getWrapped(secret, kek)), Tag.SecretData);
    const value = decodeTtlv(unwrap(bytesIn(block, Tag.KeyValue) ?? new Uint8Array()));
    expect(bytesIn(childrenOf(value), Tag.KeyMaterial)).toEqual(Buffer.from("abc"));
    expect(await objects.reason(getWrapped(secret, kek, { encoding: NoEncoding }))).toBe(EncodingOptionError);
    const fixed = await objects.make(registerKey(KEY, [usageMask(4), flag("Extractable", false)]));
    expect(await objects.reason(getWrapped(fixed, kek))).toBe(ResultReason.NotExtractable);
    const opaque = await objects.make(registerOpaque(KEY));
    expect(await objects.reason(getWrapped(opaque, kek))).toBe(ResultReason.InvalidField);
  });

  it("pads material of any length if the key is for that (RFC 5649)", async () => {
    const objects = new Objects();
    const kek = await objects.activeKey(KEK, [wraps, mode(BlockCipherMode.AESKeyWrapPadding)]);
    const secret = await objects.make(registerSecret(Buffer.from("abc")));
    const block = blockOf(
      await objects.ok(getWrapped(secret, kek, { encoding: NoEncoding })),
      Tag.SecretData,
    );
    expect(bytesIn(childrenOf(find(block, Tag.KeyValue)), Tag.KeyMaterial)).toHaveLength(16);
  });

  it("wants a wrapping key that exists, is one, may wrap, and has the parameters (11.12)", async () => {
    const objects = new Objects();
    const identifier = await objects.make(registerKey(KEY));
    const reason = (kek: string, wrapping: Wrapping = {}) =>
      objects.reason(getWrapped(identifier, kek, wrapping));
    expect(await reason("nobody")).toBe(ItemNotFound);
    expect(await reason(await objects.make(registerSecret(KEY)))).toBe(IllegalOperation);
    expect(await reason(await objects.make(registerKey(KEK, [wraps, nist])))).toBe(PermissionDenied);
    expect(await reason(await objects.activeKey(KEK, [usageMask(4), nist]))).toBe(PermissionDenied);
    expect(await reason(await objects.activeKey(KEK, [wraps]))).toBeNull();
    const kek = await objects.activeKey(KEK, [wraps, nist]);
    expect(await reason(kek, { parameters: BlockCipherMode.AESKeyWrapPadding })).toBe(ItemNotFound);
    expect(await reason(kek, { method: WrappingMethod.TR_31 })).toBe(FeatureNotSupported);
    const name = [text(Tag.AttributeName, "Name")];
    expect(await reason(kek, { more: name, encoding: NoEncoding })).toBe(EncodingOptionError);
    expect(await reason(await objects.activeKey(KEK, [wraps, mode(BlockCipherMode.CBC)]))).toBe(
      FeatureNotSupported,
    );
    const theirs = await objects.one("1.4", registerKey(KEK, [wraps, nist]), objects.stranger);
    expect(await reason(String(theirs.payload[0]?.value))).toBe(ItemNotFound);
    await objects.ok(on(Operation.Archive, kek));
    expect(await reason(kek)).toBe(ResultReason.ObjectArchived);
    await objects.ok(requests.get(identifier));
  });
});
