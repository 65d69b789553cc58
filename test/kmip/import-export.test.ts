import { createCipheriv } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  type BatchRequest,
  type ClientAttribute,
  nameAttribute,
  requests,
  writeRequest,
} from "@/lib/kmip/client/client";
import { attributesIn, bytesIn, childrenOf, find, textIn } from "@/lib/kmip/client/responses";
import type { Tenant } from "@/lib/kmip/ports";
import {
  BlockCipherMode,
  CryptographicUsageMask,
  KeyFormatType,
  KeyWrapType,
  ObjectType,
  Operation,
  ResultReason,
  ResultStatus,
  RevocationReasonCode,
  State,
  UsageLimitsUnit,
  WrappingMethod,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import {
  boolean,
  bytes,
  encodeTtlv,
  enumeration,
  type Item,
  integer,
  structure,
  text,
} from "@/lib/kmip/ttlv";
import {
  attributeOf,
  date,
  dig,
  hex,
  keyBlock,
  Objects,
  objectIn,
  on,
  registerKey,
  registerOpaque,
  registerSecret,
  usageMask,
} from "./payloads";

const KEY = hex("00112233445566778899aabbccddeeff");
const OTHER = hex("ffeeddccbbaa99887766554433221100");
const KEK = hex("000102030405060708090a0b0c0d0e0f");
const { ItemNotFound, InvalidField, PermissionDenied, ObjectAlreadyExists, OperationNotSupported } =
  ResultReason;
const { GeneralFailure, NotExtractable, Sensitive, CryptographicFailure } = ResultReason;

const exportOf = (identifier?: string, ...fields: Item[]) => on(Operation.Export, identifier, fields);
const symmetricKey = (key: Uint8Array = KEY): Item => structure(Tag.SymmetricKey, [keyBlock(key)]);
const custom = (v: string): ClientAttribute => ({ name: "x-note", value: { t: "text", v } });
const flag = (name: string, v: boolean): ClientAttribute => ({ name, value: { t: "boolean", v } });
const stateOf = (v: number): ClientAttribute => ({ name: "State", value: { t: "enumeration", v } });

type Import = {
  readonly attributes?: readonly ClientAttribute[];
  readonly object?: Item;
  readonly replace?: boolean;
  readonly wrapType?: number;
};

const importOf = (
  identifier: string,
  { attributes = [usageMask(12)], ...rest }: Import = {},
): BatchRequest => {
  const { object = symmetricKey(), replace, wrapType } = rest;
  return on(Operation.Import, identifier, [
    ...(replace === undefined ? [] : [boolean(Tag.ReplaceExisting, replace)]),
    ...(wrapType === undefined ? [] : [enumeration(Tag.KeyWrapType, wrapType)]),
    ...attributes.map(attributeOf),
    object,
  ]);
};

/** Import of what was exported. */
const importAgain = (exported: readonly Item[]): BatchRequest => ({
  operation: Operation.Import,
  payload: exported.filter(({ tag }) => tag !== Tag.ObjectType),
});

class Movers extends Objects {
  /** Sends an operation that has to succeed, as somebody else. */
  async as(tenant: Tenant, request: BatchRequest): Promise<readonly Item[]> {
    const { resultReason, message, payload } = await this.one(this.version, request, tenant);
    if (resultReason !== null) {
      throw new Error(`${resultReason}: ${message}`);
    }
    return payload;
  }
}

describe("Export and Import (4.40, 4.41)", () => {
  const lived = async (objects: Movers): Promise<string> => {
    const limits: ClientAttribute = {
      name: "Usage Limits",
      value: {
        t: "structure",
        v: [
          { tag: Tag.UsageLimitsTotal, value: { t: "longInteger", v: "10" } },
          { tag: Tag.UsageLimitsUnit, value: { t: "enumeration", v: UsageLimitsUnit.Object } },
        ],
      },
    };
    const identifier = await objects.activeKey(KEY, [
      usageMask(CryptographicUsageMask.Encrypt),
      nameAttribute("first"),
      nameAttribute("second"),
      nameAttribute("third"),
      custom("theirs"),
      limits,
      date("Process Start Date", objects.now(100)),
      date("Protect Stop Date", objects.now(200)),
    ]);
    await objects.ok(requests.deleteAttribute(identifier, "Name", 1));
    const ecb = structure(Tag.CryptographicParameters, [
      enumeration(Tag.BlockCipherMode, BlockCipherMode.ECB),
    ]);
    await objects.ok(on(Operation.Encrypt, identifier, [ecb, bytes(Tag.Data, KEY)]));
    await objects.ok(requests.get(identifier));
    objects.clock.advance(50);
    await objects.ok(requests.revoke(identifier, RevocationReasonCode.KeyCompromise));
    objects.clock.advance(1000);
    return identifier;
  };

  it("move a key with all that happened to it: what is exported next is what was exported first", async () => {
    const objects = new Movers();
    const identifier = await lived(objects);
    const exported = await objects.ok(exportOf(identifier));
    await objects.as(objects.stranger, importAgain(exported));
    expect(await objects.as(objects.stranger, exportOf(identifier))).toEqual(exported);
    const attributes = attributesIn(exported);
    const named = (name: string) => attributes.filter((attribute) => attribute.name === name);
    expect(named("Name").map(({ index }) => index ?? 0)).toEqual([0, 2]);
    expect(named("State")[0]?.value.v).toBe(State.Compromised);
    expect(JSON.stringify(named("Usage Limits"))).toContain('"v":"9"');
    expect(named("Fresh")[0]?.value.v).toBe(false);
    const located = await objects.as(objects.stranger, requests.locate([nameAttribute("third")]));
    expect(located.map(({ value }) => value)).toEqual([identifier]);
  });

  it.each([
    ["secret data", registerSecret(Buffer.from("abc"), [nameAttribute("s"), date("Activation Date", 1)])],
    ["an opaque object", registerOpaque(KEY, [nameAttribute("o")])],
    [
      "a key in another format",
      registerKey(KEY, undefined, {
        format: KeyFormatType.TransparentSymmetricKey,
        material: structure(Tag.KeyMaterial, [bytes(Tag.Key, KEY)]),
      }),
    ],
  ])("move %s", async (_, request) => {
    const objects = new Movers();
    const identifier = await objects.make(request);
    const exported = await objects.ok(exportOf(identifier));
    objects.clock.advance(5000);
    await objects.as(objects.stranger, importAgain(exported));
    expect(await objects.as(objects.stranger, exportOf(identifier))).toEqual(exported);
    // The Digest of what may be guessed is nowhere kept.
    const kept = objects.store.objects(objects.stranger.instanceId)[0];
    expect(kept?.attributes.Digest === undefined).toBe(kept?.objectType !== ObjectType.SymmetricKey);
  });

  it("set the ID Placeholder", async () => {
    const objects = new Movers();
    const { items } = await objects.send("1.4", [
      importOf("my key"),
      requests.getAttributes(undefined, ["State"]),
      exportOf(),
      requests.get(),
    ]);
    expect(items.map(({ resultReason }) => resultReason)).toEqual([null, null, null, null]);
    expect(textIn(items[3]?.payload ?? [], Tag.UniqueIdentifier)).toBe("my key");
  });

  it("came with KMIP 1.4", async () => {
    const objects = new Movers();
    objects.version = "1.3";
    expect(await objects.reason(exportOf("x"))).toBe(OperationNotSupported);
    expect(await objects.reason(importOf("x"))).toBe(OperationNotSupported);
  });
});

describe("Export", () => {
  it("gives the object away as Get does, and refuses what Get refuses", async () => {
    const objects = new Movers();
    const reason = async (...attributes: ClientAttribute[]) =>
      objects.reason(exportOf(await objects.make(registerKey(KEY, [usageMask(12), ...attributes]))));
    expect(await reason(flag("Sensitive", true))).toBe(Sensitive);
    expect(await reason(flag("Extractable", false))).toBe(NotExtractable);
    const blocked = await objects.make(registerKey(KEY));
    objects.store.setServed(objects.tenant.instanceId, blocked, false);
    expect(await objects.reason(exportOf(blocked))).toBe(PermissionDenied);
    expect(await objects.reason(exportOf("nobody"))).toBe(ItemNotFound);
    expect(await objects.reason(exportOf(await objects.make(registerKey(KEY))), objects.stranger)).toBe(
      ItemNotFound,
    );
    const identifier = await objects.make(registerKey(KEY));
    const exported = await objects.ok(exportOf(identifier));
    expect(exported.map(({ tag }) => tag).filter((tag) => tag !== Tag.Attribute)).toEqual([
      Tag.ObjectType,
      Tag.UniqueIdentifier,
      Tag.SymmetricKey,
    ]);
    expect(objects.audit.records.at(-1)).toMatchObject({
      operation: Operation.Export,
      servedMaterial: true,
      uniqueIdentifiers: [identifier],
    });
    expect(await objects.attribute(identifier, "Fresh")).toBe(false);
  });

  it("wraps if asked to", async () => {
    const objects = new Movers();
    const parameters: ClientAttribute = {
      name: "Cryptographic Parameters",
      value: {
        t: "structure",
        v: [{ tag: Tag.BlockCipherMode, value: { t: "enumeration", v: BlockCipherMode.NISTKeyWrap } }],
      },
    };
    const { WrapKey, UnwrapKey } = CryptographicUsageMask;
    const kek = await objects.activeKey(KEK, [usageMask(WrapKey | UnwrapKey), parameters]);
    const identifier = await objects.make(registerKey(KEY, [usageMask(4), flag("Sensitive", true)]));
    const specification = structure(Tag.KeyWrappingSpecification, [
      enumeration(Tag.WrappingMethod, WrappingMethod.Encrypt),
      structure(Tag.EncryptionKeyInformation, [text(Tag.UniqueIdentifier, kek)]),
    ]);
    const exported = await objects.ok(exportOf(identifier, specification));
    expect(encodeTtlv(structure(Tag.ResponsePayload, exported)).includes(KEY)).toBe(false);
    // Replaced by what it was exported as: still the same key.
    const object = objectIn(exported) as Item;
    const attributes = [usageMask(4)];
    await objects.ok(
      importOf(identifier, { object, attributes, replace: true, wrapType: KeyWrapType.NotWrapped }),
    );
    expect((await objects.key(identifier)).equals(KEY)).toBe(true);
    await objects.ok(importOf("as it is", { object, attributes }));
    const again = await objects.ok(requests.get("as it is"));
    expect(objectIn(again)).toEqual(object);
  });

  it("of a destroyed object has its attributes alone", async () => {
    const objects = new Movers();
    for (const [request, tag] of [
      [registerKey(KEY), Tag.SymmetricKey],
      [registerSecret(KEY), Tag.SecretData],
      [registerOpaque(KEY), Tag.OpaqueObject],
    ] as const) {
      const identifier = await objects.make(request);
      await objects.ok(requests.destroy(identifier));
      const exported = await objects.ok(exportOf(identifier));
      expect(encodeTtlv(structure(Tag.ResponsePayload, exported)).includes(KEY)).toBe(false);
      expect(attributesIn(exported).some(({ name }) => name === "Destroy Date")).toBe(true);
      expect(find(exported, tag)).toBeDefined();
      expect(dig(exported, tag, Tag.KeyBlock, Tag.KeyValue)).toBeUndefined();
      expect(objects.audit.records.at(-1)?.servedMaterial).toBe(false);
      expect(await objects.reason({ ...importAgain(exported) })).not.toBeNull();
    }
  });
});

describe("Import", () => {
  it("keeps the identifier and the values given, and sets what is not", async () => {
    const objects = new Movers();
    const given = [
      usageMask(12),
      stateOf(State.Deactivated),
      date("Initial Date", 1_000_000_000),
      date("Activation Date", 1_000_000_100),
      date("Deactivation Date", 1_000_000_200),
      date("Last Change Date", 1_000_000_200),
      flag("Fresh", false),
      { name: "Lease Time", value: { t: "interval", v: 60 } } as const,
      { name: "y-origin", value: { t: "text", v: "another server" } } as const,
    ];
    const payload = await objects.ok(importOf("key/1 of Überall", { attributes: given }));
    expect(payload).toEqual([text(Tag.UniqueIdentifier, "key/1 of Überall")]);
    for (const { name, value } of given) {
      expect(await objects.attribute("key/1 of Überall", name), name).toEqual(value.v);
    }
    expect(JSON.stringify(await objects.attribute("key/1 of Überall", "Digest"))).toContain('"t":"bytes"');
    expect((await objects.key("key/1 of Überall")).equals(KEY)).toBe(true);
    await objects.ok(
      importOf("2", { attributes: [usageMask(12), { name: "Lease Time", value: { t: "interval", v: 60 } }] }),
    );
    const lease = await objects.ok(on(Operation.ObtainLease, "2"));
    expect(find(lease, Tag.LeaseTime)?.value).toBe(60);
    expect(await objects.attribute("2", "State")).toBe(State.PreActive);
    expect(await objects.attribute("2", "Fresh")).toBe(true);
    expect(await objects.attribute("2", "Initial Date")).toBe(objects.now());
    expect(objects.audit.records.find(({ operation }) => operation === Operation.Import)).toMatchObject({
      outcome: "success",
      uniqueIdentifiers: ["key/1 of Überall"],
      data: { objectType: ObjectType.SymmetricKey, replaced: false },
    });
  });

  it.each<[string, Import | string, number]>([
    ["no identifier", "", InvalidField],
    ["an identifier without end", "x".repeat(256), InvalidField],
    ["no usage mask", { attributes: [] }, InvalidField],
    ["an attribute that is none", { attributes: [usageMask(4), flag("Surprise", true)] }, InvalidField],
    [
      "another identifier among the attributes",
      { attributes: [usageMask(4), { name: "Unique Identifier", value: { t: "text", v: "other" } }] },
      InvalidField,
    ],
    [
      "another type among the attributes",
      { attributes: [usageMask(4), { name: "Object Type", value: { t: "enumeration", v: 7 } }] },
      InvalidField,
    ],
    [
      "dates in the wrong order",
      {
        attributes: [usageMask(4), date("Activation Date", 2), date("Deactivation Date", 1)],
      },
      InvalidField,
    ],
    [
      "an Initial Date before all calendars",
      {
        attributes: [usageMask(4), date("Initial Date", -8_000_000_000_000)],
      },
      InvalidField,
    ],
    ["a destroyed object", { attributes: [usageMask(4), stateOf(State.Destroyed)] }, PermissionDenied],
    ["a certificate", { object: structure(Tag.Certificate, []) }, InvalidField],
    [
      "the digest of something else",
      {
        attributes: [
          usageMask(4),
          {
            name: "Digest",
            value: {
              t: "structure",
              v: [
                { tag: Tag.HashingAlgorithm, value: { t: "enumeration", v: 6 } },
                { tag: Tag.DigestValue, value: { t: "bytes", v: "00".repeat(32) } },
                { tag: Tag.KeyFormatType, value: { t: "enumeration", v: KeyFormatType.Raw } },
              ],
            },
          },
        ],
      },
      InvalidField,
    ],
  ])("refuses %s", async (_, request, reason) => {
    const objects = new Movers();
    const [identifier, fields] = typeof request === "string" ? [request, {}] : ["key", request];
    expect(await objects.reason(importOf(identifier, fields))).toBe(reason);
    expect(objects.store.objects(objects.tenant.instanceId)).toEqual([]);
  });

  it("refuses an identifier that there is, unless it may replace the object (11.42)", async () => {
    const objects = new Movers();
    const identifier = await objects.activeKey(KEY, [usageMask(12), nameAttribute("mine")]);
    for (const replace of [undefined, false]) {
      const fields = replace === undefined ? {} : { replace };
      expect(await objects.reason(importOf(identifier, fields))).toBe(ObjectAlreadyExists);
    }
    expect((await objects.key(identifier)).equals(KEY)).toBe(true);
    const attributes = [usageMask(4), nameAttribute("mine"), custom("new")];
    await objects.ok(importOf(identifier, { object: symmetricKey(OTHER), attributes, replace: true }));
    expect((await objects.key(identifier)).equals(OTHER)).toBe(true);
    expect(await objects.attribute(identifier, "State")).toBe(State.PreActive);
    expect(await objects.attribute(identifier, "Cryptographic Usage Mask")).toBe(4);
    expect(
      objects.audit.records.filter(({ operation }) => operation === Operation.Import).at(-1),
    ).toMatchObject({
      data: { replaced: true },
    });
    // There is nothing to replace: that is an import like another.
    await objects.ok(importOf("new", { replace: true }));
    expect(await objects.reason(importOf("second", { attributes }))).toBe(InvalidField);
    // Another instance's identifiers are free here.
    await objects.as(objects.stranger, importOf(identifier));
    expect((await objects.key(identifier)).equals(OTHER)).toBe(true);
  });

  it("replaces a destroyed object, one of another type, but none that the console blocks", async () => {
    const objects = new Movers();
    const identifier = await objects.make(registerSecret(OTHER));
    await objects.ok(requests.destroy(identifier));
    await objects.ok(importOf(identifier, { replace: true }));
    expect((await objects.key(identifier)).equals(KEY)).toBe(true);
    objects.store.setServed(objects.tenant.instanceId, identifier, false);
    const again = importOf(identifier, { replace: true, object: symmetricKey(OTHER) });
    expect(await objects.reason(again)).toBe(PermissionDenied);
    objects.store.setServed(objects.tenant.instanceId, identifier, true);
    expect((await objects.key(identifier)).equals(KEY)).toBe(true);
  });

  it("says so if others come first", async () => {
    const objects = new Movers();
    objects.store.failNext("create", "exists");
    expect(await objects.reason(importOf("a"))).toBe(ObjectAlreadyExists);
    const identifier = await objects.make(registerKey(KEY));
    objects.store.failNext("replace", "conflict");
    expect(await objects.reason(importOf(identifier, { replace: true }))).toBe(GeneralFailure);
  });

  it("unwraps what it may not keep wrapped, with the attributes inside", async () => {
    const objects = new Movers();
    const mask = usageMask(CryptographicUsageMask.UnwrapKey);
    const kek = await objects.activeKey(KEK, [mask]);
    const value = structure(Tag.KeyValue, [
      bytes(Tag.KeyMaterial, KEY),
      attributeOf(nameAttribute("inside")),
      attributeOf(stateOf(State.Active)),
    ]);
    const cipher = createCipheriv("id-aes128-wrap", KEK, Buffer.alloc(8, 0xa6));
    const wrapped = Buffer.concat([cipher.update(encodeTtlv(value)), cipher.final()]);
    const objectOf = (by: string) =>
      structure(Tag.SymmetricKey, [
        keyBlock(KEY, {
          value: bytes(Tag.KeyValue, wrapped),
          extra: [
            structure(Tag.KeyWrappingData, [
              enumeration(Tag.WrappingMethod, WrappingMethod.Encrypt),
              structure(Tag.EncryptionKeyInformation, [
                text(Tag.UniqueIdentifier, by),
                structure(Tag.CryptographicParameters, [
                  enumeration(Tag.BlockCipherMode, BlockCipherMode.NISTKeyWrap),
                ]),
              ]),
            ]),
          ],
        }),
      ]);
    const wrapType = KeyWrapType.NotWrapped;
    await objects.ok(importOf("plain", { object: objectOf(kek), wrapType }));
    expect((await objects.key("plain")).equals(KEY)).toBe(true);
    expect(await objects.attribute("plain", "State")).toBe(State.Active);
    const located = await objects.ok(requests.locate([nameAttribute("inside")]));
    expect(located.map(({ value }) => value)).toEqual(["plain"]);
    expect(await objects.reason(importOf("b", { object: objectOf("nobody"), wrapType }))).toBe(ItemNotFound);
    const other = await objects.activeKey(OTHER, [mask]);
    expect(await objects.reason(importOf("b", { object: objectOf(other), wrapType }))).toBe(
      CryptographicFailure,
    );
    await objects.ok(importOf("as provided", { object: objectOf("nobody") }));
    const block = childrenOf(
      dig(await objects.ok(requests.get("as provided")), Tag.SymmetricKey, Tag.KeyBlock),
    );
    expect(bytesIn(block, Tag.KeyValue)).toEqual(wrapped);
  });

  it("leaves no key behind in the message", async () => {
    const objects = new Movers();
    const message = writeRequest("1.4", [importOf("a")]);
    expect(message.includes(KEY)).toBe(true);
    await objects.raw(message);
    expect(message.includes(KEY)).toBe(false);
  });

  it("is undone with its batch, be it new or in the place of another", async () => {
    const objects = new Movers();
    const identifier = await objects.activeKey(KEY, [usageMask(12), custom("before")]);
    const batch = (last: BatchRequest) => [
      importOf("new"),
      importOf(identifier, { replace: true, object: symmetricKey(OTHER) }),
      requests.get(identifier),
      requests.addAttribute(identifier, custom("after")),
      last,
    ];
    const statuses = async (last: BatchRequest) =>
      (await objects.send("1.4", batch(last), { continuation: "undo" })).items.map(({ status }) => status);
    const { OperationUndone, OperationFailed, Success } = ResultStatus;
    expect(await statuses(importOf("new"))).toEqual([...Array(4).fill(OperationUndone), OperationFailed]);
    expect((await objects.key(identifier)).equals(KEY)).toBe(true);
    expect(await objects.attribute(identifier, "x-note")).toBe("before");
    expect(await objects.reason(requests.get("new"))).toBe(ItemNotFound);
    expect(await statuses(requests.query([1]))).toEqual(Array(5).fill(Success));
    expect((await objects.key(identifier)).equals(OTHER)).toBe(true);
    expect(await objects.attribute(identifier, "x-note")).toBe("after");
  });
});

describe("Import and Export in KMIP 2.x", () => {
  it("have an Attributes structure, and Import an Object Type", async () => {
    const objects = new Movers();
    objects.version = "2.1";
    const attributes = structure(Tag.Attributes, [
      structure(Tag.Name, [text(Tag.NameValue, "n"), enumeration(Tag.NameType, 1)]),
      integer(Tag.CryptographicUsageMask, 12),
      enumeration(Tag.State, State.Active),
    ]);
    const request = (...type: Item[]) => on(Operation.Import, "key", [...type, attributes, symmetricKey()]);
    expect(await objects.reason(request(enumeration(Tag.ObjectType, ObjectType.SecretData)))).toBe(
      InvalidField,
    );
    await objects.ok(request(enumeration(Tag.ObjectType, ObjectType.SymmetricKey)));
    expect(await objects.reason(request())).toBe(ObjectAlreadyExists);
    const exported = await objects.ok(exportOf("key"));
    expect(exported.map(({ tag }) => tag)).toEqual([
      Tag.ObjectType,
      Tag.UniqueIdentifier,
      Tag.Attributes,
      Tag.SymmetricKey,
    ]);
    expect(find(childrenOf(find(exported, Tag.Attributes)), Tag.State)?.value).toBe(State.Active);
    const again: BatchRequest = { operation: Operation.Import, payload: exported };
    await objects.as(objects.stranger, again);
    expect(await objects.as(objects.stranger, exportOf("key"))).toEqual(exported);
  });
});
