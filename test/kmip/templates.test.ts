/** Templates (KMIP 1.1, 2.2.6): registered, got, used, and gone. */
import { describe, expect, it } from "vitest";
import {
  type BatchRequest,
  type ClientAttribute,
  nameAttribute,
  requests,
  writeRequest,
} from "@/lib/kmip/client/client";
import { attributesIn, childrenOf, readResponse } from "@/lib/kmip/client/responses";
import {
  CryptographicAlgorithm,
  CryptographicUsageMask,
  ObjectType,
  Operation,
  QueryFunction,
  ResultReason,
  RevocationReasonCode,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { enumeration, type Item, integer, structure } from "@/lib/kmip/ttlv";
import { date, dig, hex, Objects, on, registerKey, template, usageMask } from "./payloads";

const { IllegalOperation, InvalidField, InvalidMessage, ItemNotFound, ObjectArchived, PermissionDenied } =
  ResultReason;
const KEY = hex("000102030405060708090a0b0c0d0e0f");

const textual = (name: string, v: string): ClientAttribute => ({ name, value: { t: "text", v } });
const algorithm: ClientAttribute = {
  name: "Cryptographic Algorithm",
  value: { t: "enumeration", v: CryptographicAlgorithm.AES },
};
const length = (v: number): ClientAttribute => ({ name: "Cryptographic Length", value: { t: "integer", v } });
const mask = usageMask(CryptographicUsageMask.Encrypt);
const group = (v: string) => textual("Object Group", v);

/** Attributes as a structure of another tag than Template-Attribute. */
const listed = (tag: number, attributes: readonly ClientAttribute[]): Item =>
  structure(tag, childrenOf(template(attributes)));

const register = (
  content: readonly ClientAttribute[],
  own: readonly ClientAttribute[],
  objectType: number = ObjectType.Template,
): BatchRequest => ({
  operation: Operation.Register,
  payload: [enumeration(Tag.ObjectType, objectType), template(own), listed(Tag.Template, content)],
});

/** A Template-Attribute that names templates. */
const using = (names: readonly string[], attributes: readonly ClientAttribute[] = []): Item =>
  structure(Tag.TemplateAttribute, [
    ...names.map((name) =>
      structure(
        Tag.Name,
        childrenOf(
          dig([template([nameAttribute(name)])], Tag.TemplateAttribute, Tag.Attribute, Tag.AttributeValue),
        ),
      ),
    ),
    ...childrenOf(template(attributes)),
  ]);

const create = (names: readonly string[], attributes: readonly ClientAttribute[] = []): BatchRequest => ({
  operation: Operation.Create,
  payload: [enumeration(Tag.ObjectType, ObjectType.SymmetricKey), using(names, attributes)],
});

describe("a template", () => {
  it("is registered with its name inside up to 1.2, and makes the keys that name it (4)", async () => {
    const objects = new Objects();
    objects.version = "1.0";
    const namespace: ClientAttribute = {
      name: "Application Specific Information",
      value: {
        t: "structure",
        v: [
          { tag: Tag.ApplicationNamespace, value: { t: "text", v: "ssl" } },
          { tag: Tag.ApplicationData, value: { t: "text", v: "www.example.com" } },
        ],
      },
    };
    const content = [
      group("one"),
      namespace,
      textual("Contact Information", "Joe"),
      textual("x-Purpose", "show"),
    ];
    const made = await objects.make(register([...content, nameAttribute("plan")], []));
    const key = await objects.make(create(["plan"], [algorithm, length(128), mask, nameAttribute("key")]));
    const payload = await objects.ok(
      requests.getAttributes(
        key,
        content.map(({ name }) => name),
      ),
    );
    expect(attributesIn(payload)).toEqual(content);
    expect((await objects.key(key)).length).toBe(16);
    expect(await objects.attribute(key, "Name")).toEqual(nameAttribute("key").value.v);
    await objects.ok(requests.destroy(key));
    await objects.ok(requests.destroy(made));
    expect(await objects.reason(requests.getAttributes(made))).toBe(ItemNotFound);
    expect(await objects.reason(requests.destroy(made))).toBe(ItemNotFound);
    expect(await objects.reason(create(["plan"], [algorithm, mask]))).toBe(ItemNotFound);
  });

  it("of 1.3 and 1.4 has its name beside it (11.4)", async () => {
    const objects = new Objects();
    for (const version of ["1.3", "1.4"] as const) {
      objects.version = version;
      expect(await objects.reason(register([algorithm, nameAttribute("plan")], []))).toBe(InvalidField);
      await objects.make(register([algorithm, length(192), mask], [nameAttribute(version)]));
      const key = await objects.make(create([version]));
      expect((await objects.key(key)).length).toBe(24);
    }
  });

  it("is got as it was registered, without what is younger than the client", async () => {
    const objects = new Objects();
    const content = [algorithm, mask, group("a"), group("b"), textual("Description", "of 1.4")];
    const identifier = await objects.make(register(content, [nameAttribute("plan")]));
    const got = async () => {
      const payload = await objects.ok(requests.get(identifier));
      expect(payload.slice(0, 1)).toEqual([enumeration(Tag.ObjectType, ObjectType.Template)]);
      return attributesIn(childrenOf(dig(payload, Tag.Template))).map(({ name, value }) => ({ name, value }));
    };
    expect(await got()).toEqual(content);
    expect(objects.audit.records.at(-1)?.servedMaterial).toBe(false);
    objects.version = "1.3";
    expect(await got()).toEqual(content.slice(0, 4));
    const wrapping = structure(Tag.KeyWrappingSpecification, [enumeration(Tag.WrappingMethod, 1)]);
    expect(await objects.reason(on(Operation.Get, identifier, [wrapping]))).toBe(InvalidField);
  });

  it("has attributes of its own, of which none is of what it is about", async () => {
    const objects = new Objects();
    const content = [algorithm, mask, group("keys"), date("Activation Date", objects.now(-10))];
    const identifier = await objects.make(register(content, [nameAttribute("plan"), group("plans")]));
    const names = (await objects.ok(requests.getAttributeList(identifier)))
      .slice(1)
      .map(({ value }) => value);
    expect(names).toEqual([
      "Unique Identifier",
      "Name",
      "Object Type",
      "Initial Date",
      "Object Group",
      "Last Change Date",
    ]);
    const located = async (attribute: ClientAttribute) =>
      (await objects.ok(requests.locate([attribute]))).map(({ value }) => value);
    expect(await located(group("plans"))).toEqual([identifier]);
    expect(await located(group("keys"))).toEqual([]);
    expect(await located(nameAttribute("plan"))).toEqual([identifier]);
    await objects.ok(requests.modifyAttribute(identifier, nameAttribute("other")));
    expect(await objects.reason(create(["plan"]))).toBe(ItemNotFound);
    expect(await objects.reason(create(["other"]))).toBeNull();
    expect(await objects.reason(requests.addAttribute(identifier, textual("x-note", "kept")))).toBeNull();
    expect(await objects.reason(requests.addAttribute(identifier, length(128)))).toBe(PermissionDenied);
    await objects.ok(requests.destroy(identifier));
  });

  it("is not used, activated or revoked (4.10, 4.17 to 4.20)", async () => {
    const objects = new Objects();
    const identifier = await objects.make(register([algorithm, mask], [nameAttribute("plan")]));
    expect(await objects.reason(requests.activate(identifier))).toBe(IllegalOperation);
    for (const code of [RevocationReasonCode.Unspecified, RevocationReasonCode.KeyCompromise]) {
      expect(await objects.reason(requests.revoke(identifier, code))).toBe(IllegalOperation);
    }
    expect(await objects.reason(on(Operation.Check, identifier))).toBe(IllegalOperation);
    expect(await objects.reason(on(Operation.ObtainLease, identifier))).toBe(PermissionDenied);
    expect(await objects.reason(on(Operation.ReKey, identifier))).toBe(PermissionDenied);
    expect(await objects.reason(on(Operation.Encrypt, identifier))).toBe(InvalidMessage);
  });

  it.each<[string, BatchRequest, number]>([
    ["has no name", register([algorithm], []), InvalidField],
    ["has nothing to say", register([], [nameAttribute("plan")]), InvalidMessage],
    ["sets what the server sets", register([date("Initial Date", 1)], [nameAttribute("plan")]), InvalidField],
    ["says two things", register([length(128), length(256)], [nameAttribute("plan")]), InvalidField],
    ["is itself of an algorithm", register([mask], [nameAttribute("plan"), algorithm]), InvalidField],
    [
      "is called a key",
      register([algorithm], [nameAttribute("plan")], ObjectType.SymmetricKey),
      InvalidField,
    ],
    ["has a name that is taken", register([algorithm], [nameAttribute("taken")]), InvalidField],
    [
      "comes with a key",
      {
        operation: Operation.Register,
        payload: [...registerKey(KEY).payload, listed(Tag.Template, [algorithm])],
      },
      InvalidField,
    ],
  ])("is refused if it %s (11.4)", async (_name, request, reason) => {
    const objects = new Objects();
    await objects.make(requests.create({ name: "taken" }));
    expect(await objects.reason(request)).toBe(reason);
    expect(objects.store.objects("instance-a")).toHaveLength(1);
  });

  it("is named by Query, and nobody else's", async () => {
    const objects = new Objects();
    await objects.make(register([algorithm, mask], [nameAttribute("plan")]));
    const types = await objects.ok(requests.query([QueryFunction.QueryObjects]));
    expect(types).toContainEqual(enumeration(Tag.ObjectType, ObjectType.Template));
    expect(await objects.reason(create(["plan"]), objects.stranger)).toBe(ItemNotFound);
  });
});

describe("templates in a request (4)", () => {
  it("give way to later ones, and all of them to the request; values of attributes with many add up", async () => {
    const objects = new Objects();
    objects.version = "1.2";
    const contact = (v: string) => textual("Contact Information", v);
    await objects.make(
      register(
        [algorithm, length(128), mask, contact("one"), group("a"), group("b")],
        [nameAttribute("one")],
      ),
    );
    await objects.make(
      register([length(192), contact("two"), group("b"), group("c")], [nameAttribute("two")]),
    );
    const key = await objects.make(create(["one", "two"], [length(256), group("d"), group("a")]));
    const names = ["Cryptographic Length", "Contact Information", "Object Group"];
    const payload = await objects.ok(requests.getAttributes(key, names));
    expect(attributesIn(payload).map(({ value }) => value.v)).toEqual([256, "two", "a", "b", "c", "d"]);
    expect(attributesIn(payload).map(({ index }) => index)).toEqual([
      undefined,
      undefined,
      undefined,
      1,
      2,
      3,
    ]);
  });

  it("serve Register and Re-key as well", async () => {
    const objects = new Objects();
    objects.version = "1.1";
    await objects.make(register([mask, group("a")], [nameAttribute("plan")]));
    const [objectType, , key] = registerKey(KEY).payload;
    if (objectType === undefined || key === undefined) {
      throw new Error("unreachable");
    }
    const registered = await objects.make({
      operation: Operation.Register,
      payload: [objectType, using(["plan"]), key],
    });
    expect(await objects.attribute(registered, "Object Group")).toBe("a");
    await objects.make(register([group("b")], [nameAttribute("other")]));
    const replacement = await objects.make(on(Operation.ReKey, registered, [using(["other"])]));
    expect(await objects.attribute(replacement, "Object Group")).toBe("b");
  });

  it("are there, on-line and served (11.2)", async () => {
    const objects = new Objects();
    const identifier = await objects.make(register([algorithm, mask], [nameAttribute("plan")]));
    expect(await objects.reason(create(["none"]))).toBe(ItemNotFound);
    expect(await objects.reason(create(["plan", "none"]))).toBe(ItemNotFound);
    await objects.make(requests.create({ name: "a key" }));
    expect(await objects.reason(create(["a key"]))).toBe(ItemNotFound);
    await objects.ok(on(Operation.Archive, identifier));
    expect(await objects.reason(create(["plan"]))).toBe(ObjectArchived);
    await objects.ok(on(Operation.Recover, identifier));
    expect(await objects.reason(create(["plan"]))).toBeNull();
    objects.store.setServed("instance-a", identifier, false);
    expect(await objects.reason(create(["plan"]))).toBe(PermissionDenied);
    objects.store.setServed("instance-a", identifier, true);
    objects.store.deleteMaterial("instance-a", identifier);
    expect(await objects.reason(create(["plan"]))).toBe(ItemNotFound);
  });

  it("cannot say what a request cannot", async () => {
    const objects = new Objects();
    const born = date("Original Creation Date", 1_000_000);
    await objects.make(register([algorithm, mask, born], [nameAttribute("plan")]));
    expect(await objects.reason(create(["plan"]))).toBe(InvalidField);
    const unnamed = structure(Tag.TemplateAttribute, [structure(Tag.Name, [integer(Tag.NameType, 1)])]);
    const request = { operation: Operation.Create, payload: [enumeration(Tag.ObjectType, 2), unnamed] };
    expect(await objects.reason(request)).toBe(InvalidField);
  });
});

describe("a client of 2.0", () => {
  it("sees no templates", async () => {
    const objects = new Objects();
    const identifier = await objects.make(register([algorithm, mask], [nameAttribute("plan")]));
    const ask = async (request: BatchRequest) => {
      const message = writeRequest("1.4", [request]);
      // Protocol Version Major and Minor: tag, type and length, and the value.
      message[message.indexOf(Buffer.from("42006a0200000004", "hex")) + 11] = 2;
      message[message.indexOf(Buffer.from("42006b0200000004", "hex")) + 11] = 0;
      return readResponse(await objects.raw(message)).items[0];
    };
    expect((await ask(requests.get(identifier)))?.resultReason).toBe(ResultReason.ObjectNotFound);
    expect((await ask(requests.locate()))?.payload).toEqual([]);
    const types = await ask(requests.query([QueryFunction.QueryObjects]));
    expect(types?.payload.map(({ value }) => value)).toEqual([
      ObjectType.SymmetricKey,
      ObjectType.SecretData,
      ObjectType.OpaqueObject,
    ]);
  });
});
