/** Messages, Query and objects in KMIP 2.x, where they differ from 1.x. */
import { beforeEach, describe, expect, it } from "vitest";
import { type ClientAttribute, requests } from "@/lib/kmip/client/client";
import { attributesIn, childrenOf, find, numberIn, readResponse } from "@/lib/kmip/client/responses";
import {
  AsynchronousIndicator,
  CryptographicAlgorithm,
  CryptographicUsageMask,
  HashingAlgorithm,
  KeyFormatType,
  ObjectType,
  Operation,
  ProfileName,
  ProtectionStorageMask,
  QueryFunction,
  ResultReason,
  StorageStatusMask,
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
import { dig, keyBlock, Objects, on } from "./payloads";

let objects: Objects;

beforeEach(() => {
  objects = new Objects();
  objects.version = "2.1";
});

const version = (major: number, minor: number) =>
  structure(Tag.ProtocolVersion, [
    integer(Tag.ProtocolVersionMajor, major),
    integer(Tag.ProtocolVersionMinor, minor),
  ]);
const queryItem = structure(Tag.BatchItem, [
  enumeration(Tag.Operation, Operation.Query),
  structure(Tag.RequestPayload, [enumeration(Tag.QueryFunction, QueryFunction.QueryServerInformation)]),
]);
const message = (header: readonly Item[], item: Item = queryItem) =>
  encodeTtlv(
    structure(Tag.RequestMessage, [
      structure(Tag.RequestHeader, [version(2, 1), ...header, integer(Tag.BatchCount, 1)]),
      item,
    ]),
  );
const reasonOf = async (sent: Uint8Array) =>
  readResponse(await objects.raw(sent)).items.map(({ resultReason }) => resultReason);

describe("request messages (2.1: 8)", () => {
  const { Mandatory, Optional, Prohibited } = AsynchronousIndicator;

  it.each<[string, Item, number | null]>([
    ["asynchronous answers that may be", enumeration(Tag.AsynchronousIndicator, Optional), null],
    ["none of them", enumeration(Tag.AsynchronousIndicator, Prohibited), null],
    [
      "asynchronous answers that must be",
      enumeration(Tag.AsynchronousIndicator, Mandatory),
      ResultReason.FeatureNotSupported,
    ],
    ["the indicator of 1.x", boolean(Tag.AsynchronousIndicator, false), ResultReason.InvalidMessage],
    [
      "an indicator that does not exist",
      enumeration(Tag.AsynchronousIndicator, 9),
      ResultReason.UnknownEnumeration,
    ],
    ["a field that belongs elsewhere", text(Tag.Comment, "?"), ResultReason.InvalidMessage],
    ["a field of 1.x", structure(Tag.TemplateAttribute, []), ResultReason.UnknownTag],
    ["a field that nobody knows", text(0x42fffe, "?"), ResultReason.UnknownTag],
    [
      "credentials",
      structure(Tag.Authentication, [structure(Tag.Credential, []), structure(Tag.Credential, [])]),
      null,
    ],
    ["a correlation value", text(Tag.ClientCorrelationValue, "c"), null],
  ])("with %s", async (_, field, reason) => {
    expect(await reasonOf(message([field]))).toEqual([reason]);
  });

  it("with a critical extension are refused whole", async () => {
    const extension = structure(Tag.MessageExtension, [
      text(Tag.VendorIdentification, "Acme"),
      boolean(Tag.CriticalityIndicator, true),
      structure(Tag.VendorExtension, []),
    ]);
    const item = structure(Tag.BatchItem, [...childrenOf(queryItem), extension]);
    expect(await reasonOf(message([], item))).toEqual([ResultReason.UnknownMessageExtension]);
  });

  it("whose items are no TTLV have a Codec Error, in the version that could be read", async () => {
    const sent = message([]);
    // The type of the item's last field.
    sent[sent.length - 13] = 0x7f;
    const response = readResponse(await objects.raw(sent));
    expect(response.version).toEqual({ major: 2, minor: 1 });
    expect(response.items.map(({ resultReason }) => resultReason)).toEqual([ResultReason.CodecError]);
  });

  it("of operations that are not there, or not yet, are refused by name", async () => {
    const none = [
      Operation.Login,
      Operation.Logout,
      Operation.DelegatedLogin,
      Operation.PKCS_11,
      Operation.Interop,
      Operation.ReProvision,
      Operation.SetConstraints,
      Operation.GetConstraints,
      Operation.SetDefaults,
      Operation.Process,
      Operation.Poll,
      Operation.QueryAsynchronousRequests,
    ];
    for (const operation of none) {
      expect(await objects.reason({ operation, payload: [] })).toBe(ResultReason.OperationNotSupported);
    }
    expect(await objects.reason(requests.ping())).toBeNull();
    objects.version = "2.0";
    expect(await objects.reason(requests.ping())).toBe(ResultReason.OperationNotSupported);
  });

  it("of Log are in the audit", async () => {
    await objects.ok({ operation: Operation.Log, payload: [text(Tag.LogMessage, "a".repeat(2_000))] });
    expect(objects.audit.records.at(-1)).toMatchObject({
      operation: Operation.Log,
      protocolVersion: "2.1",
      data: { logMessage: "a".repeat(1_000) },
    });
    objects.audit.broken = true;
    const failed = { operation: Operation.Log, payload: [text(Tag.LogMessage, "lost")] };
    expect(await objects.reason(failed)).toBe(ResultReason.InternalServerError);
  });
});

describe("Query (2.1: 6.1.40)", () => {
  const query = (functions: number[], fields: Item[] = []) => {
    const { operation, payload } = requests.query(functions);
    return { operation, payload: [...payload, ...fields] };
  };

  it("lists the operations of the version", async () => {
    const operations = async () =>
      (await objects.ok(query([QueryFunction.QueryOperations]))).map(({ value }) => value);
    expect(await operations()).toEqual(
      expect.arrayContaining([Operation.SetAttribute, Operation.AdjustAttribute, Operation.Ping]),
    );
    objects.version = "2.0";
    expect(await operations()).not.toContain(Operation.Ping);
    objects.version = "1.4";
    expect(await operations()).not.toContain(Operation.SetAttribute);
  });

  it("tells the profiles that it has, in 2.x", async () => {
    const profiles = async () =>
      (await objects.ok(query([QueryFunction.QueryProfiles]))).map((item) =>
        numberIn(childrenOf(item), Tag.ProfileName),
      );
    const names = await profiles();
    expect(names).toContain(ProfileName.BaselineServer);
    expect(names).toContain(ProfileName.SymmetricKeyLifecycleServer);
    // What needs key pairs, or a listener that this engine has not.
    for (const name of [
      ProfileName.CompleteServer,
      ProfileName.AsymmetricKeyLifecycleServer,
      ProfileName.AdvancedCryptographicServer,
      ProfileName.HTTPSServer,
    ]) {
      expect(names).not.toContain(name);
    }
    objects.version = "1.4";
    expect(await profiles()).toEqual([]);
  });

  it("tells defaults that Create keeps to", async () => {
    const [information] = await objects.ok(query([QueryFunction.QueryDefaultsInformation]));
    const [key] = childrenOf(information);
    const told = attributesIn(childrenOf(key));
    const identifier = await objects.make(createEmpty(ObjectType.SymmetricKey));
    const names = told.map(({ name }) => name);
    expect(names).toEqual(["Cryptographic Algorithm", "Cryptographic Length", "Cryptographic Usage Mask"]);
    const has = attributesIn(await objects.ok(requests.getAttributes(identifier, names)));
    expect(has).toEqual(told);
  });

  it("tells how objects are kept", async () => {
    const [masks] = await objects.ok(query([QueryFunction.QueryStorageProtectionMasks]));
    expect(childrenOf(masks).map(({ value }) => value)).toEqual([ProtectionStorageMask.Software]);
    objects.version = "2.0";
    expect(await objects.ok(query([QueryFunction.QueryStorageProtectionMasks]))).toEqual([
      integer(Tag.ProtectionStorageMask, ProtectionStorageMask.Software),
    ]);
  });

  it("knows the groups that objects are of", async () => {
    const asking = (name: string) =>
      query([QueryFunction.QueryObjects], [structure(Tag.ObjectGroups, [text(Tag.ObjectGroup, name)])]);
    await objects.make(
      requests.create({ attributes: [{ name: "Object Group", value: { t: "text", v: "known" } }] }),
    );
    expect(await objects.reason(asking("known"))).toBeNull();
    expect(await objects.reason(asking("unknown"))).toBe(ResultReason.UnknownObjectGroup);
    objects.version = "2.0";
    expect(await objects.reason(asking("known"))).toBe(ResultReason.UnknownTag);
  });
});

const createEmpty = (objectType: number, fields: readonly Item[] = []) => ({
  operation: Operation.Create,
  payload: [enumeration(Tag.ObjectType, objectType), structure(Tag.Attributes, []), ...fields],
});

describe("Create and Register (2.1: 6.1.8, 6.1.43)", () => {
  it("make secret data of the length that is asked for", async () => {
    const request = {
      operation: Operation.Create,
      payload: [
        enumeration(Tag.ObjectType, ObjectType.SecretData),
        structure(Tag.Attributes, [integer(Tag.CryptographicLength, 384)]),
      ],
    };
    const identifier = await objects.make(request);
    const payload = await objects.ok(requests.get(identifier));
    const block = childrenOf(dig(payload, Tag.SecretData, Tag.KeyBlock));
    expect(numberIn(block, Tag.KeyFormatType)).toBe(KeyFormatType.Raw);
    const material = find(childrenOf(find(block, Tag.KeyValue)), Tag.KeyMaterial);
    expect(material?.value).toHaveLength(48);
    objects.version = "1.4";
    const old = {
      operation: Operation.Create,
      payload: [enumeration(Tag.ObjectType, ObjectType.SecretData), structure(Tag.TemplateAttribute, [])],
    };
    expect(await objects.reason(old)).toBe(ResultReason.InvalidField);
  });

  it.each([
    ["a length in no whole bytes", 100, ResultReason.InvalidAttributeValue],
    ["no length", 0, ResultReason.InvalidAttributeValue],
    ["more than is kept", 8 * 1_000_000, ResultReason.ServerLimitExceeded],
  ])("make no secret data of %s", async (_, length, reason) => {
    const request = {
      operation: Operation.Create,
      payload: [
        enumeration(Tag.ObjectType, ObjectType.SecretData),
        structure(Tag.Attributes, [integer(Tag.CryptographicLength, length)]),
      ],
    };
    expect(await objects.reason(request)).toBe(reason);
  });

  it("refuse types that are not kept", async () => {
    expect(await objects.reason(createEmpty(ObjectType.OpaqueObject))).toBe(ResultReason.InvalidObjectType);
    const register = {
      operation: Operation.Register,
      payload: [
        enumeration(Tag.ObjectType, ObjectType.PrivateKey),
        structure(Tag.Attributes, []),
        structure(Tag.PrivateKey, [keyBlock(Buffer.alloc(16))]),
      ],
    };
    expect(await objects.reason(register)).toBe(ResultReason.InvalidObjectType);
  });

  it("keep an object only under a protection that the client permits", async () => {
    const masks = (...list: number[]) =>
      structure(
        Tag.ProtectionStorageMasks,
        list.map((mask) => integer(Tag.ProtectionStorageMask, mask)),
      );
    const { Software, Hardware, Validated } = ProtectionStorageMask;
    const make = (...list: number[]) =>
      objects.reason(createEmpty(ObjectType.SymmetricKey, [masks(...list)]));
    expect(await make()).toBeNull();
    expect(await make(Hardware, Software)).toBeNull();
    expect(await make(Hardware)).toBe(ResultReason.ProtectionStorageUnavailable);
    expect(await make(Software | Validated)).toBe(ResultReason.ProtectionStorageUnavailable);
  });

  it("make no key with another generator than there is", async () => {
    const withGenerator = (algorithm: number) => ({
      operation: Operation.Create,
      payload: [
        enumeration(Tag.ObjectType, ObjectType.SymmetricKey),
        structure(Tag.Attributes, [
          structure(Tag.RandomNumberGenerator, [enumeration(Tag.RNGAlgorithm, algorithm)]),
        ]),
      ],
    });
    expect(await objects.reason(withGenerator(3))).toBeNull();
    expect(await objects.reason(withGenerator(2))).toBe(ResultReason.InvalidAttributeValue);
  });

  it("take the word of who brings an object for what it was", async () => {
    const request = {
      operation: Operation.Register,
      payload: [
        enumeration(Tag.ObjectType, ObjectType.SymmetricKey),
        structure(Tag.Attributes, [
          integer(Tag.CryptographicUsageMask, CryptographicUsageMask.Encrypt),
          boolean(Tag.Fresh, false),
          enumeration(Tag.KeyFormatType, KeyFormatType.Raw),
          structure(Tag.RandomNumberGenerator, [enumeration(Tag.RNGAlgorithm, 1)]),
        ]),
        structure(Tag.SymmetricKey, [keyBlock(Buffer.alloc(16, 1))]),
      ],
    };
    const identifier = await objects.make(request);
    expect(await objects.attribute(identifier, "Fresh")).toBe(false);
    expect(await objects.attribute(identifier, "Random Number Generator")).toHaveLength(1);
    expect(await objects.attribute(identifier, "Original Creation Date")).toBeUndefined();
    const date = { name: "Original Creation Date", value: { t: "dateTime", v: 1_000 } } as const;
    await objects.ok(requests.addAttribute(identifier, date));
    expect(await objects.reason(requests.modifyAttribute(identifier, date))).toBe(
      ResultReason.AttributeReadOnly,
    );
  });
});

describe("Locate (2.1: 6.1.28)", () => {
  it("finds destroyed objects only for those who ask for them", async () => {
    const alive = await objects.make(requests.create());
    const dead = await objects.make(requests.create());
    await objects.ok(requests.destroy(dead));
    const archived = await objects.make(requests.create());
    await objects.ok(on(Operation.Archive, archived));
    const { OnLineStorage, ArchivalStorage, DestroyedStorage } = StorageStatusMask;
    const locate = async (mask: number | null, attributes: Item[] = []) => {
      const payload = await objects.ok({
        operation: Operation.Locate,
        payload: [
          ...(mask === null ? [] : [integer(Tag.StorageStatusMask, mask)]),
          structure(Tag.Attributes, attributes),
        ],
      });
      return payload.map(({ value }) => value).sort();
    };
    expect(await locate(null)).toEqual([alive]);
    expect(await locate(DestroyedStorage)).toEqual([dead]);
    expect(await locate(ArchivalStorage)).toEqual([archived]);
    expect(await locate(OnLineStorage | DestroyedStorage)).toEqual([alive, dead].sort());
    expect(await locate(OnLineStorage | ArchivalStorage | DestroyedStorage)).toHaveLength(3);
    const destroyed = enumeration(Tag.State, 5);
    expect(await locate(null, [destroyed])).toEqual([]);
    expect(await locate(DestroyedStorage, [destroyed])).toEqual([dead]);
  });

  it("wants attributes, and one structure of them", async () => {
    const two = {
      operation: Operation.Locate,
      payload: [structure(Tag.Attributes, []), structure(Tag.Attributes, [])],
    };
    expect(await objects.reason(two)).toBe(ResultReason.InvalidMessage);
    const odd = { operation: Operation.Locate, payload: [structure(Tag.Attributes, [text(Tag.Key, "a")])] };
    expect(await objects.reason(odd)).toBe(ResultReason.InvalidAttribute);
  });
});

describe("reasons of cryptographic operations (2.1: 6.1.11, 6.1.17, 6.1.24, 6.1.32)", () => {
  it("say which of all that may be wrong is wrong", async () => {
    const identifier = await objects.make(
      requests.create({
        attributes: [
          {
            name: "Usage Limits",
            value: {
              t: "structure",
              v: [
                { tag: Tag.UsageLimitsTotal, value: { t: "longInteger", v: "16" } },
                { tag: Tag.UsageLimitsUnit, value: { t: "enumeration", v: 1 } },
              ],
            },
          },
        ],
      }),
    );
    const parameters = (...fields: Item[]) => structure(Tag.CryptographicParameters, fields);
    const mode = (value: number) => enumeration(Tag.BlockCipherMode, value);
    const encrypt = (length: number, ...fields: Item[]) =>
      objects.reason(
        on(Operation.Encrypt, identifier, [parameters(...fields), bytes(Tag.Data, Buffer.alloc(length))]),
      );
    const ecb = mode(2);
    expect(await encrypt(16, ecb)).toBe(ResultReason.WrongKeyLifecycleState);
    await objects.ok(requests.activate(identifier));
    expect(await encrypt(16, mode(1))).toBe(ResultReason.InvalidMessage);
    expect(await encrypt(16, mode(0x0b))).toBe(ResultReason.UnsupportedCryptographicParameters);
    expect(await encrypt(16)).toBe(ResultReason.BadCryptographicParameters);
    expect(await encrypt(16, ecb, enumeration(Tag.CryptographicAlgorithm, CryptographicAlgorithm.DES3))).toBe(
      ResultReason.BadCryptographicParameters,
    );
    expect(await encrypt(32, ecb)).toBe(ResultReason.PermissionDenied);
    expect(await encrypt(16, ecb)).toBeNull();
    expect(await encrypt(16, ecb)).toBe(ResultReason.PermissionDenied);
    const mac = on(Operation.MAC, identifier, [bytes(Tag.Data, Buffer.alloc(1))]);
    expect(await objects.reason(mac)).toBe(ResultReason.IncompatibleCryptographicUsageMask);
    const secret = await objects.make(createEmpty(ObjectType.SecretData));
    const wrong = on(Operation.Encrypt, secret, [parameters(ecb), bytes(Tag.Data, Buffer.alloc(16))]);
    expect(await objects.reason(wrong)).toBe(ResultReason.InvalidObjectType);
    const hash = (algorithm: number) => ({
      operation: Operation.Hash,
      payload: [parameters(enumeration(Tag.HashingAlgorithm, algorithm)), bytes(Tag.Data, Buffer.alloc(1))],
    });
    expect(await objects.reason(hash(HashingAlgorithm.MD5))).toBe(
      ResultReason.UnsupportedCryptographicParameters,
    );
    expect(await objects.reason(hash(HashingAlgorithm.SHA_256))).toBeNull();
  });

  it("tell the wrapping key's faults from the object's", async () => {
    const identifier = await objects.make(requests.create());
    const wrapped = (wrapping: string) =>
      objects.reason(
        on(Operation.Get, identifier, [
          structure(Tag.KeyWrappingSpecification, [
            enumeration(Tag.WrappingMethod, 1),
            structure(Tag.EncryptionKeyInformation, [
              text(Tag.UniqueIdentifier, wrapping),
              structure(Tag.CryptographicParameters, [enumeration(Tag.BlockCipherMode, 0x0d)]),
            ]),
          ]),
        ]),
      );
    expect(await wrapped("nobody")).toBe(ResultReason.WrappingObjectNotFound);
    const cbc: ClientAttribute = {
      name: "Cryptographic Parameters",
      value: { t: "structure", v: [{ tag: Tag.BlockCipherMode, value: { t: "enumeration", v: 1 } }] },
    };
    const kek = await objects.make(requests.create({ attributes: [cbc] }));
    expect(await wrapped(kek)).toBe(ResultReason.BadCryptographicParameters);
    const archived = await objects.make(requests.create());
    await objects.ok(on(Operation.Archive, archived));
    expect(await wrapped(archived)).toBe(ResultReason.WrappingObjectArchived);
    const destroyed = await objects.make(requests.create());
    await objects.ok(requests.destroy(destroyed));
    expect(await wrapped(destroyed)).toBe(ResultReason.WrappingObjectDestroyed);
    const opaque = await objects.make({
      operation: Operation.Register,
      payload: [
        enumeration(Tag.ObjectType, ObjectType.OpaqueObject),
        structure(Tag.Attributes, []),
        structure(Tag.OpaqueObject, [
          enumeration(Tag.OpaqueDataType, 0x8000_0001),
          bytes(Tag.OpaqueDataValue, Buffer.from("a")),
        ]),
      ],
    });
    expect(await wrapped(opaque)).toBe(ResultReason.InvalidObjectType);
  });

  it("allow all of a key that is unrestricted", async () => {
    const request = {
      operation: Operation.Create,
      payload: [
        enumeration(Tag.ObjectType, ObjectType.SymmetricKey),
        structure(Tag.Attributes, [integer(Tag.CryptographicUsageMask, CryptographicUsageMask.Unrestricted)]),
      ],
    };
    const identifier = await objects.make(request);
    await objects.ok(requests.activate(identifier));
    const fields = [
      structure(Tag.CryptographicParameters, [enumeration(Tag.BlockCipherMode, 2)]),
      bytes(Tag.Data, Buffer.alloc(16)),
    ];
    expect(await objects.reason(on(Operation.Encrypt, identifier, fields))).toBeNull();
    const usage = integer(Tag.CryptographicUsageMask, CryptographicUsageMask.Decrypt);
    expect(await objects.reason(on(Operation.Check, identifier, [usage]))).toBeNull();
  });

  it("are Invalid Message for Hash without its parameters (Table 237)", async () => {
    const hash = on(Operation.Hash, undefined, [bytes(Tag.Data, Buffer.alloc(1))]);
    expect(await objects.reason(hash)).toBe(ResultReason.InvalidMessage);
  });

  it("tell what Check denies", async () => {
    const identifier = await objects.make(requests.create());
    const check = on(Operation.Check, identifier, [
      integer(Tag.CryptographicUsageMask, CryptographicUsageMask.Sign),
    ]);
    const result = await objects.result(check);
    expect(result.resultReason).toBe(ResultReason.IncompatibleCryptographicUsageMask);
    expect(result.payload.map(({ tag }) => tag)).toEqual([Tag.CryptographicUsageMask]);
    expect(await objects.reason(on(Operation.GetUsageAllocation, identifier))).toBe(
      ResultReason.InvalidMessage,
    );
  });
});
