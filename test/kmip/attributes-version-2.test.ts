/** Attributes in KMIP 2.x, and the same objects seen by clients of both major versions. */
import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { type ClientAttribute, nameAttribute, requests } from "@/lib/kmip/client/client";
import { attributeNamesIn, attributesIn, childrenOf, find } from "@/lib/kmip/client/responses";
import type { StoredValue } from "@/lib/kmip/ports";
import {
  AdjustmentType,
  CryptographicAlgorithm,
  KeyFormatType,
  LinkType,
  ObjectType,
  Operation,
  ResultReason,
  RevocationReasonCode,
  SecretDataType,
  State,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { bytes, enumeration, type Item, ItemType, integer, structure, text } from "@/lib/kmip/ttlv";
import { date, dig, identify, keyBlock, Objects, on, registerKey, registerOpaque } from "./payloads";

let objects: Objects;

beforeEach(() => {
  objects = new Objects();
  objects.version = "2.1";
});

const as = <T>(version: Objects["version"], ask: () => Promise<T>): Promise<T> => {
  const before = objects.version;
  objects.version = version;
  return ask().finally(() => {
    objects.version = before;
  });
};

const attribute = (name: string, value: StoredValue): ClientAttribute => ({ name, value });
const words = (name: string, v: string) => attribute(name, { t: "text", v });
const flag = (name: string, v: boolean) => attribute(name, { t: "boolean", v });

const create = (...attributes: ClientAttribute[]) => objects.make(requests.create({ attributes }));

/** All values of an attribute, as the current version tells them. */
async function values(identifier: string, name: string): Promise<StoredValue["v"][]> {
  const payload = await objects.ok(requests.getAttributes(identifier, [name]));
  return attributesIn(payload).map(({ value }) => value.v);
}

const list = async (identifier: string) =>
  attributeNamesIn(await objects.ok(requests.getAttributeList(identifier)));

const vendorAttribute = (vendor: string, name: string, value: Item) =>
  structure(Tag.Attribute, [text(Tag.VendorIdentification, vendor), text(Tag.AttributeName, name), value]);

/** Register of any object, with its attributes as fields. */
const brought = (objectType: number, object: Item, ...attributes: Item[]) => ({
  operation: Operation.Register,
  payload: [enumeration(Tag.ObjectType, objectType), structure(Tag.Attributes, attributes), object],
});

const registration = (...attributes: Item[]) => ({
  operation: Operation.Register,
  payload: [
    enumeration(Tag.ObjectType, ObjectType.OpaqueObject),
    structure(Tag.Attributes, attributes),
    structure(Tag.OpaqueObject, [
      enumeration(Tag.OpaqueDataType, 0x8000_0001),
      bytes(Tag.OpaqueDataValue, Buffer.from("opaque")),
    ]),
  ],
});

describe("vendor attributes (2.1: 4.60)", () => {
  it("of x are the custom attributes of 1.x, whoever wrote them", async () => {
    const old = await as("1.1", () => create(words("x-Product", "VMware vSphere")));
    const payload = await objects.ok(requests.getAttributes(old, ["x-Product"]));
    expect(find(payload, Tag.Attributes)).toEqual(
      structure(Tag.Attributes, [
        vendorAttribute("x", "Product", text(Tag.AttributeValue, "VMware vSphere")),
      ]),
    );
    const young = await create(words("x-Product", "new"));
    await objects.ok(requests.modifyAttribute(young, words("x-Product", "newer")));
    expect(await as("1.1", () => values(young, "x-Product"))).toEqual(["newer"]);
    expect(await as("1.1", () => list(young))).toContain("x-Product");
    // Both are found by clients of both.
    for (const version of ["1.0", "2.1"] as const) {
      const found = await as(version, () => objects.ok(requests.locate([words("x-Product", "newer")])));
      expect(found.map(({ value }) => value)).toEqual([young]);
    }
  });

  it("of others are hidden from 1.x, and untouched by it", async () => {
    const identifier = await create(words("Acme:Tier", "gold"), words("x-Seen", "yes"));
    expect(await values(identifier, "Acme:Tier")).toEqual(["gold"]);
    expect(await list(identifier)).toContain("Acme:Tier");
    await as("1.4", async () => {
      expect(await list(identifier)).toContain("x-Seen");
      expect(await list(identifier)).not.toContain("Acme:Tier");
      expect(await values(identifier, "Acme:Tier")).toEqual([]);
      expect(await objects.reason(requests.deleteAttribute(identifier, "Acme:Tier"))).toBe(
        ResultReason.ItemNotFound,
      );
      expect(await objects.reason(requests.addAttribute(identifier, words("Acme:Tier", "lead")))).toBe(
        ResultReason.PermissionDenied,
      );
    });
    expect(await values(identifier, "Acme:Tier")).toEqual(["gold"]);
  });

  it("with a Date-Time Extended are for 2.x alone", async () => {
    const value: Item = {
      tag: Tag.AttributeValue,
      type: ItemType.DateTimeExtended,
      value: 1_700_000_000_000_001n,
    };
    const identifier = await objects.make(registration(vendorAttribute("x", "Moment", value)));
    expect(await values(identifier, "x-Moment")).toEqual(["1700000000000001"]);
    expect(await as("1.4", () => list(identifier))).not.toContain("x-Moment");
    expect(await as("1.4", () => values(identifier, "x-Moment"))).toEqual([]);
  });

  it("of y are the server's", async () => {
    const identifier = await create();
    expect(await objects.reason(requests.addAttribute(identifier, words("y-Own", "a")))).toBe(
      ResultReason.ReadOnlyAttribute,
    );
    expect(
      await objects.reason(registration(vendorAttribute("y", "Own", text(Tag.AttributeValue, "a")))),
    ).toBe(ResultReason.AttributeReadOnly);
  });

  it("need a Vendor Identification of letters, digits, underscore and period", async () => {
    const request = registration(vendorAttribute("not so", "Own", text(Tag.AttributeValue, "a")));
    expect(await objects.reason(request)).toBe(ResultReason.InvalidAttribute);
  });
});

describe("Get Attributes and Get Attribute List (2.1: 6.1.20, 6.1.21)", () => {
  it("answer one Attributes structure, empty if there is nothing", async () => {
    const identifier = await create();
    const payload = await objects.ok(requests.getAttributes(identifier, ["Name"]));
    expect(payload.map(({ tag }) => tag)).toEqual([Tag.UniqueIdentifier, Tag.Attributes]);
    expect(childrenOf(find(payload, Tag.Attributes))).toEqual([]);
  });

  it("know attributes that no object here has, and refuse what is none", async () => {
    const identifier = await create();
    const ask = (...tags: number[]) =>
      on(
        Operation.GetAttributes,
        identifier,
        tags.map((tag) => enumeration(Tag.AttributeReference, tag)),
      );
    expect(await objects.reason(ask(Tag.CertificateType, Tag.X_509CertificateIssuer))).toBeNull();
    expect(await objects.reason(ask(Tag.BatchItem))).toBe(ResultReason.InvalidAttribute);
    expect(await objects.reason(ask(0x42ffff))).toBe(ResultReason.UnknownTag);
    expect(await objects.reason(ask(Tag.State, Tag.State))).toBe(ResultReason.InvalidMessage);
    const byName = on(Operation.GetAttributes, identifier, [text(Tag.AttributeName, "State")]);
    expect(await objects.reason(byName)).toBe(ResultReason.InvalidMessage);
  });

  it("tell what each version has, and no more", async () => {
    const identifier = await create(nameAttribute("a"));
    await objects.ok(requests.setAttribute(identifier, flag("Rotate Automatic", false)));
    const names = await list(identifier);
    expect(names).toEqual(
      expect.arrayContaining([
        "Key Format Type",
        "Protection Storage Mask",
        "Short Unique Identifier",
        "Rotate Automatic",
        "Random Number Generator",
        "Sensitive",
      ]),
    );
    expect(names).not.toContain("Operation Policy Name");
    expect(await as("2.0", () => list(identifier))).toEqual(
      names.filter((name) => name !== "Rotate Automatic"),
    );
    const old = await as("1.4", () => list(identifier));
    expect(old).not.toContain("Key Format Type");
    expect(old).not.toContain("Short Unique Identifier");
    // Every name that is listed has a value, and all that has a value is listed.
    const all = attributesIn(await objects.ok(requests.getAttributes(identifier)));
    expect([...new Set(all.map(({ name }) => name))].sort()).toEqual([...names].sort());
  });
});

describe("attributes that 2.x brought", () => {
  it("follow from the object", async () => {
    const identifier = await create();
    expect(await values(identifier, "Short Unique Identifier")).toEqual([
      createHash("sha256").update(identifier).digest("hex"),
    ]);
    expect(await values(identifier, "Key Format Type")).toEqual([KeyFormatType.Raw]);
    expect(await values(identifier, "Protection Storage Mask")).toEqual([1]);
    const opaque = await objects.make(registration());
    expect(await values(opaque, "Key Format Type")).toEqual([KeyFormatType.Opaque]);
    expect(await values(opaque, "Opaque Data Type")).toEqual([0x8000_0001]);
    const short = createHash("sha256").update(opaque).digest("hex");
    const found = await objects.ok(
      requests.locate([attribute("Short Unique Identifier", { t: "bytes", v: short })]),
    );
    expect(found.map(({ value }) => value)).toEqual([opaque]);
  });

  it("give secret data the length of its value, and its Key Block none (4.15)", async () => {
    const block = keyBlock(Buffer.from("pass"), {
      format: KeyFormatType.Raw,
      algorithm: null,
      length: null,
    });
    const secretData = structure(Tag.SecretData, [
      enumeration(Tag.SecretDataType, SecretDataType.Password),
      block,
    ]);
    const register = (...attributes: Item[]) => brought(ObjectType.SecretData, secretData, ...attributes);
    const secret = await objects.make(register());
    expect(await values(secret, "Cryptographic Length")).toEqual([32]);
    expect(await list(secret)).not.toContain("Cryptographic Algorithm");
    const payload = await objects.ok(requests.get(secret));
    expect(dig(payload, Tag.SecretData, Tag.KeyBlock, Tag.KeyFormatType)).toBeDefined();
    expect(dig(payload, Tag.SecretData, Tag.KeyBlock, Tag.CryptographicLength)).toBeUndefined();
    // Table 293: the length without an algorithm is enough for secret data, not the other way round.
    const told = await objects.make(register(integer(Tag.CryptographicLength, 31)));
    expect(await values(told, "Cryptographic Length")).toEqual([31]);
    const algorithm = enumeration(Tag.CryptographicAlgorithm, CryptographicAlgorithm.AES);
    expect(await objects.reason(register(algorithm))).toBe(ResultReason.InvalidAttributeValue);
  });

  it("are the client's, under their rules", async () => {
    const identifier = await create(
      attribute("Protection Level", { t: "enumeration", v: 1 }),
      attribute("Protection Period", { t: "interval", v: 86_400 }),
      flag("Quantum Safe", true),
      attribute("NIST Key Type", { t: "enumeration", v: 6 }),
    );
    expect(await values(identifier, "Protection Level")).toEqual([1]);
    await objects.ok(requests.modifyAttribute(identifier, flag("Quantum Safe", false)));
    await objects.ok(requests.deleteAttribute(identifier, "Quantum Safe"));
    expect(await values(identifier, "Quantum Safe")).toEqual([]);
    // Once set, for ever; more of them may come.
    const type = (v: number) => attribute("NIST Key Type", { t: "enumeration", v });
    await objects.ok(requests.addAttribute(identifier, type(7)));
    expect(await values(identifier, "NIST Key Type")).toEqual([6, 7]);
    expect(await objects.reason(requests.modifyAttribute(identifier, type(8), type(7)))).toBe(
      ResultReason.AttributeReadOnly,
    );
    expect(await objects.reason(requests.deleteAttribute(identifier, "NIST Key Type"))).toBe(
      ResultReason.AttributeReadOnly,
    );
    expect(await objects.reason(requests.addAttribute(identifier, type(99)))).toBe(
      ResultReason.InvalidAttributeValue,
    );
  });

  it("ask for no rotation that nobody does", async () => {
    const identifier = await create();
    expect(await objects.reason(requests.setAttribute(identifier, flag("Rotate Automatic", true)))).toBe(
      ResultReason.FeatureNotSupported,
    );
    expect(await objects.reason(requests.create({ attributes: [flag("Rotate Automatic", true)] }))).toBe(
      ResultReason.FeatureNotSupported,
    );
  });

  it("count what Re-key replaces", async () => {
    const first = await create(nameAttribute("rotated"));
    const second = await objects.make(on(Operation.ReKey, first));
    const third = await objects.make(on(Operation.ReKey, second));
    expect(await values(first, "Rotate Generation")).toEqual([]);
    expect(await values(second, "Rotate Generation")).toEqual([1]);
    expect(await values(third, "Rotate Generation")).toEqual([2]);
    expect(await values(first, "Rotate Latest")).toEqual([false]);
    expect(await values(second, "Rotate Latest")).toEqual([false]);
    expect(await values(third, "Rotate Latest")).toEqual([true]);
    expect(await values(first, "Rotate Date")).toEqual([objects.now()]);
    expect(await values(third, "Rotate Date")).toEqual([]);
    expect(await as("1.4", () => list(third))).not.toContain("Rotate Generation");
  });

  it("may come in a Template-Attribute for Re-key, as PyKMIP's client has it", async () => {
    const first = await create();
    const template = structure(Tag.TemplateAttribute, [
      structure(Tag.Attribute, [
        text(Tag.AttributeName, "Contact Information"),
        text(Tag.AttributeValue, "me"),
      ]),
    ]);
    const second = await objects.make(on(Operation.ReKey, first, [template]));
    expect(await values(second, "Contact Information")).toEqual(["me"]);
    const both = on(Operation.ReKey, second, [template, structure(Tag.Attributes, [])]);
    expect(await objects.reason(both)).toBe(ResultReason.InvalidMessage);
  });

  it("make the key in the format that is asked for, digested in that and in the usual one", async () => {
    const format = (v: number) => attribute("Key Format Type", { t: "enumeration", v });
    const identifier = await create(format(KeyFormatType.TransparentSymmetricKey));
    const payload = await objects.ok(requests.get(identifier));
    const block = dig(payload, Tag.SymmetricKey, Tag.KeyBlock);
    expect(find(childrenOf(block), Tag.KeyFormatType)?.value).toBe(KeyFormatType.TransparentSymmetricKey);
    const digests = attributesIn(await objects.ok(requests.getAttributes(identifier, ["Digest"])));
    expect(digests).toHaveLength(2);
    expect(await objects.reason(requests.create({ attributes: [format(KeyFormatType.PKCS_8)] }))).toBe(
      ResultReason.KeyFormatTypeNotSupported,
    );
  });

  it("give opaque objects a life cycle", async () => {
    const opaque = await objects.make(registration());
    expect(await values(opaque, "State")).toEqual([State.PreActive]);
    await objects.ok(requests.activate(opaque));
    expect(await objects.reason(requests.destroy(opaque))).toBe(ResultReason.WrongKeyLifecycleState);
    await objects.ok(requests.revoke(opaque, RevocationReasonCode.CessationOfOperation));
    await objects.ok(requests.destroy(opaque));
    const old = await as("1.4", () => objects.make(registerOpaque(Buffer.from("old"))));
    expect(await values(old, "State")).toEqual([State.PreActive]);
    expect(await as("1.4", () => values(old, "State"))).toEqual([]);
  });
});

describe("Add, Modify and Delete Attribute", () => {
  it("answer the identifier alone", async () => {
    const identifier = await create();
    const only = identify(identifier);
    expect(await objects.ok(requests.addAttribute(identifier, words("x-a", "1")))).toEqual(only);
    expect(await objects.ok(requests.modifyAttribute(identifier, words("x-a", "2")))).toEqual(only);
    expect(await objects.ok(requests.setAttribute(identifier, words("x-a", "3")))).toEqual(only);
    expect(await objects.ok(requests.deleteAttribute(identifier, "x-a"))).toEqual(only);
  });

  it("tell instances apart by their values", async () => {
    const group = (v: string) => words("Object Group", v);
    const identifier = await create(group("a"), group("b"), group("c"));
    await objects.ok(requests.modifyAttribute(identifier, group("B"), group("b")));
    expect(await values(identifier, "Object Group")).toEqual(["a", "B", "c"]);
    expect(await objects.reason(requests.modifyAttribute(identifier, group("z")))).toBe(
      ResultReason.MultiValuedAttribute,
    );
    expect(await objects.reason(requests.modifyAttribute(identifier, group("z"), group("y")))).toBe(
      ResultReason.AttributeInstanceNotFound,
    );
    expect(await objects.reason(requests.modifyAttribute(identifier, group("a"), group("c")))).toBe(
      ResultReason.InvalidAttributeValue,
    );
    await objects.ok(requests.deleteAttributeValue(identifier, group("a")));
    expect(await values(identifier, "Object Group")).toEqual(["B", "c"]);
    expect(await objects.reason(requests.deleteAttributeValue(identifier, group("a")))).toBe(
      ResultReason.AttributeInstanceNotFound,
    );
    await objects.ok(requests.deleteAttribute(identifier, "Object Group"));
    expect(await values(identifier, "Object Group")).toEqual([]);
    expect(await objects.reason(requests.deleteAttribute(identifier, "Object Group"))).toBe(
      ResultReason.AttributeNotFound,
    );
    expect(await objects.reason(requests.modifyAttribute(identifier, group("a")))).toBe(
      ResultReason.AttributeNotFound,
    );
  });

  it("keep the indices that 1.x knows", async () => {
    const group = (v: string) => words("Object Group", v);
    const identifier = await create(group("a"), group("b"));
    await objects.ok(requests.deleteAttributeValue(identifier, group("a")));
    const left = await as("1.4", () => objects.ok(requests.getAttributes(identifier, ["Object Group"])));
    expect(attributesIn(left)).toEqual([{ ...group("b"), index: 1 }]);
  });

  it("want one attribute, and the same in both places", async () => {
    const identifier = await create(words("x-a", "1"));
    const custom = vendorAttribute("x", "a", text(Tag.AttributeValue, "2"));
    const modify = (...fields: Item[]) => on(Operation.ModifyAttribute, identifier, fields);
    expect(await objects.reason(modify(structure(Tag.NewAttribute, [])))).toBe(ResultReason.InvalidMessage);
    expect(await objects.reason(modify(structure(Tag.NewAttribute, [custom, custom])))).toBe(
      ResultReason.InvalidMessage,
    );
    const other = structure(Tag.CurrentAttribute, [text(Tag.Comment, "b")]);
    expect(await objects.reason(modify(other, structure(Tag.NewAttribute, [custom])))).toBe(
      ResultReason.InvalidAttribute,
    );
    expect(await objects.reason(on(Operation.DeleteAttribute, identifier))).toBe(ResultReason.InvalidMessage);
    // Of 1.x.
    expect(await objects.reason(modify(structure(Tag.Attribute, [text(Tag.AttributeName, "x-a")])))).toBe(
      ResultReason.InvalidMessage,
    );
  });

  it.each<[string, ClientAttribute, number, number]>([
    [
      "read-only attributes",
      attribute("State", { t: "enumeration", v: 2 }),
      ResultReason.ReadOnlyAttribute,
      ResultReason.AttributeReadOnly,
    ],
    [
      "values of another type",
      attribute("Contact Information", { t: "integer", v: 1 }),
      ResultReason.InvalidAttributeValue,
      ResultReason.InvalidAttributeValue,
    ],
  ])("refuse %s", async (_, given, adding, modifying) => {
    const identifier = await create();
    expect(await objects.reason(requests.addAttribute(identifier, given))).toBe(adding);
    expect(await objects.reason(requests.modifyAttribute(identifier, given))).toBe(modifying);
  });

  it("refuse attributes of other objects, dates that have come, names that are taken, second values", async () => {
    const identifier = await create(nameAttribute("one"));
    const add = (...fields: Item[]) =>
      on(Operation.AddAttribute, identifier, [structure(Tag.NewAttribute, fields)]);
    expect(await objects.reason(add(enumeration(Tag.CertificateType, 1)))).toBe(
      ResultReason.UnsupportedAttribute,
    );
    expect(await objects.reason(add(integer(Tag.BatchCount, 1)))).toBe(ResultReason.InvalidAttribute);
    await objects.ok(requests.addAttribute(identifier, words("Comment", "a")));
    expect(await objects.reason(requests.addAttribute(identifier, words("Comment", "b")))).toBe(
      ResultReason.AttributeSingleValued,
    );
    await objects.make(requests.create({ name: "two" }));
    expect(await objects.reason(requests.addAttribute(identifier, nameAttribute("two")))).toBe(
      ResultReason.NonUniqueNameAttribute,
    );
    expect(await objects.reason(requests.create({ name: "two" }))).toBe(ResultReason.NonUniqueNameAttribute);
    expect(await objects.reason(requests.addAttribute(identifier, flag("Sensitive", true)))).toBe(
      ResultReason.AttributeSingleValued,
    );
    await objects.ok(requests.addAttribute(identifier, nameAttribute("own")));
    expect(await objects.reason(requests.addAttribute(identifier, nameAttribute("own")))).toBe(
      ResultReason.NonUniqueNameAttribute,
    );
    await objects.ok(requests.activate(identifier));
    const activation = date("Activation Date", objects.now(60));
    expect(await objects.reason(requests.modifyAttribute(identifier, activation))).toBe(
      ResultReason.WrongKeyLifecycleState,
    );
    expect(await objects.reason(requests.addAttribute("nobody", words("Comment", "b")))).toBe(
      ResultReason.ObjectNotFound,
    );
  });

  it("find Usage Limits by what the client can know of them", async () => {
    const limits = (total: string) =>
      attribute("Usage Limits", {
        t: "structure",
        v: [
          { tag: Tag.UsageLimitsTotal, value: { t: "longInteger", v: total } },
          { tag: Tag.UsageLimitsUnit, value: { t: "enumeration", v: 1 } },
        ],
      });
    const identifier = await create(limits("10"));
    await objects.ok(requests.modifyAttribute(identifier, limits("20"), limits("10")));
    await objects.ok(requests.deleteAttributeValue(identifier, limits("20")));
    expect(await values(identifier, "Usage Limits")).toEqual([]);
  });
});

describe("Set Attribute (2.1: 6.1.51)", () => {
  it("adds what is not there and changes what is", async () => {
    const identifier = await create();
    await objects.ok(requests.setAttribute(identifier, words("Contact Information", "a")));
    await objects.ok(requests.setAttribute(identifier, words("Contact Information", "b")));
    expect(await values(identifier, "Contact Information")).toEqual(["b"]);
    await objects.ok(requests.setAttribute(identifier, flag("Sensitive", true)));
    expect(await objects.reason(requests.get(identifier))).toBe(ResultReason.Sensitive);
  });

  it("does not choose among several", async () => {
    const identifier = await create(words("Object Group", "a"), words("Object Group", "b"));
    expect(await objects.reason(requests.setAttribute(identifier, words("Object Group", "c")))).toBe(
      ResultReason.MultiValuedAttribute,
    );
    expect(
      await objects.reason(requests.setAttribute(identifier, attribute("State", { t: "enumeration", v: 2 }))),
    ).toBe(ResultReason.ReadOnlyAttribute);
  });

  it("is none of 1.x", async () => {
    const identifier = await create();
    const request = { operation: Operation.SetAttribute, payload: identify(identifier) };
    expect(await as("1.4", () => objects.reason(request))).toBe(ResultReason.OperationNotSupported);
  });
});

describe("Adjust Attribute (2.1: 6.1.3, 11.1)", () => {
  const { Increment, Decrement, Negate } = AdjustmentType;
  const adjust = (identifier: string, name: string, type: number, value?: StoredValue) =>
    objects.reason(requests.adjustAttribute(identifier, name, type, value));

  it("counts, from nothing if need be", async () => {
    const identifier = await create();
    expect(await adjust(identifier, "Protection Period", Increment)).toBeNull();
    expect(await adjust(identifier, "Protection Period", Increment, { t: "interval", v: 59 })).toBeNull();
    expect(await values(identifier, "Protection Period")).toEqual([60]);
    expect(await adjust(identifier, "Protection Period", Decrement, { t: "integer", v: 20 })).toBeNull();
    expect(await values(identifier, "Protection Period")).toEqual([40]);
    expect(await adjust(identifier, "Protection Period", Decrement, { t: "integer", v: 41 })).toBe(
      ResultReason.NumericRange,
    );
    expect(await adjust(identifier, "Protection Period", Negate)).toBe(ResultReason.InvalidDataType);
  });

  it("moves dates by seconds", async () => {
    const identifier = await create(date("Activation Date", objects.now(100)));
    expect(await adjust(identifier, "Activation Date", Increment)).toBeNull();
    expect(await values(identifier, "Activation Date")).toEqual([objects.now(101)]);
    expect(await adjust(identifier, "Activation Date", Decrement, { t: "interval", v: 101 })).toBeNull();
    expect(await values(identifier, "State")).toEqual([State.Active]);
    expect(await adjust(identifier, "Activation Date", Increment)).toBe(ResultReason.WrongKeyLifecycleState);
    expect(await adjust(identifier, "Deactivation Date", Increment)).toBe(ResultReason.AttributeNotFound);
  });

  it("turns Booleans and numbers round", async () => {
    const identifier = await create(
      attribute("x-Count", { t: "integer", v: 5 }),
      attribute("x-Big", { t: "bigInteger", v: "-9223372036854775809" }),
    );
    expect(await adjust(identifier, "Quantum Safe", Negate)).toBeNull();
    expect(await values(identifier, "Quantum Safe")).toEqual([true]);
    expect(await adjust(identifier, "x-Count", Negate)).toBeNull();
    expect(await adjust(identifier, "x-Big", Negate)).toBeNull();
    expect(await values(identifier, "x-Count")).toEqual([-5]);
    expect(await values(identifier, "x-Big")).toEqual(["9223372036854775809"]);
    expect(await adjust(identifier, "x-New", Increment, { t: "longInteger", v: "7" })).toBeNull();
    expect(await values(identifier, "x-New")).toEqual(["7"]);
    expect(await adjust(identifier, "x-Newer", Increment)).toBe(ResultReason.AttributeNotFound);
  });

  it.each<[string, string, number]>([
    ["what is no number", "Comment", ResultReason.InvalidDataType],
    ["what is read-only", "Cryptographic Length", ResultReason.ReadOnlyAttribute],
    ["several values", "Object Group", ResultReason.MultiValuedAttribute],
    ["an Integer beyond its range", "x-Full", ResultReason.NumericRange],
  ])("refuses %s", async (_, name, reason) => {
    const identifier = await create(
      words("Comment", "a"),
      words("Object Group", "a"),
      words("Object Group", "b"),
      attribute("x-Full", { t: "integer", v: 0x7fff_ffff }),
    );
    expect(await adjust(identifier, name, Increment)).toBe(reason);
  });

  it("has a reason of its own for objects that are not there", async () => {
    expect(await adjust("nobody", "Protection Period", Increment)).toBe(ResultReason.ItemNotFound);
    const identifier = await create();
    await objects.ok(on(Operation.Archive, identifier));
    expect(await adjust(identifier, "Protection Period", Increment)).toBe(ResultReason.ObjectArchived);
  });
});

describe("objects that clients of both major versions share", () => {
  it("keep links, names and parameters whole", async () => {
    const link = attribute("Link", {
      t: "structure",
      v: [
        { tag: Tag.LinkType, value: { t: "enumeration", v: LinkType.PreviousLink } },
        { tag: Tag.LinkedObjectIdentifier, value: { t: "text", v: "other" } },
      ],
    });
    const identifier = await as("1.4", () => create(nameAttribute("shared"), link));
    await objects.ok(requests.addAttribute(identifier, words("Description", "by 2.1")));
    const tell = async (name: string) =>
      attributesIn(await objects.ok(requests.getAttributes(identifier, [name])));
    for (const name of ["Name", "Link", "Description", "Digest", "Cryptographic Algorithm"]) {
      expect(await tell(name)).toEqual(await as("1.4", () => tell(name)));
    }
    expect(await values(identifier, "Cryptographic Algorithm")).toEqual([CryptographicAlgorithm.AES]);
  });

  it("serve the same key to both", async () => {
    const key = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
    const identifier = await as("1.4", () => objects.make(registerKey(key)));
    expect(await objects.key(identifier)).toEqual(key);
  });
});
