import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type ClientAttribute, nameAttribute, requests } from "@/lib/kmip/client/client";
import { attributesIn, bytesIn, childrenOf, numberIn, textIn } from "@/lib/kmip/client/responses";
import {
  CryptographicAlgorithm,
  CryptographicUsageMask,
  KeyFormatType,
  ObjectType,
  Operation,
  ResultReason,
  RevocationReasonCode,
  SecretDataType,
  State,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { bytes, enumeration, integer, structure, text } from "@/lib/kmip/ttlv";
import {
  date,
  dig,
  hex,
  keyBlock,
  Objects,
  OPAQUE_TYPE,
  on,
  registerKey,
  registerOpaque,
  registerSecret,
  template,
  usageMask,
} from "./payloads";

const KEY = "000102030405060708090a0b0c0d0e0f";
const SECRET = Buffer.from("correct horse");
const { InvalidField, InvalidMessage, KeyFormatTypeNotSupported, FeatureNotSupported, IllegalOperation } =
  ResultReason;
const sha256 = (value: Uint8Array) => createHash("sha256").update(value).digest("hex");

describe("Register of a symmetric key (4.3)", () => {
  it.each(["1.0", "1.1", "1.2", "1.3", "1.4"] as const)(
    "keeps the bytes and serves them in %s",
    async (version) => {
      const objects = new Objects();
      objects.version = version;
      const identifier = await objects.make(registerKey(hex(KEY)));
      const payload = await objects.ok(requests.get(identifier));
      const block = childrenOf(dig(payload, Tag.SymmetricKey, Tag.KeyBlock));
      expect(numberIn(payload, Tag.ObjectType)).toBe(ObjectType.SymmetricKey);
      expect(numberIn(block, Tag.KeyFormatType)).toBe(KeyFormatType.Raw);
      expect(numberIn(block, Tag.CryptographicLength)).toBe(128);
      expect((await objects.key(identifier)).toString("hex")).toBe(KEY);
      expect(await objects.attribute(identifier, "State")).toBe(State.PreActive);
    },
  );

  it("sets the ID Placeholder, and zeroes the key in the request", async () => {
    const objects = new Objects();
    const key = hex(KEY);
    const { items } = await objects.send("1.4", [registerKey(key), requests.get()]);
    expect(items[1]?.resultReason).toBeNull();
    expect(textIn(items[1]?.payload ?? [], Tag.UniqueIdentifier)).toBe(
      textIn(items[0]?.payload ?? [], Tag.UniqueIdentifier),
    );
    const { writeRequest } = await import("@/lib/kmip/client/client");
    const message = writeRequest("1.4", [registerKey(key)]);
    expect(message.includes(key)).toBe(true);
    await objects.raw(message);
    expect(message.includes(key)).toBe(false);
  });

  it("is Active at once if its Activation Date has come", async () => {
    const objects = new Objects();
    const identifier = await objects.make(
      registerKey(hex(KEY), [usageMask(12), date("Activation Date", objects.now(-3600))]),
    );
    expect(await objects.attribute(identifier, "State")).toBe(State.Active);
  });

  it("takes algorithm and length from the attributes if the Key Block has none", async () => {
    const objects = new Objects();
    const attributes = [
      usageMask(12),
      { name: "Cryptographic Algorithm", value: { t: "enumeration", v: CryptographicAlgorithm.AES } },
      { name: "Cryptographic Length", value: { t: "integer", v: 128 } },
    ] as const;
    const identifier = await objects.make(
      registerKey(hex(KEY), attributes, { algorithm: null, length: null }),
    );
    expect(await objects.attribute(identifier, "Cryptographic Length")).toBe(128);
    expect(
      await objects.reason(registerKey(hex(KEY), attributes, { algorithm: CryptographicAlgorithm.DES3 })),
    ).toBe(InvalidField);
  });

  it("serves either key format, whichever it was registered in, with the digest of that", async () => {
    const objects = new Objects();
    const identifier = await objects.make(
      registerKey(hex(KEY), undefined, {
        format: KeyFormatType.TransparentSymmetricKey,
        material: structure(Tag.KeyMaterial, [bytes(Tag.Key, hex(KEY))]),
      }),
    );
    const own = await objects.ok(requests.get(identifier));
    expect(
      bytesIn(childrenOf(dig(own, Tag.SymmetricKey, Tag.KeyBlock, Tag.KeyValue, Tag.KeyMaterial)), Tag.Key),
    ).toEqual(hex(KEY));
    const raw = await objects.ok(
      on(Operation.Get, identifier, [enumeration(Tag.KeyFormatType, KeyFormatType.Raw)]),
    );
    expect(
      bytesIn(childrenOf(dig(raw, Tag.SymmetricKey, Tag.KeyBlock, Tag.KeyValue)), Tag.KeyMaterial),
    ).toEqual(hex(KEY));
    const encoded = `420043010000001842003f0800000010${KEY}`;
    expect(JSON.stringify(await objects.attribute(identifier, "Digest"))).toContain(sha256(hex(encoded)));
    expect(
      await objects.reason(
        on(Operation.Get, identifier, [enumeration(Tag.KeyFormatType, KeyFormatType.PKCS_8)]),
      ),
    ).toBe(KeyFormatTypeNotSupported);
  });

  it.each([
    ["no usage mask", registerKey(hex(KEY), []), InvalidField],
    ["a length that is not the material's", registerKey(hex(KEY), undefined, { length: 256 }), InvalidField],
    ["an algorithm without a length", registerKey(hex(KEY), undefined, { length: null }), InvalidField],
    [
      "an algorithm of key pairs",
      registerKey(hex(KEY), undefined, { algorithm: CryptographicAlgorithm.RSA }),
      InvalidField,
    ],
    ["no material", registerKey(hex("")), InvalidField],
    [
      "another key format",
      registerKey(hex(KEY), undefined, { format: KeyFormatType.PKCS_8 }),
      KeyFormatTypeNotSupported,
    ],
    [
      "a wrapped key that says not with what",
      registerKey(hex(KEY), undefined, {
        extra: [structure(Tag.KeyWrappingData, [enumeration(Tag.WrappingMethod, 1)])],
      }),
      InvalidField,
    ],
    [
      "a wrapped key whose Key Value is not",
      registerKey(hex(KEY), undefined, {
        material: structure(Tag.KeyMaterial, [bytes(Tag.Key, hex(KEY))]),
        extra: [
          structure(Tag.KeyWrappingData, [
            enumeration(Tag.WrappingMethod, 1),
            structure(Tag.EncryptionKeyInformation, [text(Tag.UniqueIdentifier, "kek")]),
          ]),
        ],
      }),
      InvalidMessage,
    ],
    [
      "a key that is kept elsewhere",
      {
        operation: Operation.Register,
        payload: [
          enumeration(Tag.ObjectType, ObjectType.SymmetricKey),
          structure(Tag.TemplateAttribute, []),
          structure(Tag.SymmetricKey, [
            structure(Tag.KeyBlock, [enumeration(Tag.KeyFormatType, KeyFormatType.Raw)]),
          ]),
        ],
      },
      FeatureNotSupported,
    ],
    [
      "an object of another type",
      {
        operation: Operation.Register,
        payload: [
          enumeration(Tag.ObjectType, ObjectType.SecretData),
          structure(Tag.TemplateAttribute, []),
          structure(Tag.SymmetricKey, [keyBlock(hex(KEY))]),
        ],
      },
      InvalidField,
    ],
    [
      "a certificate",
      {
        operation: Operation.Register,
        payload: [
          enumeration(Tag.ObjectType, ObjectType.Certificate),
          structure(Tag.TemplateAttribute, []),
          structure(Tag.SymmetricKey, [keyBlock(hex(KEY))]),
        ],
      },
      InvalidField,
    ],
  ] as const)("refuses %s", async (_, request, reason) => {
    const objects = new Objects();
    expect(await objects.reason(request)).toBe(reason);
    expect(objects.store.objects("instance-a")).toEqual([]);
  });

  it("takes attributes that are encapsulated with the key, unless they contradict those of the request (2.1.4)", async () => {
    const objects = new Objects();
    const group = (v: string) => ({ name: "Object Group", value: { t: "text", v } }) as const;
    const contact = (v: string) => ({ name: "Contact Information", value: { t: "text", v } }) as const;
    const encapsulated = (attributes: readonly ClientAttribute[]) =>
      structure(Tag.KeyBlock, [
        enumeration(Tag.KeyFormatType, KeyFormatType.Raw),
        structure(Tag.KeyValue, [bytes(Tag.KeyMaterial, hex(KEY)), ...childrenOf(template(attributes))]),
        enumeration(Tag.CryptographicAlgorithm, CryptographicAlgorithm.AES),
        integer(Tag.CryptographicLength, 128),
      ]);
    const register = (inside: readonly ClientAttribute[], outside: readonly ClientAttribute[]) => ({
      operation: Operation.Register,
      payload: [
        enumeration(Tag.ObjectType, ObjectType.SymmetricKey),
        template(outside),
        structure(Tag.SymmetricKey, [encapsulated(inside)]),
      ],
    });
    const mask = usageMask(CryptographicUsageMask.Encrypt);
    const identifier = await objects.make(
      register([mask, contact("same"), group("in")], [contact("same"), group("out")]),
    );
    const names = ["Cryptographic Usage Mask", "Contact Information", "Object Group"];
    const payload = await objects.ok(requests.getAttributes(identifier, names));
    expect(attributesIn(payload).map(({ value }) => value.v)).toEqual([
      CryptographicUsageMask.Encrypt,
      "same",
      "out",
      "in",
    ]);
    const got = await objects.ok(requests.get(identifier));
    const value = dig(got, Tag.SymmetricKey, Tag.KeyBlock, Tag.KeyValue);
    expect(childrenOf(value).map(({ tag }) => tag)).toEqual([Tag.KeyMaterial]);
    expect(await objects.reason(register([mask, date("Initial Date", 1)], []))).toBe(InvalidField);
    expect(await objects.reason(register([mask, contact("in")], [contact("out")]))).toBe(InvalidField);
  });

  it("refuses a Name that is taken (11.4)", async () => {
    const objects = new Objects();
    await objects.make(registerKey(hex(KEY), [usageMask(12), nameAttribute("one")]));
    expect(await objects.reason(registerKey(hex(KEY), [usageMask(12), nameAttribute("one")]))).toBe(
      InvalidField,
    );
  });
});

describe("Register of secret data (2.2.7)", () => {
  it("serves what was registered, in the format it came in", async () => {
    const objects = new Objects();
    const identifier = await objects.make(registerSecret(SECRET));
    const payload = await objects.ok(requests.get(identifier));
    const secret = childrenOf(dig(payload, Tag.SecretData));
    expect(numberIn(payload, Tag.ObjectType)).toBe(ObjectType.SecretData);
    expect(numberIn(secret, Tag.SecretDataType)).toBe(SecretDataType.Password);
    expect(bytesIn(childrenOf(dig(secret, Tag.KeyBlock, Tag.KeyValue)), Tag.KeyMaterial)).toEqual(SECRET);
    const raw = [enumeration(Tag.KeyFormatType, KeyFormatType.Raw)];
    expect(await objects.reason(on(Operation.Get, identifier, raw))).toBe(KeyFormatTypeNotSupported);
  });

  it("keeps no digest, and tells it to those only who can have the secret", async () => {
    const objects = new Objects();
    const identifier = await objects.make(registerSecret(SECRET));
    expect(JSON.stringify(objects.store.objects("instance-a"))).not.toContain(sha256(SECRET));
    expect(JSON.stringify(await objects.attribute(identifier, "Digest"))).toContain(sha256(SECRET));
    objects.store.setServed("instance-a", identifier, false);
    expect(await objects.attribute(identifier, "Digest")).toBeUndefined();
    const list = await objects.ok(requests.getAttributeList(identifier));
    expect(list.map(({ value }) => value)).not.toContain("Digest");
  });

  it("tells nobody the digest of a sensitive secret", async () => {
    const objects = new Objects();
    const sensitive = { name: "Sensitive", value: { t: "boolean", v: true } } as const;
    const identifier = await objects.make(registerSecret(SECRET, [sensitive]));
    const all = attributesIn(await objects.ok(requests.getAttributes(identifier)));
    expect(all.map(({ name }) => name)).not.toContain("Digest");
    expect(await objects.reason(requests.get(identifier))).toBe(ResultReason.Sensitive);
  });

  it("goes through the life cycle like a key", async () => {
    const objects = new Objects();
    const identifier = await objects.make(registerSecret(SECRET));
    await objects.ok(requests.activate(identifier));
    await objects.ok(requests.revoke(identifier, RevocationReasonCode.Unspecified));
    await objects.ok(requests.destroy(identifier));
    expect(await objects.reason(requests.get(identifier))).toBe(ResultReason.ItemNotFound);
    expect(await objects.attribute(identifier, "Digest")).toBeUndefined();
  });
});

describe("Register of an opaque object (2.2.8)", () => {
  it("serves its type and its value, and has no state", async () => {
    const objects = new Objects();
    const identifier = await objects.make(registerOpaque(SECRET, [nameAttribute("blob")]));
    const payload = await objects.ok(requests.get(identifier));
    const opaque = childrenOf(dig(payload, Tag.OpaqueObject));
    expect(numberIn(opaque, Tag.OpaqueDataType)).toBe(OPAQUE_TYPE);
    expect(bytesIn(opaque, Tag.OpaqueDataValue)).toEqual(SECRET);
    expect(await objects.attribute(identifier, "State")).toBeUndefined();
    expect(await objects.reason(requests.activate(identifier))).toBe(IllegalOperation);
    const raw = [enumeration(Tag.KeyFormatType, KeyFormatType.Raw)];
    expect(await objects.reason(on(Operation.Get, identifier, raw))).toBe(KeyFormatTypeNotSupported);
    await objects.ok(requests.destroy(identifier));
  });

  it("takes no attribute of cryptographic objects, neither first nor later", async () => {
    const objects = new Objects();
    expect(await objects.reason(registerOpaque(SECRET, [usageMask(12)]))).toBe(InvalidField);
    const identifier = await objects.make(registerOpaque(SECRET));
    const activation = date("Activation Date", objects.now());
    expect(await objects.reason(requests.addAttribute(identifier, activation))).toBe(
      ResultReason.PermissionDenied,
    );
  });

  it("is limited to what the key manager can wrap", async () => {
    const objects = new Objects();
    await objects.make(registerOpaque(Buffer.alloc(7500, 1)));
    const refused = await objects.result(registerOpaque(Buffer.alloc(7501, 1)));
    expect(refused.resultReason).toBe(InvalidField);
    expect(refused.message).toContain("7500");
  });
});

describe("registered objects", () => {
  it.each([registerKey(hex(KEY)), registerSecret(SECRET), registerOpaque(SECRET)])(
    "belong to their instance, and each Get of them is recorded as served",
    async (request) => {
      const objects = new Objects();
      const identifier = await objects.make(request);
      expect(await objects.reason(requests.get(identifier), objects.stranger)).toBe(
        ResultReason.ItemNotFound,
      );
      await objects.ok(requests.get(identifier));
      expect(objects.audit.records.map(({ servedMaterial }) => servedMaterial)).toEqual([false, false, true]);
    },
  );

  it("are found by their Object Type, and are named by Query", async () => {
    const objects = new Objects();
    const secret = await objects.make(registerSecret(SECRET));
    await objects.make(registerOpaque(SECRET));
    const type = { name: "Object Type", value: { t: "enumeration", v: ObjectType.SecretData } } as const;
    const found = await objects.ok(requests.locate([type]));
    expect(found.map(({ value }) => value)).toEqual([secret]);
    const types = await objects.ok(requests.query([2]));
    expect(types.map(({ value }) => value)).toEqual([
      ObjectType.SymmetricKey,
      ObjectType.Template,
      ObjectType.SecretData,
      ObjectType.OpaqueObject,
    ]);
  });
});
