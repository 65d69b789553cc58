/**
 * The OASIS use cases and test cases, from their first message to their last, in each version that has what they need.
 */
import { describe, expect, it } from "vitest";
import {
  type ClientAttribute,
  type KmipVersionName,
  nameAttribute,
  requests,
} from "@/lib/kmip/client/client";
import { attributesIn, bytesIn, childrenOf, numberIn, textIn } from "@/lib/kmip/client/responses";
import {
  BlockCipherMode,
  CryptographicUsageMask,
  EncodingOption,
  HashingAlgorithm,
  KeyFormatType,
  LinkType,
  Operation,
  PaddingMethod,
  QueryFunction,
  ResultReason,
  RevocationReasonCode,
  State,
  UsageLimitsUnit,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import {
  bytes,
  enumeration,
  type Item,
  integer,
  interval,
  longInteger,
  structure,
  text,
} from "@/lib/kmip/ttlv";
import { date, dig, hex, Objects, on, registerKey, registerSecret, usageMask } from "./payloads";

const ALL = ["1.0", "1.1", "1.2", "1.3", "1.4"] as const satisfies readonly KmipVersionName[];
const SINCE_1_1 = ALL.slice(1);
const KEY = hex("000102030405060708090a0b0c0d0e0f");
const { Encrypt, Decrypt, WrapKey } = CryptographicUsageMask;
const { KeyCompromise, CessationOfOperation } = RevocationReasonCode;
const { IllegalOperation, ItemNotFound, ObjectArchived, PermissionDenied, ResponseTooLarge } = ResultReason;

const textual = (name: string, v: string): ClientAttribute => ({ name, value: { t: "text", v } });
const of = (tag: number) => (item: Item) => item.tag === tag;

/** Objects of a server whose client speaks a version. */
function speaking(version: KmipVersionName): Objects {
  const objects = new Objects();
  objects.version = version;
  return objects;
}

const located = async (objects: Objects, ...attributes: ClientAttribute[]) =>
  (await objects.ok(requests.locate(attributes))).filter(of(Tag.UniqueIdentifier)).map(({ value }) => value);

describe.each(ALL)("a client of %s", (version) => {
  it("creates, locates and gets in a batch, and destroys", async () => {
    const objects = speaking(version);
    const key = await objects.make(requests.create({ length: 128, name: "Key1" }));
    const { items } = await objects.send(
      version,
      [requests.locate([nameAttribute("Key1")]), requests.get()],
      { order: true, continuation: "stop" },
    );
    expect(items.map(({ payload }) => textIn(payload, Tag.UniqueIdentifier))).toEqual([key, key]);
    await objects.ok(requests.destroy(key));
    expect(await located(objects, nameAttribute("Key1"))).toEqual([]);
    expect(await objects.reason(requests.get(key))).toBe(ResultReason.ItemNotFound);
    expect(await objects.attribute(key, "State")).toBe(State.Destroyed);
    expect(await objects.attribute(key, "Destroy Date")).toBe(objects.now());
  });

  it("registers secret data, and destroys it", async () => {
    const objects = speaking(version);
    const secret = await objects.make(
      registerSecret(Buffer.from("Secret"), [usageMask(CryptographicUsageMask.Verify)]),
    );
    const block = dig(await objects.ok(requests.get(secret)), Tag.SecretData, Tag.KeyBlock);
    expect(childrenOf(block).map(({ tag }) => tag)).toEqual([Tag.KeyFormatType, Tag.KeyValue]);
    await objects.ok(requests.destroy(secret));
    expect(await objects.reason(requests.destroy(secret))).toBe(PermissionDenied);
  });

  it("revokes a key that is compromised, and still sees to its attributes", async () => {
    const objects = speaking(version);
    const key = await objects.make(requests.create({ name: "Key1", usageMask: Encrypt }));
    expect(await objects.attribute(key, "State")).toBe(State.PreActive);
    await objects.ok(requests.activate(key));
    expect(await objects.attribute(key, "State")).toBe(State.Active);
    await objects.ok(requests.revoke(key, KeyCompromise, new Date(6000)));
    expect(await objects.attribute(key, "State")).toBe(State.Compromised);
    expect(await objects.attribute(key, "Compromise Occurrence Date")).toBe(6);
    const list = await objects.ok(requests.getAttributeList(key));
    expect(list.map(({ value }) => value)).toEqual(
      expect.arrayContaining([
        "Cryptographic Length",
        "Cryptographic Algorithm",
        "State",
        "Compromise Occurrence Date",
        "Compromise Date",
        "Digest",
        "Initial Date",
        "Activation Date",
        "Revocation Reason",
        "Unique Identifier",
        "Name",
        "Cryptographic Usage Mask",
        "Object Type",
        "Last Change Date",
      ]),
    );
    const changes = [
      (name: string) => requests.addAttribute(key, textual(name, "Value")),
      (name: string) => requests.modifyAttribute(key, textual(name, "Modified")),
      (name: string) => requests.deleteAttribute(key, name),
    ];
    const values = ["Value", "Modified", "Modified"];
    for (const [at, change] of changes.entries()) {
      const { items } = await objects.send(version, [change("x-attribute1"), change("x-attribute2")]);
      expect(items.map(({ payload }) => attributesIn(payload))).toEqual([
        [textual("x-attribute1", values[at] ?? "")],
        [textual("x-attribute2", values[at] ?? "")],
      ]);
    }
    expect(await objects.reason(requests.get(key))).toBeNull();
    await objects.ok(requests.destroy(key));
    expect(await objects.attribute(key, "State")).toBe(State.DestroyedCompromised);
  });

  it("is allotted what it may protect, and no more", async () => {
    const objects = speaking(version);
    const limits: ClientAttribute = {
      name: "Usage Limits",
      value: {
        t: "structure",
        v: [
          { tag: Tag.UsageLimitsTotal, value: { t: "longInteger", v: "1000" } },
          { tag: Tag.UsageLimitsUnit, value: { t: "enumeration", v: UsageLimitsUnit.Byte } },
        ],
      },
    };
    const attributes = [limits, date("Activation Date", objects.now(-1))];
    const key = await objects.make(requests.create({ usageMask: Encrypt, attributes }));
    const allocate = (count: bigint) =>
      objects.reason(on(Operation.GetUsageAllocation, key, [longInteger(Tag.UsageLimitsCount, count)]));
    const check = (count: bigint) =>
      objects.reason(on(Operation.Check, key, [longInteger(Tag.UsageLimitsCount, count)]));
    expect([await check(1000n), await check(1001n)]).toEqual([null, PermissionDenied]);
    expect([await allocate(600n), await allocate(600n), await allocate(400n)]).toEqual([
      null,
      PermissionDenied,
      null,
    ]);
    expect(await check(1n)).toBe(PermissionDenied);
  });

  it("re-keys with an offset, also what has expired or is compromised, and once more", async () => {
    const objects = speaking(version);
    const now = objects.now();
    const attributes = [
      nameAttribute("rekeyKey"),
      date("Activation Date", now - 300),
      date("Process Start Date", now - 200),
      date("Protect Stop Date", now - 100),
      date("Deactivation Date", now - 50),
    ];
    const expired = await objects.make(requests.create({ attributes }));
    expect(await objects.attribute(expired, "State")).toBe(State.Deactivated);
    expect(await objects.reason(on(Operation.ObtainLease, expired))).toBe(PermissionDenied);
    const replacement = await objects.make(on(Operation.ReKey, expired, [interval(Tag.Offset, 0)]));
    for (const [name, seconds] of [
      ["Activation Date", now],
      ["Process Start Date", now + 100],
      ["Protect Stop Date", now + 200],
      ["Deactivation Date", now + 250],
    ] as const) {
      expect(await objects.attribute(replacement, name)).toBe(seconds);
    }
    expect(await objects.attribute(replacement, "State")).toBe(State.Active);
    expect(await located(objects, nameAttribute("rekeyKey"))).toEqual([replacement]);
    expect(await objects.attribute(expired, "Name")).toBeUndefined();
    const link = async (identifier: string) => JSON.stringify(await objects.attribute(identifier, "Link"));
    expect(await link(expired)).toContain(String(LinkType.ReplacementObjectLink));
    expect(await link(replacement)).toContain(expired);
    await objects.ok(requests.revoke(replacement, KeyCompromise));
    const third = await objects.make(on(Operation.ReKey, replacement));
    expect(await objects.attribute(third, "State")).toBe(State.Active);
    expect(await objects.attribute(third, "Revocation Reason")).toBeUndefined();
    expect(await objects.reason(on(Operation.ObtainLease, third))).toBeNull();
  });

  it("archives a key, and has it back", async () => {
    const objects = speaking(version);
    const key = await objects.make(requests.create({ name: "Key1" }));
    await objects.ok(on(Operation.Archive, key));
    expect(await objects.reason(requests.get(key))).toBe(ObjectArchived);
    expect(await located(objects, nameAttribute("Key1"))).toEqual([]);
    const { operation, payload } = requests.locate([nameAttribute("Key1")]);
    const archived = { operation, payload: [integer(Tag.StorageStatusMask, 2), ...payload] };
    const { items } = await objects.send(version, [
      archived,
      on(Operation.Recover, undefined),
      requests.get(),
    ]);
    expect(items.map(({ resultReason }) => resultReason)).toEqual([null, null, null]);
    expect(await objects.attribute(key, "Archive Date")).toBeUndefined();
  });

  it("says who it is in the header, and names the policy that there is", async () => {
    const objects = speaking(version);
    const credential = structure(Tag.Credential, [
      enumeration(Tag.CredentialType, 1),
      structure(Tag.CredentialValue, [text(Tag.Username, "Fred"), text(Tag.Password, "password1")]),
    ]);
    const device = structure(Tag.Credential, [
      enumeration(Tag.CredentialType, 2),
      structure(Tag.CredentialValue, [
        text(Tag.DeviceSerialNumber, "serNum123456"),
        text(Tag.Password, "secret"),
        text(Tag.DeviceIdentifier, "devID2233"),
        text(Tag.NetworkIdentifier, "netID9000"),
        text(Tag.MachineIdentifier, "machineID1"),
        text(Tag.MediaIdentifier, "mediaID313"),
      ]),
    ]);
    const create = requests.create({
      name: "PolicyKey",
      attributes: [
        textual("Operation Policy Name", "default"),
        {
          name: "Cryptographic Parameters",
          value: {
            t: "structure",
            v: [
              { tag: Tag.BlockCipherMode, value: { t: "enumeration", v: BlockCipherMode.CBC } },
              { tag: Tag.PaddingMethod, value: { t: "enumeration", v: PaddingMethod.PKCS5 } },
              { tag: Tag.HashingAlgorithm, value: { t: "enumeration", v: HashingAlgorithm.SHA_1 } },
            ],
          },
        },
      ],
    });
    const credentials = version === "1.0" ? [credential] : [credential, device];
    const header = [structure(Tag.Authentication, credentials)];
    const { items } = await objects.send(version, [create], { header });
    const key = textIn(items[0]?.payload ?? [], Tag.UniqueIdentifier) ?? "";
    expect(await objects.attribute(key, "Operation Policy Name")).toBe("default");
    expect(await objects.attribute(key, "Cryptographic Parameters")).toHaveLength(3);
    expect(JSON.stringify(objects.audit.records)).not.toContain("password1");
    // Kept and answered, without effect: there are no policies here.
    const other = await objects.make(
      requests.create({ attributes: [textual("Operation Policy Name", "mine")] }),
    );
    expect(await objects.attribute(other, "Operation Policy Name")).toBe("mine");
    expect(await objects.key(other)).toHaveLength(32);
  });

  it("asks what there is, and how large it is", async () => {
    const objects = speaking(version);
    const query = requests.query([QueryFunction.QueryOperations, QueryFunction.QueryObjects]);
    const small = await objects.send(version, [query], { maximumResponseSize: 256 });
    expect(small.items[0]).toMatchObject({ operation: Operation.Query, resultReason: ResponseTooLarge });
    const { items } = await objects.send(version, [query], { maximumResponseSize: 2048 });
    const [item] = items;
    expect(item?.payload.filter(of(Tag.Operation)).length).toBeGreaterThan(18);
    expect(item?.payload.filter(of(Tag.ObjectType)).map(({ value }) => value)).toEqual([2, 6, 7, 8]);
  });

  it("gets a key as it was registered, with the digest of that", async () => {
    const objects = speaking(version);
    const transparent = {
      format: KeyFormatType.TransparentSymmetricKey,
      material: structure(Tag.KeyMaterial, [bytes(Tag.Key, KEY)]),
    };
    const digests = new Set<string>();
    for (const fields of [{}, transparent]) {
      const key = await objects.make(registerKey(KEY, [usageMask(Encrypt)], fields));
      const block = childrenOf(dig(await objects.ok(requests.get(key)), Tag.SymmetricKey, Tag.KeyBlock));
      expect(numberIn(block, Tag.KeyFormatType)).toBe(fields === transparent ? transparent.format : 1);
      const digest = await objects.attribute(key, "Digest");
      expect(digest).toHaveLength(version === "1.0" ? 2 : 3);
      digests.add(JSON.stringify(digest));
    }
    expect(digests.size).toBe(2);
  });

  it("deletes one of two names, and finds the key by the other", async () => {
    const objects = speaking(version);
    const attributes = [nameAttribute("FirstTestName"), nameAttribute("SecondTestName")];
    const key = await objects.make(requests.create({ attributes }));
    const deleted = await objects.ok(requests.deleteAttribute(key, "Name"));
    expect(attributesIn(deleted)).toEqual([nameAttribute("FirstTestName")]);
    expect(await objects.reason(requests.deleteAttribute(key, "Name"))).toBe(ItemNotFound);
    expect(await located(objects, nameAttribute("FirstTestName"))).toEqual([]);
    expect(await located(objects, nameAttribute("SecondTestName"))).toEqual([key]);
    const left = attributesIn(await objects.ok(requests.getAttributes(key, ["Name"])));
    expect(left).toEqual([{ ...nameAttribute("SecondTestName"), index: 1 }]);
  });
});

describe.each(SINCE_1_1)("a client of %s", (version) => {
  it("has a key wrapped, with attributes or without encoding", async () => {
    const objects = speaking(version);
    const parameters: ClientAttribute = {
      name: "Cryptographic Parameters",
      value: {
        t: "structure",
        v: [{ tag: Tag.BlockCipherMode, value: { t: "enumeration", v: BlockCipherMode.NISTKeyWrap } }],
      },
    };
    const wrapping = await objects.activeKey(KEY, [usageMask(WrapKey), parameters]);
    const key = await objects.make(
      registerKey(KEY, [usageMask(Encrypt | Decrypt), textual("x-Purpose", "show")]),
    );
    const wrapped = async (...fields: Item[]) => {
      const specification = structure(Tag.KeyWrappingSpecification, [
        enumeration(Tag.WrappingMethod, 1),
        structure(Tag.EncryptionKeyInformation, [text(Tag.UniqueIdentifier, wrapping)]),
        ...fields,
      ]);
      const payload = await objects.ok(on(Operation.Get, key, [specification]));
      return dig(payload, Tag.SymmetricKey, Tag.KeyBlock, Tag.KeyValue)?.value;
    };
    const plain = (await wrapped(enumeration(Tag.EncodingOption, EncodingOption.NoEncoding))) as Item[];
    expect(bytesIn(plain, Tag.KeyMaterial)).toHaveLength(24);
    const encoded = await wrapped();
    const withPurpose = await wrapped(text(Tag.AttributeName, "x-Purpose"));
    expect((withPurpose as Uint8Array).length).toBeGreaterThan((encoded as Uint8Array).length);
  });

  it("discovers the versions that it has in common with the server", async () => {
    const objects = speaking(version);
    const discovered = async (...versions: KmipVersionName[]) =>
      (await objects.ok(requests.discoverVersions(versions))).map((item) =>
        childrenOf(item)
          .map(({ value }) => value)
          .join("."),
      );
    expect(await discovered("1.0", "1.2")).toEqual(["1.2", "1.0"]);
    expect(await discovered()).toEqual(expect.arrayContaining(["1.4", "1.3", "1.2", "1.1", "1.0"]));
  });

  it("deactivates what is no longer needed", async () => {
    const objects = speaking(version);
    const key = await objects.make(requests.create());
    expect(await objects.reason(requests.revoke(key, CessationOfOperation))).toBe(IllegalOperation);
    await objects.ok(requests.activate(key));
    expect(await objects.reason(requests.destroy(key))).toBe(PermissionDenied);
    await objects.ok(requests.revoke(key, CessationOfOperation));
    expect(await objects.attribute(key, "Deactivation Date")).toBe(objects.now());
    await objects.ok(requests.destroy(key));
  });
});
