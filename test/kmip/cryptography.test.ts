import { describe, expect, it } from "vitest";
import { type ClientAttribute, requests, writeRequest } from "@/lib/kmip/client/client";
import { bytesIn, find, numberIn } from "@/lib/kmip/client/responses";
import {
  CryptographicAlgorithm as Algorithm,
  CryptographicUsageMask,
  HashingAlgorithm,
  BlockCipherMode as Mode,
  Operation,
  PaddingMethod,
  ResultReason,
  RevocationReasonCode,
  UsageLimitsUnit,
  ValidityIndicator,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { boolean, bytes, enumeration, type Item, integer, structure } from "@/lib/kmip/ttlv";
import { date, hex, Objects, on, registerKey, registerSecret, usageMask } from "./payloads";

const { PermissionDenied, CryptographicFailure, InvalidMessage, InvalidField, FeatureNotSupported } =
  ResultReason;
const { ItemNotFound, GeneralFailure, OperationNotSupported, ObjectArchived } = ResultReason;
const { Encrypt, Decrypt, MACGenerate, MACVerify } = CryptographicUsageMask;

// SP 800-38A, F.1 to F.5
const KEY = hex("2b7e151628aed2a6abf7158809cf4f3c");
const PLAIN = "6bc1bee22e409f96e93d7e117393172a";
const IV = "000102030405060708090a0b0c0d0e0f";
const ECB = "3ad77bb40d7a3660a89ecaf32466ef97";

type ParameterFields = {
  readonly mode?: number;
  readonly padding?: number;
  readonly hash?: number;
  readonly algorithm?: number;
  readonly more?: readonly Item[];
};

const parameters = ({ mode, padding, hash, algorithm, more = [] }: ParameterFields): Item =>
  structure(Tag.CryptographicParameters, [
    ...(mode === undefined ? [] : [enumeration(Tag.BlockCipherMode, mode)]),
    ...(padding === undefined ? [] : [enumeration(Tag.PaddingMethod, padding)]),
    ...(hash === undefined ? [] : [enumeration(Tag.HashingAlgorithm, hash)]),
    ...(algorithm === undefined ? [] : [enumeration(Tag.CryptographicAlgorithm, algorithm)]),
    ...more,
  ]);

const data = (value: string) => bytes(Tag.Data, hex(value));
const iv = (value: string) => bytes(Tag.IVCounterNonce, hex(value));
const dataIn = (payload: readonly Item[]) => Buffer.from(bytesIn(payload, Tag.Data) ?? []).toString("hex");

const encrypt = (identifier: string, ...fields: Item[]) => on(Operation.Encrypt, identifier, fields);
const decrypt = (identifier: string, ...fields: Item[]) => on(Operation.Decrypt, identifier, fields);
const ecb = parameters({ mode: Mode.ECB });

describe("Encrypt and Decrypt (4.29, 4.30)", () => {
  it.each([
    ["ECB", Mode.ECB, [], ECB],
    ["CBC", Mode.CBC, [iv(IV)], "7649abac8119b246cee98e9b12e9197d"],
    ["CFB", Mode.CFB, [iv(IV)], "3b3fd92eb72dad20333449f8e83cfb4a"],
    ["OFB", Mode.OFB, [iv(IV)], "3b3fd92eb72dad20333449f8e83cfb4a"],
    ["CTR", Mode.CTR, [iv("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")], "874d6191b620e3261bef6864990db6ce"],
  ] as const)("knows AES in %s", async (_, mode, extra, expected) => {
    const objects = new Objects();
    objects.version = "1.2";
    const identifier = await objects.activeKey(KEY);
    const chosen = parameters({ mode });
    const encrypted = await objects.ok(encrypt(identifier, chosen, data(PLAIN), ...extra));
    expect(dataIn(encrypted)).toBe(expected);
    expect(find(encrypted, Tag.IVCounterNonce)).toBeUndefined();
    const decrypted = await objects.ok(decrypt(identifier, chosen, data(expected), ...extra));
    expect(dataIn(decrypted)).toBe(PLAIN);
  });

  it.each([
    ["triple DES with three keys", Algorithm.DES3, 24, 192, Mode.CBC, 8],
    ["triple DES with two keys", Algorithm.DES3, 16, 128, Mode.ECB, 0],
    ["Camellia", Algorithm.Camellia, 32, 256, Mode.CTR, 16],
    ["AES-192", Algorithm.AES, 24, 192, Mode.CBC, 16],
  ] as const)("gets back what it encrypted with %s", async (_, algorithm, size, length, mode, ivLength) => {
    const objects = new Objects();
    const key = Buffer.from(Array.from({ length: size }, (__, at) => at * 7 + 1));
    const identifier = await objects.activeKey(key, undefined, { algorithm, length });
    const fields = [parameters({ mode }), ...(ivLength === 0 ? [] : [iv("5a".repeat(ivLength))])];
    const encrypted = dataIn(await objects.ok(encrypt(identifier, ...fields, data(PLAIN))));
    expect(encrypted).not.toBe(PLAIN);
    expect(dataIn(await objects.ok(decrypt(identifier, ...fields, data(encrypted))))).toBe(PLAIN);
  });

  it.each([
    ["PKCS5", PaddingMethod.PKCS5, /^0102(0e){14}$/],
    ["ANSI X9.23", PaddingMethod.ANSIX9_23, /^0102(00){13}0e$/],
    ["ISO 10126", PaddingMethod.ISO10126, /^0102.{26}0e$/],
  ])("pads with %s if asked to, and otherwise wants whole blocks", async (_, padding, bare) => {
    const objects = new Objects();
    const identifier = await objects.activeKey(KEY);
    const padded = parameters({ mode: Mode.ECB, padding });
    const encrypted = dataIn(await objects.ok(encrypt(identifier, padded, data("0102"))));
    expect(encrypted).toHaveLength(32);
    expect(dataIn(await objects.ok(decrypt(identifier, ecb, data(encrypted))))).toMatch(bare);
    expect(dataIn(await objects.ok(decrypt(identifier, padded, data(encrypted))))).toBe("0102");
    // A whole block of padding after whole blocks; nothing but padding of nothing.
    for (const plain of ["", PLAIN, PLAIN + PLAIN]) {
      const longer = dataIn(await objects.ok(encrypt(identifier, padded, data(plain))));
      expect(longer).toHaveLength(plain.length + 32);
      expect(dataIn(await objects.ok(decrypt(identifier, padded, data(longer))))).toBe(plain);
    }
    expect(await objects.reason(encrypt(identifier, ecb, data("0102")))).toBe(CryptographicFailure);
    expect(await objects.reason(decrypt(identifier, padded, data(ECB)))).toBe(CryptographicFailure);
    expect(await objects.reason(decrypt(identifier, padded, data("")))).toBe(CryptographicFailure);
  });

  it("finds zeros missing in the padding of ANSI X9.23", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(KEY);
    const encrypted = data(
      dataIn(await objects.ok(encrypt(identifier, ecb, data(`${"01".repeat(12)}00010004`)))),
    );
    const read = (padding: number) => decrypt(identifier, parameters({ mode: Mode.ECB, padding }), encrypted);
    expect(dataIn(await objects.ok(read(PaddingMethod.ISO10126)))).toBe("01".repeat(12));
    expect(await objects.reason(read(PaddingMethod.ANSIX9_23))).toBe(CryptographicFailure);
  });

  it("uses the parameters of the key with the lowest index if the request has none", async () => {
    const objects = new Objects();
    const associated: ClientAttribute = {
      name: "Cryptographic Parameters",
      value: { t: "structure", v: [{ tag: Tag.BlockCipherMode, value: { t: "enumeration", v: Mode.ECB } }] },
    };
    const identifier = await objects.activeKey(KEY, [usageMask(Encrypt | Decrypt), associated]);
    expect(dataIn(await objects.ok(encrypt(identifier, data(PLAIN))))).toBe(ECB);
    const without = await objects.activeKey(KEY);
    expect(await objects.reason(encrypt(without, data(PLAIN)))).toBe(InvalidMessage);
  });

  it("makes a random IV if asked to, and answers it", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(KEY);
    const random = parameters({ mode: Mode.CBC, more: [boolean(Tag.RandomIV, true)] });
    const first = await objects.ok(encrypt(identifier, random, data(PLAIN)));
    const second = await objects.ok(encrypt(identifier, random, data(PLAIN)));
    const made = bytesIn(first, Tag.IVCounterNonce) ?? new Uint8Array();
    expect(made).toHaveLength(16);
    expect(bytesIn(second, Tag.IVCounterNonce)).not.toEqual(made);
    const cbc = parameters({ mode: Mode.CBC });
    const back = await objects.ok(
      decrypt(identifier, cbc, data(dataIn(first)), bytes(Tag.IVCounterNonce, made)),
    );
    expect(dataIn(back)).toBe(PLAIN);
    expect(await objects.reason(decrypt(identifier, random, data(PLAIN)))).toBe(InvalidMessage);
    expect(await objects.reason(encrypt(identifier, cbc, data(PLAIN)))).toBe(InvalidMessage);
    expect(await objects.reason(encrypt(identifier, cbc, data(PLAIN), iv("00")))).toBe(InvalidField);
  });

  it.each([
    ["another mode", [parameters({ mode: Mode.XTS }), data(PLAIN)], FeatureNotSupported],
    [
      "another padding",
      [parameters({ mode: Mode.ECB, padding: PaddingMethod.SSL3 }), data(PLAIN)],
      FeatureNotSupported,
    ],
    [
      "padding in a stream",
      [parameters({ mode: Mode.CTR, padding: PaddingMethod.PKCS5 }), data(PLAIN), iv(IV)],
      InvalidField,
    ],
    [
      "another algorithm",
      [parameters({ mode: Mode.ECB, algorithm: Algorithm.DES3 }), data(PLAIN)],
      InvalidField,
    ],
    ["no data", [ecb], InvalidMessage],
    ["a part of nothing", [ecb, data(PLAIN), bytes(Tag.CorrelationValue, hex("01"))], ItemNotFound],
  ] as const)("refuses %s", async (_, fields, reason) => {
    const objects = new Objects();
    const identifier = await objects.activeKey(KEY);
    expect(await objects.reason(encrypt(identifier, ...fields))).toBe(reason);
  });
});

describe("GCM", () => {
  // Test cases 2 and 4 of the GCM specification.
  const ZERO = Buffer.alloc(16);
  const gcm = (tagLength: number) =>
    parameters({ mode: Mode.GCM, more: [integer(Tag.TagLength, tagLength)] });
  const tagItem = (value: string) => bytes(Tag.AuthenticatedEncryptionTag, hex(value));
  const additional = (value: string) => bytes(Tag.AuthenticatedEncryptionAdditionalData, hex(value));
  const nonce = iv("00".repeat(12));
  const CIPHERTEXT = "0388dace60b6a392f328c2b971b2fe78";
  const TAG = "ab6e47d42cec13bdf53a67b21257bddf";

  it("authenticates with a tag of 12 to 16 bytes", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(ZERO);
    const encrypted = await objects.ok(encrypt(identifier, gcm(16), data("00".repeat(16)), nonce));
    expect(dataIn(encrypted)).toBe(CIPHERTEXT);
    expect(bytesIn(encrypted, Tag.AuthenticatedEncryptionTag)).toEqual(hex(TAG));
    for (const [length, tag] of [
      [16, TAG],
      [12, TAG.slice(0, 24)],
    ] as const) {
      const back = await objects.ok(decrypt(identifier, gcm(length), data(CIPHERTEXT), nonce, tagItem(tag)));
      expect(dataIn(back)).toBe("00".repeat(16));
    }
    for (const length of [1, 4, 8, 17, 32]) {
      expect(await objects.reason(encrypt(identifier, gcm(length), data("00"), nonce))).toBe(GeneralFailure);
    }
  });

  it("fails if anything was changed, and says no more than that", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(ZERO);
    const good = [gcm(16), data(CIPHERTEXT), nonce, tagItem(TAG)] as const;
    const wrong = [
      [good[0], good[1], good[2], tagItem(`00${TAG.slice(2)}`)],
      [good[0], good[1], good[2], tagItem(TAG.slice(0, 24))],
      [good[0], data(`ff${CIPHERTEXT.slice(2)}`), good[2], good[3]],
      [good[0], good[1], iv("01".repeat(12)), good[3]],
      [...good, additional("01")],
    ];
    const messages = new Set<string | null>();
    for (const fields of wrong) {
      const item = await objects.result(decrypt(identifier, ...fields));
      expect(item.resultReason).toBe(CryptographicFailure);
      messages.add(item.message);
    }
    expect(messages.size).toBe(1);
    expect(await objects.reason(decrypt(identifier, ...good.slice(0, 3)))).toBe(InvalidMessage);
  });

  it("authenticates additional data, makes an IV of 96 bits, and takes one of any length", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(ZERO);
    const random = parameters({
      mode: Mode.GCM,
      more: [boolean(Tag.RandomIV, true), integer(Tag.TagLength, 13)],
    });
    const encrypted = await objects.ok(encrypt(identifier, random, data(PLAIN), additional("0a0b")));
    const made = bytesIn(encrypted, Tag.IVCounterNonce) ?? new Uint8Array();
    const tag = bytesIn(encrypted, Tag.AuthenticatedEncryptionTag) ?? new Uint8Array();
    expect([made.length, tag.length]).toEqual([12, 13]);
    const fields = [bytes(Tag.IVCounterNonce, made), bytes(Tag.AuthenticatedEncryptionTag, tag)];
    const again = data(dataIn(encrypted));
    const back = await objects.ok(decrypt(identifier, gcm(13), again, additional("0a0b"), ...fields));
    expect(dataIn(back)).toBe(PLAIN);
    await objects.ok(encrypt(identifier, gcm(16), data(PLAIN), iv("cafebabefacedbad")));
  });

  it("needs the fields of KMIP 1.4", async () => {
    const objects = new Objects();
    objects.version = "1.3";
    const identifier = await objects.activeKey(ZERO);
    expect(await objects.reason(encrypt(identifier, gcm(16), data(PLAIN), nonce))).toBe(FeatureNotSupported);
  });
});

describe("other ciphers", () => {
  const tagItem = (value: string) => bytes(Tag.AuthenticatedEncryptionTag, hex(value));
  const additional = (value: string) => bytes(Tag.AuthenticatedEncryptionAdditionalData, hex(value));
  const tagIn = (payload: readonly Item[]) =>
    Buffer.from(bytesIn(payload, Tag.AuthenticatedEncryptionTag) ?? []).toString("hex");
  const LADIES = Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  ).toString("hex");
  const chacha = { algorithm: Algorithm.ChaCha20, length: 256 };

  it("wraps data with NIST AES Key Wrap and its padding (RFC 3394, RFC 5649)", async () => {
    const objects = new Objects();
    const wrap = parameters({ mode: Mode.NISTKeyWrap });
    const kek = await objects.activeKey(hex("000102030405060708090a0b0c0d0e0f"));
    const plain = "00112233445566778899aabbccddeeff";
    const wrapped = dataIn(await objects.ok(encrypt(kek, wrap, data(plain))));
    expect(wrapped).toBe("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5");
    expect(dataIn(await objects.ok(decrypt(kek, wrap, data(wrapped))))).toBe(plain);
    expect(await objects.reason(encrypt(kek, wrap, data("0011")))).toBe(CryptographicFailure);
    expect(await objects.reason(decrypt(kek, wrap, data(`00${wrapped.slice(2)}`)))).toBe(
      CryptographicFailure,
    );
    const padded = parameters({ mode: Mode.AESKeyWrapPadding });
    const other = await objects.activeKey(hex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"));
    for (const [key, expected] of [
      [
        "c37b7e6492584340bed12207808941155068f738",
        "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
      ],
      ["466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"],
    ] as const) {
      expect(dataIn(await objects.ok(encrypt(other, padded, data(key))))).toBe(expected);
      expect(dataIn(await objects.ok(decrypt(other, padded, data(expected))))).toBe(key);
    }
  });

  it("knows AES CCM (SP 800-38C, example 3)", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(hex("404142434445464748494a4b4c4d4e4f"));
    const ccm = (tagLength: number) =>
      parameters({ mode: Mode.CCM, more: [integer(Tag.TagLength, tagLength)] });
    const nonce = iv("101112131415161718191a1b");
    const associated = additional("000102030405060708090a0b0c0d0e0f10111213");
    const plain = "202122232425262728292a2b2c2d2e2f3031323334353637";
    const encrypted = await objects.ok(encrypt(identifier, ccm(8), data(plain), nonce, associated));
    expect(dataIn(encrypted)).toBe("e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5");
    expect(tagIn(encrypted)).toBe("484392fbc1b09951");
    const back = (tag: string) =>
      decrypt(identifier, ccm(8), data(dataIn(encrypted)), nonce, associated, tagItem(tag));
    expect(dataIn(await objects.ok(back("484392fbc1b09951")))).toBe(plain);
    expect(await objects.reason(back("484392fbc1b09950"))).toBe(CryptographicFailure);
    expect(await objects.reason(encrypt(identifier, ccm(4), data(plain), nonce))).toBe(GeneralFailure);
    expect(await objects.reason(encrypt(identifier, ccm(8), data(plain), iv("00".repeat(14))))).toBe(
      InvalidField,
    );
    const first = encrypt(identifier, ccm(8), data(plain), nonce, boolean(Tag.InitIndicator, true));
    expect(await objects.reason(first)).toBe(FeatureNotSupported);
  });

  it("knows ChaCha20 with nonces of both lengths and a first counter (RFC 8439, 2.4.2)", async () => {
    const objects = new Objects();
    const key = Buffer.from(Array.from({ length: 32 }, (_, at) => at));
    const identifier = await objects.activeKey(key, undefined, chacha);
    const from = (counter: number) => parameters({ more: [integer(Tag.InitialCounterValue, counter)] });
    const nonce = iv("000000000000004a00000000");
    const encrypted = dataIn(await objects.ok(encrypt(identifier, from(1), data(LADIES), nonce)));
    expect(encrypted.slice(0, 64)).toBe("6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b");
    expect(dataIn(await objects.ok(decrypt(identifier, from(1), data(encrypted), nonce)))).toBe(LADIES);
    const whole = iv("01000000000000000000004a00000000");
    expect(dataIn(await objects.ok(encrypt(identifier, parameters({}), data(LADIES), whole)))).toBe(
      encrypted,
    );
    // The nonce of 8 bytes has a counter of 8 bytes before it: the same block of the key stream.
    const short = iv("0000004a00000000");
    expect(dataIn(await objects.ok(encrypt(identifier, from(1), data(LADIES), short)))).toBe(encrypted);
    expect(await objects.reason(encrypt(identifier, from(1), data(LADIES), iv("00".repeat(9))))).toBe(
      InvalidField,
    );
    expect(await objects.reason(encrypt(identifier, ecb, data(LADIES)))).toBe(FeatureNotSupported);
  });

  it.each([undefined, Mode.AEAD])("knows ChaCha20-Poly1305, mode %s (RFC 8439, 2.8.2)", async (mode) => {
    const objects = new Objects();
    const key = Buffer.from(Array.from({ length: 32 }, (_, at) => 0x80 + at));
    const identifier = await objects.activeKey(key, undefined, {
      algorithm: Algorithm.ChaCha20Poly1305,
      length: 256,
    });
    const fields = [
      parameters(mode === undefined ? {} : { mode }),
      iv("070000004041424344454647"),
      additional("50515253c0c1c2c3c4c5c6c7"),
    ];
    const encrypted = await objects.ok(encrypt(identifier, ...fields, data(LADIES)));
    expect(dataIn(encrypted).slice(0, 32)).toBe("d31a8d34648e60db7b86afbc53ef7ec2");
    expect(tagIn(encrypted)).toBe("1ae10b594f09e26a7e902ecbd0600691");
    const back = (tag: string) => decrypt(identifier, ...fields, data(dataIn(encrypted)), tagItem(tag));
    expect(dataIn(await objects.ok(back(tagIn(encrypted))))).toBe(LADIES);
    expect(await objects.reason(back("00".repeat(16)))).toBe(CryptographicFailure);
  });
});

describe("keys in use", () => {
  const both = usageMask(Encrypt | Decrypt);

  it("are used in the states that allow it (3.22)", async () => {
    const objects = new Objects();
    const { Unspecified, KeyCompromise } = RevocationReasonCode;
    const reasons = async (identifier: string) => [
      await objects.reason(encrypt(identifier, ecb, data(PLAIN))),
      await objects.reason(decrypt(identifier, ecb, data(ECB))),
    ];
    const identifier = await objects.make(registerKey(KEY));
    expect(await reasons(identifier)).toEqual([PermissionDenied, PermissionDenied]);
    await objects.ok(requests.activate(identifier));
    expect(await reasons(identifier)).toEqual([null, null]);
    await objects.ok(requests.revoke(identifier, Unspecified));
    expect(await reasons(identifier)).toEqual([PermissionDenied, null]);
    await objects.ok(requests.revoke(identifier, KeyCompromise));
    expect(await reasons(identifier)).toEqual([PermissionDenied, null]);
    await objects.ok(requests.destroy(identifier));
    expect(await reasons(identifier)).toEqual([PermissionDenied, PermissionDenied]);
  });

  it("process from Process Start Date on, and protect until Protect Stop Date (3.25, 3.26)", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(KEY, [
      both,
      date("Process Start Date", objects.now(100)),
      date("Protect Stop Date", objects.now(100)),
    ]);
    expect(await objects.reason(encrypt(identifier, ecb, data(PLAIN)))).toBeNull();
    expect(await objects.reason(decrypt(identifier, ecb, data(ECB)))).toBe(PermissionDenied);
    objects.clock.advance(101);
    expect(await objects.reason(encrypt(identifier, ecb, data(PLAIN)))).toBe(PermissionDenied);
    expect(await objects.reason(decrypt(identifier, ecb, data(ECB)))).toBeNull();
  });

  it("do what their usage mask says, are symmetric keys, on-line, served, and of this instance", async () => {
    const objects = new Objects();
    const onlyDecrypt = await objects.activeKey(KEY, [usageMask(Decrypt)]);
    expect(await objects.reason(encrypt(onlyDecrypt, ecb, data(PLAIN)))).toBe(PermissionDenied);
    const onlyEncrypt = await objects.activeKey(KEY, [usageMask(Encrypt)]);
    expect(await objects.reason(decrypt(onlyEncrypt, ecb, data(ECB)))).toBe(PermissionDenied);
    const secret = await objects.make(registerSecret(KEY, [both]));
    await objects.ok(requests.activate(secret));
    expect(await objects.reason(encrypt(secret, ecb, data(PLAIN)))).toBe(PermissionDenied);
    expect(await objects.reason(encrypt(onlyEncrypt, ecb, data(PLAIN)), objects.stranger)).toBe(ItemNotFound);
    objects.store.setServed("instance-a", onlyEncrypt, false);
    expect(await objects.reason(encrypt(onlyEncrypt, ecb, data(PLAIN)))).toBe(PermissionDenied);
    await objects.ok(on(Operation.Archive, onlyDecrypt));
    expect(await objects.reason(decrypt(onlyDecrypt, ecb, data(ECB)))).toBe(ObjectArchived);
  });

  it.each([
    [UsageLimitsUnit.Byte, 32],
    [UsageLimitsUnit.Object, 2],
  ])(
    "use up their Usage Limits in unit %i, and nothing for what fails or decrypts (4.29)",
    async (unit, total) => {
      const objects = new Objects();
      const limits: ClientAttribute = {
        name: "Usage Limits",
        value: {
          t: "structure",
          v: [
            { tag: Tag.UsageLimitsTotal, value: { t: "longInteger", v: String(total) } },
            { tag: Tag.UsageLimitsUnit, value: { t: "enumeration", v: unit } },
          ],
        },
      };
      const identifier = await objects.activeKey(KEY, [both, limits]);
      await objects.ok(encrypt(identifier, ecb, data(PLAIN)));
      await objects.ok(decrypt(identifier, ecb, data(ECB)));
      expect(await objects.reason(encrypt(identifier, parameters({ mode: Mode.XTS }), data(PLAIN)))).toBe(
        FeatureNotSupported,
      );
      await objects.ok(encrypt(identifier, ecb, data(PLAIN)));
      expect(await objects.reason(encrypt(identifier, ecb, data(PLAIN)))).toBe(PermissionDenied);
      await objects.ok(decrypt(identifier, ecb, data(ECB)));
    },
  );

  it("leave no plaintext behind, no key in the audit, and no answer without a record", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(KEY);
    const message = writeRequest("1.4", [encrypt(identifier, ecb, data(PLAIN))]);
    await objects.raw(message);
    expect(message.includes(hex(PLAIN))).toBe(false);
    expect(objects.audit.records.at(-1)).toMatchObject({
      operation: Operation.Encrypt,
      outcome: "success",
      servedMaterial: false,
      uniqueIdentifiers: [identifier],
    });
    objects.audit.broken = true;
    expect(await objects.reason(decrypt(identifier, ecb, data(ECB)))).toBe(GeneralFailure);
  });
});

describe("MAC and MAC Verify (4.33, 4.34)", () => {
  // RFC 4231, test case 2
  const JEFE = Buffer.from("Jefe");
  const MESSAGE = data(Buffer.from("what do ya want for nothing?").toString("hex"));
  const CODE = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  const mask = [usageMask(MACGenerate | MACVerify)];
  const hmac = { algorithm: Algorithm.HMAC_SHA256 };
  const message = () => bytes(Tag.Data, Buffer.from("what do ya want for nothing?"));
  const verify = (identifier: string, code: string) =>
    on(Operation.MACVerify, identifier, [message(), bytes(Tag.MACData, hex(code))]);

  it("computes and verifies the HMAC that the key is for", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(JEFE, mask, hmac);
    const payload = await objects.ok(on(Operation.MAC, identifier, [MESSAGE]));
    expect(bytesIn(payload, Tag.MACData)).toEqual(hex(CODE));
    const validity = async (code: string) =>
      numberIn(await objects.ok(verify(identifier, code)), Tag.ValidityIndicator);
    expect(await validity(CODE)).toBe(ValidityIndicator.Valid);
    expect(await validity(`00${CODE.slice(2)}`)).toBe(ValidityIndicator.Invalid);
    expect(await validity(CODE.slice(0, 32))).toBe(ValidityIndicator.Invalid);
  });

  it("takes the algorithm from the parameters for other keys", async () => {
    const objects = new Objects();
    const identifier = await objects.activeKey(KEY, mask);
    expect(await objects.reason(on(Operation.MAC, identifier, [message()]))).toBe(InvalidMessage);
    await objects.ok(on(Operation.MAC, identifier, [message(), parameters(hmac)]));
    const own = await objects.activeKey(JEFE, mask, hmac);
    const other = parameters({ algorithm: Algorithm.HMAC_SHA512 });
    expect(await objects.reason(on(Operation.MAC, own, [message(), other]))).toBe(InvalidField);
    const aes = parameters({ algorithm: Algorithm.AES });
    expect(await objects.reason(on(Operation.MAC, identifier, [message(), aes]))).toBe(FeatureNotSupported);
  });

  it("wants the usage mask, the state and the instance", async () => {
    const objects = new Objects();
    const generates = await objects.activeKey(JEFE, [usageMask(MACGenerate)], hmac);
    expect(await objects.reason(verify(generates, CODE))).toBe(PermissionDenied);
    const verifies = await objects.activeKey(JEFE, [usageMask(MACVerify)], hmac);
    expect(await objects.reason(on(Operation.MAC, verifies, [message()]))).toBe(PermissionDenied);
    await objects.ok(requests.revoke(generates, RevocationReasonCode.Unspecified));
    expect(await objects.reason(on(Operation.MAC, generates, [message()]))).toBe(PermissionDenied);
    expect(await objects.reason(verify(verifies, CODE), objects.stranger)).toBe(ItemNotFound);
    expect(await objects.reason(on(Operation.MACVerify, verifies, [message()]))).toBe(InvalidMessage);
  });
});

describe("Hash (4.37) and random numbers (4.35, 4.36)", () => {
  const hash = (code: number) => ({
    operation: Operation.Hash,
    payload: [parameters({ hash: code }), bytes(Tag.Data, Buffer.from("abc"))],
  });
  const retrieve = (length: number) => ({
    operation: Operation.RNGRetrieve,
    payload: [integer(Tag.DataLength, length)],
  });

  it.each([
    [HashingAlgorithm.SHA_1, "a9993e364706816aba3e25717850c26c9cd0d89d"],
    [HashingAlgorithm.SHA_224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"],
    [HashingAlgorithm.SHA_256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [HashingAlgorithm.SHA_512_256, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"],
    [HashingAlgorithm.SHA_3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"],
  ])("knows hash function %i", async (code, expected) => {
    expect(dataIn(await new Objects().ok(hash(code)))).toBe(expected);
  });

  it("refuses what it does not know", async () => {
    const objects = new Objects();
    expect(await objects.reason(hash(HashingAlgorithm.MD5))).toBe(FeatureNotSupported);
    const nameless = { ...hash(0), payload: [parameters({}), data("00")] };
    expect(await objects.reason(nameless)).toBe(InvalidMessage);
  });

  it("answers as many random bytes as are asked for, within reason", async () => {
    const objects = new Objects();
    const first = dataIn(await objects.ok(retrieve(32)));
    expect(first).toHaveLength(64);
    expect(dataIn(await objects.ok(retrieve(32)))).not.toBe(first);
    expect(dataIn(await objects.ok(retrieve(0)))).toBe("");
    expect(await objects.reason(retrieve(-1))).toBe(InvalidField);
    expect(await objects.reason(retrieve(65_537))).toBe(InvalidField);
  });

  it("makes no use of a client's seed, and says so", async () => {
    const objects = new Objects();
    const payload = await objects.ok({ operation: Operation.RNGSeed, payload: [data("00".repeat(64))] });
    expect(numberIn(payload, Tag.DataLength)).toBe(0);
  });

  it("came with KMIP 1.2", async () => {
    const objects = new Objects();
    objects.version = "1.1";
    expect(await objects.reason(retrieve(1))).toBe(OperationNotSupported);
    expect(await objects.reason(hash(HashingAlgorithm.SHA_256))).toBe(OperationNotSupported);
    expect(await objects.reason(encrypt("x", ecb, data(PLAIN)))).toBe(OperationNotSupported);
  });
});
