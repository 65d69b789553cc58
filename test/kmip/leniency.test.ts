/** What the server is lenient about on purpose (docs/conformance.md), and what that does not extend to. */
import { describe, expect, it } from "vitest";
import {
  type BatchRequest,
  type ClientAttribute,
  type KmipVersionName,
  nameAttribute,
  requests,
  writeRequest,
} from "@/lib/kmip/client/client";
import { attributesIn, childrenOf, find, readResponse, textIn } from "@/lib/kmip/client/responses";
import {
  ObjectType,
  Operation,
  QueryFunction,
  ResultReason,
  RevocationReasonCode,
  State,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { bytes, encodeTtlv, enumeration, type Item, integer, structure, text } from "@/lib/kmip/ttlv";
import { attributeOf, identify, Objects, on, registerSecret } from "./payloads";

const ALL_1 = ["1.0", "1.1", "1.2", "1.3", "1.4"] as const satisfies KmipVersionName[];
const textual = (name: string, v: string): ClientAttribute => ({ name, value: { t: "text", v } });
const { Active, Deactivated } = State;

describe("Operation Policy Name", () => {
  it.each(ALL_1)("is kept and answered in %s, whatever it is and whenever it comes", async (version) => {
    const objects = new Objects();
    objects.version = version;
    const name = "Operation Policy Name";
    const made = await objects.make(requests.create({ attributes: [textual(name, "public")] }));
    expect(await objects.attribute(made, name)).toBe("public");
    const bare = await objects.make(requests.create());
    // Every object has one (3.18); that which nobody gave is told to who asks, and not listed.
    expect(await objects.attribute(bare, name)).toBe("default");
    const all = attributesIn(await objects.ok(requests.getAttributes(bare)));
    expect(all.map((attribute) => attribute.name)).not.toContain(name);
    for (const policy of ["default", "default", "secret"]) {
      await objects.ok(requests.addAttribute(bare, textual(name, policy)));
      expect(await objects.attribute(bare, name)).toBe(policy);
    }
    await objects.ok(requests.modifyAttribute(bare, textual(name, "other")));
    expect(await objects.attribute(bare, name)).toBe("other");
    await objects.ok(requests.deleteAttribute(bare, name));
    expect(await objects.attribute(bare, name)).toBe("default");
    expect(await objects.key(made)).toHaveLength(32);
    const located = await objects.ok(requests.locate([textual(name, "public")]));
    expect(located.map(({ value }) => value)).toEqual([made]);
    const usual = await objects.ok(requests.locate([textual(name, "default")]));
    expect(usual.map(({ value }) => value)).toEqual([bare]);
  });
});

describe("Attribute Index 0", () => {
  const index = (items: readonly Item[], name: string) =>
    items
      .filter(({ tag }) => tag === Tag.Attribute)
      .filter((item) => textIn(childrenOf(item), Tag.AttributeName) === name)
      .map((item) => find(childrenOf(item), Tag.AttributeIndex)?.value);

  it.each(ALL_1)("is answered in %s of what may have several instances", async (version) => {
    const objects = new Objects();
    objects.version = version;
    const attributes = [nameAttribute("one"), nameAttribute("two"), textual("x-Product", "vSphere")];
    const identifier = await objects.make(requests.create({ attributes }));
    const payload = await objects.ok(requests.getAttributes(identifier));
    expect(index(payload, "Name")).toEqual([0, 1]);
    expect(index(payload, "x-Product")).toEqual([0]);
    expect(index(payload, "Digest")).toEqual([0]);
    for (const single of ["State", "Cryptographic Length", "Initial Date", "Object Type"]) {
      expect(index(payload, single)).toEqual([undefined]);
    }
  });

  it.each(ALL_1)("may come with what is added, in %s", async (version) => {
    const objects = new Objects();
    objects.version = version;
    const identifier = await objects.make(requests.create());
    const add = (value: ClientAttribute, at: number) =>
      requests.addAttribute(identifier, { ...value, index: at });
    const first = await objects.ok(add(textual("x-Product", "one"), 0));
    expect(index(first, "x-Product")).toEqual([0]);
    const second = await objects.ok(add(textual("x-Product", "two"), 0));
    expect(index(second, "x-Product")).toEqual([1]);
    expect(await objects.reason(add(textual("x-Product", "three"), 2))).toBe(ResultReason.InvalidField);
  });
});

describe("what comes under an early header", () => {
  it("Discover Versions is answered in 1.0, and Query does not tell of it there", async () => {
    const objects = new Objects();
    objects.version = "1.0";
    const all = await objects.ok(requests.discoverVersions());
    expect(all).toHaveLength(7);
    const one = await objects.ok(requests.discoverVersions(["1.4"]));
    expect(one.map((item) => childrenOf(item).map(({ value }) => value))).toEqual([[1, 4]]);
    const operations = await objects.ok(requests.query([QueryFunction.QueryOperations]));
    expect(operations.map(({ value }) => value)).not.toContain(Operation.DiscoverVersions);
  });

  it("Query Functions of a later version have no answer, and the others have theirs", async () => {
    const objects = new Objects();
    const { QueryObjects, QueryProfiles, QueryCapabilities, QueryDefaultsInformation } = QueryFunction;
    objects.version = "1.0";
    const payload = await objects.ok(
      requests.query([QueryProfiles, QueryObjects, QueryCapabilities, QueryDefaultsInformation]),
    );
    expect(new Set(payload.map(({ tag }) => tag))).toEqual(new Set([Tag.ObjectType]));
    expect(payload.map(({ value }) => value)).toContain(ObjectType.SymmetricKey);
    expect(await objects.reason(requests.query([0x7777]))).toBe(ResultReason.InvalidField);
  });
});

describe("fields of a vendor (0x54xxxx)", () => {
  const vendor = (value = "theirs") => text(0x54_0a01, value);
  const withVendor = ({ operation, payload, payload2 }: BatchRequest): BatchRequest => ({
    operation,
    payload: [vendor(), ...payload, structure(0x54_ffff, [integer(0x54_0001, 1)])],
    ...(payload2 === undefined ? {} : { payload2: [...payload2, vendor()] }),
  });

  it.each([...ALL_1, "2.0", "2.1"] as const)("are read past in %s", async (version) => {
    const objects = new Objects();
    objects.version = version;
    const identifier = await objects.make(withVendor(requests.create({ name: "one" })));
    for (const request of [
      requests.get(identifier),
      requests.getAttributes(identifier, ["State"]),
      requests.activate(identifier),
      requests.query([QueryFunction.QueryObjects]),
    ]) {
      await objects.ok(withVendor(request));
    }
  });

  it("are read past in structures of a payload, and beside it", async () => {
    const objects = new Objects();
    const key = structure(Tag.KeyBlock, [
      enumeration(Tag.KeyFormatType, 1),
      vendor(),
      structure(Tag.KeyValue, [bytes(Tag.KeyMaterial, Buffer.alloc(16)), vendor()]),
      enumeration(Tag.CryptographicAlgorithm, 3),
      integer(Tag.CryptographicLength, 128),
    ]);
    const identifier = await objects.make({
      operation: Operation.Register,
      payload: [
        enumeration(Tag.ObjectType, ObjectType.SymmetricKey),
        structure(Tag.TemplateAttribute, [
          attributeOf({ name: "Cryptographic Usage Mask", value: { t: "integer", v: 4 } }),
          vendor(),
        ]),
        structure(Tag.SymmetricKey, [key]),
      ],
    });
    expect(await objects.key(identifier)).toEqual(Buffer.alloc(16));
    const header = await objects.send("1.4", [requests.get(identifier)], { header: [vendor()] });
    expect(header.items[0]?.resultReason).toBeNull();
  });

  it("are refused where they are critical, and other unknown fields are as ever", async () => {
    const objects = new Objects();
    const extension = structure(Tag.MessageExtension, [
      text(Tag.VendorIdentification, "Acme"),
      { tag: Tag.CriticalityIndicator, type: 6, value: true },
      structure(Tag.VendorExtension, [vendor()]),
    ]);
    const message = structure(Tag.RequestMessage, [
      structure(Tag.RequestHeader, [
        structure(Tag.ProtocolVersion, [
          integer(Tag.ProtocolVersionMajor, 1),
          integer(Tag.ProtocolVersionMinor, 4),
        ]),
        integer(Tag.BatchCount, 1),
      ]),
      structure(Tag.BatchItem, [
        enumeration(Tag.Operation, Operation.Query),
        structure(Tag.RequestPayload, [enumeration(Tag.QueryFunction, 1)]),
        extension,
      ]),
    ]);
    const { items } = readResponse(await objects.raw(encodeTtlv(message)));
    expect(items[0]?.resultReason).toBe(ResultReason.FeatureNotSupported);
    const identifier = await objects.make(requests.create());
    expect(await objects.reason(on(Operation.Get, identifier, [integer(Tag.MaximumItems, 1)]))).toBe(
      ResultReason.InvalidField,
    );
  });
});

describe("a null at the end of a Text String", () => {
  /** The message with the last byte of a text made a null. */
  const ended = (message: Buffer, value: string) => {
    const at = message.indexOf(`${value}~`);
    message[at + Buffer.byteLength(value)] = 0;
    return message;
  };

  it.each(["1.0", "1.4", "2.1"] as const)("is dropped in %s", async (version) => {
    const objects = new Objects();
    objects.version = version;
    const create = ended(writeRequest(version, [requests.create({ name: "schlüssel~" })]), "schlüssel");
    const made = readResponse(await objects.raw(create)).items[0];
    const identifier = textIn(made?.payload ?? [], Tag.UniqueIdentifier) ?? "";
    const located = await objects.ok(requests.locate([nameAttribute("schlüssel")]));
    expect(textIn(located, Tag.UniqueIdentifier)).toBe(identifier);
    const get = ended(writeRequest(version, [requests.get(`${identifier}~`)]), identifier);
    expect(readResponse(await objects.raw(get)).items[0]?.resultReason).toBeNull();
  });

  it("is refused within one, as ever", async () => {
    const objects = new Objects();
    const message = writeRequest("1.4", [requests.create({ name: "a~b" })]);
    message[message.indexOf("a~b") + 1] = 0;
    expect(readResponse(await objects.raw(message)).items[0]?.resultReason).toBe(ResultReason.InvalidMessage);
  });
});

describe("Revoke with a Compromise Occurrence Date and a reason that is no compromise", () => {
  it.each([...ALL_1, "2.0"] as const)("is carried out in %s, without the date", async (version) => {
    const objects = new Objects();
    objects.version = version;
    const identifier = await objects.make(requests.create());
    await objects.ok(requests.activate(identifier));
    await objects.ok(requests.revoke(identifier, RevocationReasonCode.CessationOfOperation, new Date(0)));
    expect(await objects.attribute(identifier, "State")).toBe(Deactivated);
    expect(await objects.attribute(identifier, "Compromise Occurrence Date")).toBeUndefined();
    expect(await objects.attribute(identifier, "Compromise Date")).toBeUndefined();
  });
});

describe("Activate where the instance activates on create", () => {
  it.each(ALL_1)("succeeds in %s of what is Active, and changes nothing", async (version) => {
    const objects = new Objects();
    objects.version = version;
    const eager = objects.tenants.pin("instance-a", "cc".repeat(32), { activateOnCreate: true });
    const made = await objects.one(version, requests.create(), eager);
    const identifier = textIn(made.payload, Tag.UniqueIdentifier) ?? "";
    const before = JSON.stringify(objects.store.objects("instance-a"));
    objects.clock.advance(60);
    const activated = await objects.one(version, requests.activate(identifier), eager);
    expect([activated.resultReason, textIn(activated.payload, Tag.UniqueIdentifier)]).toEqual([
      null,
      identifier,
    ]);
    expect(JSON.stringify(objects.store.objects("instance-a"))).toBe(before);
    // What was registered is still to be activated.
    const registered = await objects.one(version, registerSecret(Buffer.from("a")), eager);
    const secret = textIn(registered.payload, Tag.UniqueIdentifier) ?? "";
    expect((await objects.one(version, requests.activate(secret), eager)).resultReason).toBeNull();
    expect(await objects.attribute(secret, "State")).toBe(Active);
    await objects.ok(requests.revoke(identifier, RevocationReasonCode.Unspecified));
    expect((await objects.one(version, requests.activate(identifier), eager)).resultReason).toBe(
      ResultReason.PermissionDenied,
    );
  });

  it("and is refused as ever where it does not", async () => {
    const objects = new Objects();
    const identifier = await objects.make(requests.create());
    await objects.ok(requests.activate(identifier));
    expect(await objects.reason(requests.activate(identifier))).toBe(ResultReason.PermissionDenied);
  });
});

describe('an attribute whose name is "Custom Attribute"', () => {
  it.each(ALL_1)("is kept in %s like a custom attribute", async (version) => {
    const objects = new Objects();
    objects.version = version;
    const attribute = textual("Custom Attribute", "Isilon");
    const identifier = await objects.make(registerSecret(Buffer.from("a"), [attribute]));
    const payload = await objects.ok(requests.getAttributes(identifier, ["Custom Attribute"]));
    expect(attributesIn(payload)).toEqual([attribute]);
    const located = await objects.ok(requests.locate([attribute]));
    expect(textIn(located, Tag.UniqueIdentifier)).toBe(identifier);
    expect(await objects.ok(requests.locate([textual("Custom Attribute", "other")]))).toEqual([]);
    // Other names that nobody knows may be those of the specification, misspelt.
    expect(await objects.reason(registerSecret(Buffer.from("a"), [textual("Custom", "b")]))).toBe(
      ResultReason.InvalidField,
    );
    objects.version = "2.1";
    const all = await objects.ok(requests.getAttributes(identifier));
    expect(JSON.stringify(attributesIn(all).map(({ name }) => name))).not.toContain("Custom");
  });
});

describe("Names", () => {
  it("need not be unique where the instance says so", async () => {
    const objects = new Objects();
    const shared = objects.tenants.pin("instance-a", "dd".repeat(32), { sharedNames: true });
    for (let n = 0; n < 2; n += 1) {
      expect((await objects.one("1.4", requests.create({ name: "same" }), shared)).resultReason).toBeNull();
    }
    const bare = await objects.make(requests.create());
    const add = requests.addAttribute(bare, nameAttribute("same"));
    expect(await objects.reason(add)).toBe(ResultReason.IllegalOperation);
    expect((await objects.one("1.4", add, shared)).resultReason).toBeNull();
    expect(await objects.ok(requests.locate([nameAttribute("same")]))).toHaveLength(3);
    expect(await objects.reason(requests.create({ name: "same" }))).toBe(ResultReason.InvalidField);
  });
});

describe("Get Attributes without names", () => {
  it.each(ALL_1)("answers what %s knows and has a value, and nothing else", async (version) => {
    const objects = new Objects();
    objects.version = version;
    const identifier = await objects.make(requests.create({ name: "one" }));
    const names = attributesIn(await objects.ok(requests.getAttributes(identifier))).map(({ name }) => name);
    const since: { readonly [name: string]: string } = {
      Fresh: "1.1",
      "Original Creation Date": "1.2",
      "Random Number Generator": "1.3",
      Sensitive: "1.4",
    };
    for (const [name, first] of Object.entries(since)) {
      expect([name, names.includes(name)]).toEqual([name, version >= first]);
    }
    for (const empty of [
      "Link",
      "Revocation Reason",
      "Usage Limits",
      "Contact Information",
      "Archive Date",
    ]) {
      expect(names).not.toContain(empty);
    }
  });
});

describe("a destroyed object", () => {
  it.each(ALL_1)("is not found by Get in %s, and its attributes are there", async (version) => {
    const objects = new Objects();
    objects.version = version;
    const identifier = await objects.make(requests.create());
    await objects.ok(requests.destroy(identifier));
    expect(await objects.reason({ operation: Operation.Get, payload: identify(identifier) })).toBe(
      ResultReason.ItemNotFound,
    );
    expect(await objects.attribute(identifier, "State")).toBe(State.Destroyed);
    objects.version = "2.1";
    expect(await objects.reason(requests.get(identifier))).toBe(ResultReason.ObjectDestroyed);
  });
});
