/** Keys as clients really register and make them: whatever is random bytes is kept byte for byte. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type ClientAttribute, type KmipVersionName, requests } from "@/lib/kmip/client/client";
import { bytesIn, childrenOf, find, numberIn } from "@/lib/kmip/client/responses";
import {
  BlockCipherMode,
  CryptographicAlgorithm,
  CryptographicUsageMask,
  KeyFormatType,
  Operation,
  ResultReason,
  WrappingMethod,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { bytes, enumeration, type Item, structure, text } from "@/lib/kmip/ttlv";
import { dig, hex, Objects, on, registerKey, registerOpaque, registerSecret, usageMask } from "./payloads";

const { Encrypt, Decrypt, Export, MACGenerate, WrapKey } = CryptographicUsageMask;
const { Raw, Opaque, TransparentSymmetricKey } = KeyFormatType;
const ALL_1 = ["1.0", "1.1", "1.2", "1.3", "1.4"] as const satisfies KmipVersionName[];
const KEY = hex("000102030405060708090a0b0c0d0e0f");
const LONG = Buffer.from(Array.from({ length: 128 }, (_, at) => at));

const blockOf = (payload: readonly Item[], tag: number = Tag.SymmetricKey) =>
  childrenOf(dig(payload, tag, Tag.KeyBlock));
const materialOf = (payload: readonly Item[], tag?: number) =>
  bytesIn(childrenOf(find(blockOf(payload, tag), Tag.KeyValue)), Tag.KeyMaterial);
const getAs = (identifier: string, format: number) =>
  on(Operation.Get, identifier, [enumeration(Tag.KeyFormatType, format)]);

describe("Key Compression Type of a symmetric key", () => {
  it.each(ALL_1)("means nothing in %s: the key is kept, and asked for uncompressed", async (version) => {
    const objects = new Objects();
    objects.version = version;
    for (const compression of [1, 2]) {
      const extra = [enumeration(Tag.KeyCompressionType, compression)];
      const identifier = await objects.make(registerKey(KEY, undefined, { extra }));
      expect(await objects.key(identifier)).toEqual(KEY);
      const uncompressed = on(Operation.Get, identifier, [enumeration(Tag.KeyCompressionType, 1)]);
      const payload = await objects.ok(uncompressed);
      expect(materialOf(payload)).toEqual(KEY);
      expect(find(blockOf(payload), Tag.KeyCompressionType)).toBeUndefined();
    }
  });
});

describe("a key of an unusual length", () => {
  const exported = [usageMask(Export | Encrypt | Decrypt | MACGenerate | WrapKey)];

  it.each(ALL_1)("is kept in %s as it came: Opaque, whatever the length says", async (version) => {
    const objects = new Objects();
    objects.version = version;
    const identifier = await objects.make(registerKey(LONG, exported, { format: Opaque, length: 256 }));
    const payload = await objects.ok(requests.get(identifier));
    expect(materialOf(payload)).toEqual(LONG);
    expect(numberIn(blockOf(payload), Tag.KeyFormatType)).toBe(Opaque);
    expect(numberIn(blockOf(payload), Tag.CryptographicLength)).toBe(256);
    expect(numberIn(blockOf(payload), Tag.CryptographicAlgorithm)).toBe(CryptographicAlgorithm.AES);
    expect(await objects.reason(getAs(identifier, Raw))).toBe(ResultReason.KeyFormatTypeNotSupported);
    const digest = JSON.stringify(await objects.attribute(identifier, "Digest"));
    expect(digest).toContain(createHash("sha256").update(LONG).digest("hex"));
  });

  it.each([
    ["AES of 1,024 bits", CryptographicAlgorithm.AES, 128, 1024],
    ["AES of 512 bits", CryptographicAlgorithm.AES, 64, 512],
    ["AES of 16 bits", CryptographicAlgorithm.AES, 2, 16],
    ["triple DES without its parity bits", CryptographicAlgorithm.DES3, 21, 168],
    ["DES of 128 bits", CryptographicAlgorithm.DES, 16, 128],
    ["HMAC-SHA1 of 160 bits", CryptographicAlgorithm.HMAC_SHA1, 20, 160],
    ["HMAC-SHA256 of 8 bits", CryptographicAlgorithm.HMAC_SHA256, 1, 8],
    ["ChaCha20 of 64 bits", CryptographicAlgorithm.ChaCha20, 8, 64],
  ])("is kept Raw where length and material agree: %s", async (_, algorithm, size, length) => {
    const objects = new Objects();
    const key = LONG.subarray(0, size);
    const identifier = await objects.make(registerKey(Buffer.from(key), exported, { algorithm, length }));
    expect(await objects.key(identifier)).toEqual(key);
    expect(await objects.attribute(identifier, "Cryptographic Length")).toBe(length);
  });

  it("is refused where they do not agree", async () => {
    const objects = new Objects();
    for (const length of [128, 192, 1016, 1032, 0, -8]) {
      expect(await objects.reason(registerKey(LONG, exported, { length }))).toBe(ResultReason.InvalidField);
    }
  });

  it.each([
    ["Opaque", { format: Opaque, length: 256 }, "Opaque"],
    ["long", { length: 1024 }, "1024 bits"],
  ])("is used for nothing by the server, which says why: %s", async (_, fields, why) => {
    const objects = new Objects();
    const identifier = await objects.activeKey(LONG, exported, fields);
    const other = await objects.make(registerKey(KEY));
    const parameters = (...items: Item[]) => structure(Tag.CryptographicParameters, items);
    const data = bytes(Tag.Data, KEY);
    const uses = [
      on(Operation.Encrypt, identifier, [
        parameters(enumeration(Tag.BlockCipherMode, BlockCipherMode.ECB)),
        data,
      ]),
      on(Operation.Decrypt, identifier, [
        parameters(enumeration(Tag.BlockCipherMode, BlockCipherMode.ECB)),
        data,
      ]),
      on(Operation.MAC, identifier, [
        parameters(enumeration(Tag.CryptographicAlgorithm, CryptographicAlgorithm.HMAC_SHA256)),
        data,
      ]),
      on(Operation.Get, other, [
        structure(Tag.KeyWrappingSpecification, [
          enumeration(Tag.WrappingMethod, WrappingMethod.Encrypt),
          structure(Tag.EncryptionKeyInformation, [text(Tag.UniqueIdentifier, identifier)]),
        ]),
      ]),
    ];
    for (const version of ["1.2", "1.4", "2.1"] as const) {
      objects.version = version;
      const reason =
        version === "2.1"
          ? ResultReason.UnsupportedCryptographicParameters
          : ResultReason.FeatureNotSupported;
      for (const use of uses) {
        const refused = await objects.result(use);
        expect([refused.resultReason, refused.message]).toEqual([reason, expect.stringContaining(why)]);
      }
    }
  });

  it("is not replaced by one of another kind", async () => {
    const objects = new Objects();
    const opaque = await objects.make(registerKey(LONG, exported, { format: Opaque, length: 256 }));
    expect(await objects.reason(on(Operation.ReKey, opaque))).toBe(ResultReason.IllegalOperation);
    const long = await objects.make(registerKey(LONG, exported, { length: 1024 }));
    expect(await objects.reason(on(Operation.ReKey, long))).toBe(ResultReason.InvalidField);
    expect(objects.store.objects("instance-a")).toHaveLength(2);
  });
});

describe("Get as Opaque", () => {
  it.each(ALL_1)("serves the bytes of what is kept in another format, in %s", async (version) => {
    const objects = new Objects();
    objects.version = version;
    const raw = await objects.make(registerKey(KEY));
    const made = await objects.make(requests.create());
    const transparent = await objects.make(
      registerKey(KEY, undefined, {
        format: TransparentSymmetricKey,
        material: structure(Tag.KeyMaterial, [bytes(Tag.Key, KEY)]),
      }),
    );
    for (const [identifier, key] of [
      [raw, KEY],
      [made, await objects.key(made)],
      [transparent, KEY],
    ] as const) {
      const payload = await objects.ok(getAs(identifier, Opaque));
      expect(materialOf(payload)).toEqual(key);
      expect(numberIn(blockOf(payload), Tag.KeyFormatType)).toBe(Opaque);
    }
    const secret = await objects.make(registerSecret(Buffer.from("secret"), [], Raw));
    const payload = await objects.ok(getAs(secret, Opaque));
    expect(materialOf(payload, Tag.SecretData)).toEqual(Buffer.from("secret"));
    const opaque = await objects.make(registerOpaque(KEY));
    const object = childrenOf(dig(await objects.ok(getAs(opaque, Opaque)), Tag.OpaqueObject));
    expect(bytesIn(object, Tag.OpaqueDataValue)).toEqual(KEY);
  });
});

describe("Create of whatever is random bytes", () => {
  const { DES, DES3, IDEA, Blowfish, CAST5, RC2, RC4, RC5, SKIPJACK, MARS, HMAC_MD5 } =
    CryptographicAlgorithm;

  it.each([
    ["DES", DES, 56, 8],
    ["DES", DES, 64, 8],
    ["triple DES", DES3, 112, 16],
    ["IDEA", IDEA, 128, 16],
    ["Blowfish", Blowfish, 32, 4],
    ["Blowfish", Blowfish, 448, 56],
    ["CAST5", CAST5, 40, 5],
    ["CAST5", CAST5, 128, 16],
    ["RC2", RC2, 64, 8],
    ["RC4", RC4, 128, 16],
    ["RC4", RC4, 2048, 256],
    ["RC5", RC5, 128, 16],
    ["SKIPJACK", SKIPJACK, 80, 10],
    ["MARS", MARS, 448, 56],
    ["HMAC-MD5", HMAC_MD5, 128, 16],
  ])("%s (%i) of %i bits is made and served in 1.0", async (_, algorithm, length, size) => {
    const objects = new Objects();
    objects.version = "1.0";
    const identifier = await objects.make(requests.create({ algorithm, length }));
    const key = await objects.key(identifier);
    expect(key).toHaveLength(size);
    if (algorithm === DES) {
      expect([...key].every((byte) => byte.toString(2).replaceAll("0", "").length % 2 === 1)).toBe(true);
    }
    const again = await objects.make(requests.create({ algorithm, length }));
    expect(await objects.key(again)).not.toEqual(key);
    const payload = await objects.ok(requests.get(identifier));
    expect(numberIn(blockOf(payload), Tag.CryptographicAlgorithm)).toBe(algorithm);
    expect(numberIn(blockOf(payload), Tag.CryptographicLength)).toBe(length);
    const replacement = await objects.make(on(Operation.ReKey, identifier));
    expect(await objects.key(replacement)).toHaveLength(size);
  });

  it.each([
    [CryptographicAlgorithm.ARIA, 192, 24],
    [CryptographicAlgorithm.SEED, 128, 16],
    [CryptographicAlgorithm.SM4, 128, 16],
    [CryptographicAlgorithm.GOST28147_89, 256, 32],
    [CryptographicAlgorithm.Poly1305, 256, 32],
    [CryptographicAlgorithm.OneTimePad, 8_000, 1_000],
    [CryptographicAlgorithm.HMAC_SHA3_512, 512, 64],
  ])("and algorithm %i of %i bits in 2.1", async (algorithm, length, size) => {
    const objects = new Objects();
    objects.version = "2.1";
    const identifier = await objects.make(requests.create({ algorithm, length }));
    expect(await objects.key(identifier)).toHaveLength(size);
  });

  it("but not in lengths that the algorithm has not, nor of algorithms of key pairs or of hashes", async () => {
    const objects = new Objects();
    for (const [algorithm, length] of [
      [DES, 128],
      [IDEA, 64],
      [SKIPJACK, 128],
      [Blowfish, 456],
      [CAST5, 136],
      [RC4, 32],
      [CryptographicAlgorithm.RSA, 2048],
      [CryptographicAlgorithm.SHA3_256, 256],
    ] as const) {
      expect(await objects.reason(requests.create({ algorithm, length }))).toBe(ResultReason.InvalidField);
    }
  });
});

describe("what is wrapped", () => {
  const wraps: ClientAttribute[] = [usageMask(WrapKey | CryptographicUsageMask.UnwrapKey)];
  // RFC 3394, 4.3
  const KEK = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const PLAIN = hex("00112233445566778899aabbccddeeff");
  const WRAPPED = hex("64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7");
  const information = (identifier: string, parameters?: Item) =>
    structure(Tag.EncryptionKeyInformation, [
      text(Tag.UniqueIdentifier, identifier),
      ...(parameters === undefined ? [] : [parameters]),
    ]);
  const mode = (code: number) =>
    structure(Tag.CryptographicParameters, [enumeration(Tag.BlockCipherMode, code)]);

  it.each([
    ["no Cryptographic Parameters", undefined],
    ["NIST Key Wrap", mode(BlockCipherMode.NISTKeyWrap)],
    [
      "no mode",
      structure(Tag.CryptographicParameters, [
        enumeration(Tag.CryptographicAlgorithm, CryptographicAlgorithm.AES),
      ]),
    ],
  ])("is wrapped as RFC 3394 says with %s, by a key without any", async (_, parameters) => {
    const objects = new Objects();
    const kek = await objects.activeKey(KEK, wraps);
    const identifier = await objects.make(registerKey(PLAIN));
    const payload = await objects.ok(
      on(Operation.Get, identifier, [
        structure(Tag.KeyWrappingSpecification, [
          enumeration(Tag.WrappingMethod, WrappingMethod.Encrypt),
          information(kek, parameters),
          enumeration(Tag.EncodingOption, 1),
        ]),
      ]),
    );
    expect(materialOf(payload)).toEqual(WRAPPED);
    expect(find(blockOf(payload), Tag.KeyWrappingData)).toBeDefined();
  });

  it("is not wrapped in another way that only the request knows of", async () => {
    const objects = new Objects();
    const kek = await objects.activeKey(KEK, wraps);
    const identifier = await objects.make(registerKey(PLAIN));
    const specification = structure(Tag.KeyWrappingSpecification, [
      enumeration(Tag.WrappingMethod, WrappingMethod.Encrypt),
      information(kek, mode(BlockCipherMode.CBC)),
    ]);
    expect(await objects.reason(on(Operation.Get, identifier, [specification]))).toBe(
      ResultReason.FeatureNotSupported,
    );
  });

  it.each([undefined, 1])(
    "and registered as the Key Material of a structure comes back as one, with encoding %s",
    async (encoding) => {
      const objects = new Objects();
      const kek = await objects.activeKey(KEK, wraps);
      const data = structure(Tag.KeyWrappingData, [
        enumeration(Tag.WrappingMethod, WrappingMethod.Encrypt),
        information(kek, mode(BlockCipherMode.NISTKeyWrap)),
        ...(encoding === undefined ? [] : [enumeration(Tag.EncodingOption, encoding)]),
      ]);
      const identifier = await objects.make(
        registerKey(WRAPPED, [usageMask(Encrypt)], { length: 128, extra: [data] }),
      );
      const payload = await objects.ok(requests.get(identifier));
      expect(materialOf(payload)).toEqual(WRAPPED);
      expect(find(blockOf(payload), Tag.KeyWrappingData)).toEqual(data);
      const plain = on(Operation.Get, identifier, [enumeration(Tag.KeyWrapType, 1)]);
      expect(materialOf(await objects.ok(plain))).toEqual(PLAIN);
      const names = await objects.ok(requests.getAttributeList(identifier));
      expect(names.map(({ value }) => value)).not.toContain("Wrapped Key Value");
    },
  );
});
