import { describe, expect, it } from "vitest";
import {
  type ClientAttribute,
  type KmipVersionName,
  nameAttribute,
  requests,
} from "@/lib/kmip/client/client";
import { attributesIn, textIn } from "@/lib/kmip/client/responses";
import type { StoredValue } from "@/lib/kmip/ports";
import {
  CryptographicAlgorithm,
  LinkType,
  Operation,
  ResultReason,
  State,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { dateTime, integer, structure, text } from "@/lib/kmip/ttlv";
import { EngineHarness } from "./harness";

const custom = (name: string, v: string): ClientAttribute => ({ name, value: { t: "text", v } });

async function makeKey(harness: EngineHarness, attributes: ClientAttribute[] = []): Promise<string> {
  const item = await harness.one("1.4", requests.create({ attributes }));
  return textIn(item.payload, Tag.UniqueIdentifier) ?? "";
}

async function read(
  harness: EngineHarness,
  identifier: string,
  names: string[] = [],
  version: KmipVersionName = "1.4",
) {
  return attributesIn((await harness.one(version, requests.getAttributes(identifier, names))).payload);
}

describe("custom attributes", () => {
  it.each<[StoredValue]>([
    [{ t: "text", v: "VMware, Inc. 虚拟机" }],
    [{ t: "integer", v: -7 }],
    [{ t: "longInteger", v: "-9223372036854775808" }],
    [{ t: "bigInteger", v: "123456789012345678901234567890" }],
    [{ t: "enumeration", v: 0x8000_0001 }],
    [{ t: "boolean", v: true }],
    [{ t: "bytes", v: "00ff10" }],
    [{ t: "dateTime", v: -1 }],
    [{ t: "interval", v: 4_294_967_295 }],
    [
      {
        t: "structure",
        v: [
          { tag: 0x540001, value: { t: "text", v: "inner" } },
          { tag: 0x540002, value: { t: "integer", v: 1 } },
        ],
      },
    ],
  ])("may have any type: %j", async (value) => {
    const harness = new EngineHarness();
    const identifier = await makeKey(harness);
    const added = await harness.one("1.1", requests.addAttribute(identifier, { name: "x-any", value }));
    expect(attributesIn(added.payload)).toEqual([{ name: "x-any", value }]);
    expect(await read(harness, identifier, ["x-any"])).toEqual([{ name: "x-any", value }]);
    const found = await harness.one("1.4", requests.locate([{ name: "x-any", value }]));
    expect(textIn(found.payload, Tag.UniqueIdentifier)).toBe(identifier);
  });

  it("are no structures of structures (3.39)", async () => {
    const harness = new EngineHarness();
    const identifier = await makeKey(harness);
    const inner: StoredValue = {
      t: "structure",
      v: [{ tag: 0x540002, value: { t: "integer", v: 1 } }],
    };
    const attribute: ClientAttribute = {
      name: "x-any",
      value: { t: "structure", v: [{ tag: 0x540001, value: inner }] },
    };
    for (const request of [
      requests.addAttribute(identifier, attribute),
      requests.create({ attributes: [attribute] }),
    ]) {
      expect((await harness.one("1.4", request)).resultReason).toBe(ResultReason.InvalidField);
    }
  });

  it("keep their indices when others are deleted", async () => {
    const harness = new EngineHarness();
    const identifier = await makeKey(harness, [custom("x-tag", "a"), custom("x-tag", "b")]);
    const third = await harness.one("1.4", requests.addAttribute(identifier, custom("x-tag", "c")));
    expect(attributesIn(third.payload)[0]?.index).toBe(2);
    const deleted = await harness.one("1.4", requests.deleteAttribute(identifier, "x-tag", 1));
    expect(attributesIn(deleted.payload)).toEqual([{ ...custom("x-tag", "b"), index: 1 }]);
    expect((await read(harness, identifier, ["x-tag"])).map(({ index = 0 }) => index)).toEqual([0, 2]);
    await harness.one("1.4", requests.modifyAttribute(identifier, { ...custom("x-tag", "d"), index: 2 }));
    expect((await read(harness, identifier, ["x-tag"])).map(({ value }) => value.v)).toEqual(["a", "d"]);
    expect(
      (await harness.one("1.4", requests.modifyAttribute(identifier, { ...custom("x-tag", "e"), index: 1 })))
        .resultReason,
    ).toBe(ResultReason.ItemNotFound);
  });

  it("of the server's kind are not the client's to make", async () => {
    const harness = new EngineHarness();
    const identifier = await makeKey(harness);
    const added = await harness.one("1.4", requests.addAttribute(identifier, custom("y-mine", "a")));
    expect(added.resultReason).toBe(ResultReason.PermissionDenied);
    const created = await harness.one("1.4", requests.create({ attributes: [custom("y-mine", "a")] }));
    expect(created.resultReason).toBe(ResultReason.InvalidField);
  });
});

describe("the errors of section 11", () => {
  const date = (name: string, seconds: number): ClientAttribute => ({
    name,
    value: { t: "dateTime", v: seconds },
  });
  const number = (name: string, v: number): ClientAttribute => ({ name, value: { t: "integer", v } });

  it.each<[string, (identifier: string) => Parameters<EngineHarness["one"]>[1], number]>([
    [
      "add a read-only attribute",
      (id) => requests.addAttribute(id, date("Initial Date", 1)),
      ResultReason.PermissionDenied,
    ],
    [
      "add a state",
      (id) => requests.addAttribute(id, { name: "State", value: { t: "enumeration", v: 2 } }),
      ResultReason.PermissionDenied,
    ],
    [
      "add an attribute that nobody knows",
      (id) => requests.addAttribute(id, custom("Colour", "red")),
      ResultReason.PermissionDenied,
    ],
    [
      "add a second length",
      (id) => requests.addAttribute(id, number("Cryptographic Length", 128)),
      ResultReason.PermissionDenied,
    ],
    [
      "add with an index",
      (id) => requests.addAttribute(id, { ...custom("x-a", "b"), index: 1 }),
      ResultReason.InvalidField,
    ],
    [
      "add the same value again",
      (id) => requests.addAttribute(id, custom("x-kept", "here")),
      ResultReason.IllegalOperation,
    ],
    [
      "add a second contact",
      (id) => requests.addAttribute(id, custom("Contact Information", "Jim")),
      ResultReason.IllegalOperation,
    ],
    [
      "add a value of the wrong type",
      (id) => requests.addAttribute(id, number("Object Group", 1)),
      ResultReason.InvalidField,
    ],
    [
      "add a namespace without data",
      (id) =>
        requests.addAttribute(id, {
          name: "Application Specific Information",
          value: { t: "structure", v: [{ tag: Tag.ApplicationNamespace, value: { t: "text", v: "x" } }] },
        }),
      ResultReason.ApplicationNamespaceNotSupported,
    ],
    [
      "add a Name without its type",
      (id) =>
        requests.addAttribute(id, {
          name: "Name",
          value: { t: "structure", v: [{ tag: Tag.NameValue, value: { t: "text", v: "x" } }] },
        }),
      ResultReason.InvalidField,
    ],
    [
      "modify what was never added",
      (id) => requests.modifyAttribute(id, custom("x-missing", "a")),
      ResultReason.InvalidField,
    ],
    [
      "modify a read-only attribute",
      (id) => requests.modifyAttribute(id, number("Cryptographic Usage Mask", 3)),
      ResultReason.PermissionDenied,
    ],
    [
      "modify an attribute that nobody knows",
      (id) => requests.modifyAttribute(id, custom("Colour", "red")),
      ResultReason.InvalidField,
    ],
    [
      "modify an instance that is not there",
      (id) => requests.modifyAttribute(id, { ...custom("x-kept", "a"), index: 4 }),
      ResultReason.ItemNotFound,
    ],
    [
      "delete a required attribute",
      (id) => requests.deleteAttribute(id, "Cryptographic Algorithm"),
      ResultReason.PermissionDenied,
    ],
    [
      "delete a date of the life cycle",
      (id) => requests.deleteAttribute(id, "Activation Date"),
      ResultReason.PermissionDenied,
    ],
    [
      "delete what is not there",
      (id) => requests.deleteAttribute(id, "x-missing"),
      ResultReason.ItemNotFound,
    ],
    [
      "delete an attribute that nobody knows",
      (id) => requests.deleteAttribute(id, "Colour"),
      ResultReason.ItemNotFound,
    ],
    [
      "delete an instance that is not there",
      (id) => requests.deleteAttribute(id, "x-kept", 1),
      ResultReason.ItemNotFound,
    ],
    [
      "ask for the same name twice",
      (id) => requests.getAttributes(id, ["State", "State"]),
      ResultReason.InvalidMessage,
    ],
    [
      "locate by an attribute that nobody knows",
      () => requests.locate([custom("Colour", "red")]),
      ResultReason.InvalidField,
    ],
    ["work on no object", () => requests.getAttributes(undefined), ResultReason.ItemNotFound],
    ["work on an unknown object", () => requests.getAttributeList("none"), ResultReason.ItemNotFound],
  ])("%s", async (_name, request, reason) => {
    const harness = new EngineHarness();
    const identifier = await makeKey(harness, [
      custom("x-kept", "here"),
      custom("Contact Information", "Joe"),
    ]);
    const before = JSON.stringify(harness.store.objects("instance-a"));
    expect((await harness.one("1.4", request(identifier))).resultReason).toBe(reason);
    expect(JSON.stringify(harness.store.objects("instance-a"))).toBe(before);
  });

  it("limits how many instances an object may have", async () => {
    const harness = new EngineHarness({ maxAttributeInstances: 12 });
    const identifier = await makeKey(harness);
    let last: number | null = null;
    for (let n = 0; n < 12 && last === null; n += 1) {
      last = (await harness.one("1.4", requests.addAttribute(identifier, custom("x-n", String(n)))))
        .resultReason;
    }
    expect(last).toBe(ResultReason.IndexOutOfBounds);
  });

  it("limits how much an object may carry, and keeps long words of clients out of answers and the audit", async () => {
    const harness = new EngineHarness({ maxAttributeBytes: 4000 });
    const identifier = await makeKey(harness, [custom("x-kept", "here")]);
    const long = "a".repeat(5000);
    for (const request of [
      requests.addAttribute(identifier, custom("x-long", long)),
      requests.modifyAttribute(identifier, custom("x-kept", long)),
      requests.addAttribute(identifier, custom(`x-${long}`, "a")),
    ]) {
      expect((await harness.one("1.4", request)).resultReason).toBe(ResultReason.InvalidField);
    }
    const unknown = await harness.one("1.4", requests.addAttribute(identifier, custom(long, "a")));
    expect(unknown.resultReason).toBe(ResultReason.PermissionDenied);
    expect(unknown.message?.length).toBeLessThan(400);
    expect((await harness.one("1.4", requests.get(long))).resultReason).toBe(ResultReason.ItemNotFound);
    expect(JSON.stringify(harness.audit.records).length).toBeLessThan(6000);
  });

  it("lets Activation Date be modified in Pre-Active, whether or not it was set, and not later", async () => {
    const harness = new EngineHarness();
    const now = Math.floor(harness.clock.now().getTime() / 1000);
    const identifier = await makeKey(harness);
    const modify = (seconds: number) =>
      harness.one("1.1", requests.modifyAttribute(identifier, date("Activation Date", seconds)));
    expect((await modify(now + 100)).resultReason).toBeNull();
    expect((await modify(now + 200)).resultReason).toBeNull();
    expect((await read(harness, identifier, ["State"]))[0]?.value.v).toBe(State.PreActive);
    expect((await modify(now - 1)).resultReason).toBeNull();
    expect((await read(harness, identifier, ["State"]))[0]?.value.v).toBe(State.Active);
    expect((await modify(now + 300)).resultReason).toBe(ResultReason.PermissionDenied);
  });
});

describe("versions", () => {
  it.each<[KmipVersionName, string[], string[]]>([
    [
      "1.0",
      ["Digest", "Initial Date"],
      ["Fresh", "Original Creation Date", "Random Number Generator", "Sensitive"],
    ],
    ["1.1", ["Fresh"], ["Original Creation Date", "Random Number Generator", "Sensitive"]],
    ["1.2", ["Fresh", "Original Creation Date"], ["Random Number Generator", "Sensitive"]],
    ["1.3", ["Original Creation Date", "Random Number Generator"], ["Sensitive", "Extractable"]],
    [
      "1.4",
      ["Random Number Generator", "Sensitive", "Always Sensitive", "Extractable", "Never Extractable"],
      [],
    ],
  ])("%s sees only its own attributes", async (version, present, absent) => {
    const harness = new EngineHarness();
    const identifier = await makeKey(harness, [custom("x-kept", "here")]);
    const all = (await read(harness, identifier, [], version)).map(({ name }) => name);
    const listed = (await harness.one(version, requests.getAttributeList(identifier))).payload
      .filter(({ tag }) => tag === Tag.AttributeName)
      .map(({ value }) => value);
    expect(listed).toEqual(all);
    expect(all).toEqual(expect.arrayContaining(["Unique Identifier", "State", "x-kept", ...present]));
    for (const name of absent) {
      expect(all).not.toContain(name);
      expect(await read(harness, identifier, [name], version)).toEqual([]);
    }
  });

  it("leaves fields of structures out that are younger than the client", async () => {
    const harness = new EngineHarness();
    const identifier = await makeKey(harness, [
      {
        name: "Cryptographic Parameters",
        value: {
          t: "structure",
          v: [
            { tag: Tag.BlockCipherMode, value: { t: "enumeration", v: 1 } },
            { tag: Tag.RandomIV, value: { t: "boolean", v: true } },
          ],
        },
      },
    ]);
    const fields = async (version: KmipVersionName) =>
      (await read(harness, identifier, ["Cryptographic Parameters"], version))[0]?.value.v;
    expect(await fields("1.2")).toHaveLength(2);
    expect(await fields("1.1")).toHaveLength(1);
  });

  it("leaves values out that are younger than the client (9.1.3.2)", async () => {
    const harness = new EngineHarness();
    const link = (type: number): ClientAttribute => ({
      name: "Link",
      value: {
        t: "structure",
        v: [
          { tag: Tag.LinkType, value: { t: "enumeration", v: type } },
          { tag: Tag.LinkedObjectIdentifier, value: { t: "text", v: "elsewhere" } },
        ],
      },
    });
    const { ParentLink, DerivedKeyLink } = LinkType;
    const created = await harness.one(
      "1.4",
      requests.create({
        algorithm: CryptographicAlgorithm.ChaCha20,
        attributes: [link(ParentLink), link(DerivedKeyLink)],
      }),
    );
    const identifier = textIn(created.payload, Tag.UniqueIdentifier) ?? "";
    const names = ["Cryptographic Algorithm", "Link"];
    expect(await read(harness, identifier, names, "1.4")).toHaveLength(3);
    expect(await read(harness, identifier, names, "1.2")).toHaveLength(2);
    expect(await read(harness, identifier, names, "1.1")).toEqual([{ ...link(DerivedKeyLink), index: 1 }]);
    const list = await harness.one("1.1", requests.getAttributeList(identifier));
    const listed = list.payload.map(({ value }) => value);
    expect([listed.includes("Link"), listed.includes("Cryptographic Algorithm")]).toEqual([true, false]);
    const deleted = await harness.one("1.1", requests.deleteAttribute(identifier, "Link", 0));
    expect(deleted.resultReason).toBe(ResultReason.ItemNotFound);
  });
});

describe("Locate", () => {
  const locate = async (harness: EngineHarness, attributes: ClientAttribute[], maximumItems?: number) => {
    const item = await harness.one("1.4", requests.locate(attributes, maximumItems));
    expect(item.message).toBeNull();
    return item.payload.map(({ value }) => value);
  };
  const date = (name: string, seconds: bigint | number): ClientAttribute => ({
    name,
    value: { t: "dateTime", v: Number(seconds) },
  });

  it("finds by every kind of attribute, newest first", async () => {
    const harness = new EngineHarness();
    const group = custom("Object Group", "cluster");
    const a = await makeKey(harness, [nameAttribute("a"), group, custom("x-Vendor", "VMware, Inc.")]);
    const b = await makeKey(harness, [nameAttribute("b"), group]);
    expect(await locate(harness, [])).toEqual([b, a]);
    expect(await locate(harness, [group])).toEqual([b, a]);
    expect(await locate(harness, [group], 1)).toEqual([b]);
    expect(await locate(harness, [nameAttribute("a")])).toEqual([a]);
    expect(await locate(harness, [custom("x-Vendor", "VMware, Inc.")])).toEqual([a]);
    expect(await locate(harness, [custom("x-Vendor", "VMware")])).toEqual([]);
    expect(await locate(harness, [custom("Unique Identifier", a)])).toEqual([a]);
    expect(
      await locate(harness, [{ name: "Cryptographic Length", value: { t: "integer", v: 256 } }]),
    ).toEqual([b, a]);
    expect(
      await locate(harness, [{ name: "Cryptographic Usage Mask", value: { t: "integer", v: 4 } }]),
    ).toEqual([b, a]);
    expect(
      await locate(harness, [{ name: "Cryptographic Usage Mask", value: { t: "integer", v: 5 } }]),
    ).toEqual([]);
    const partial: ClientAttribute = {
      name: "Name",
      value: { t: "structure", v: [{ tag: Tag.NameType, value: { t: "enumeration", v: 1 } }] },
    };
    expect(await locate(harness, [partial])).toEqual([b, a]);
    expect(await locate(harness, [group, nameAttribute("b")])).toEqual([b]);
  });

  it("finds by state, also by one that a date brought about, and destroyed objects only when asked", async () => {
    const harness = new EngineHarness();
    const now = Math.floor(harness.clock.now().getTime() / 1000);
    const state = (v: number): ClientAttribute => ({ name: "State", value: { t: "enumeration", v } });
    const sleeper = await makeKey(harness, [date("Activation Date", now + 50)]);
    const dead = await makeKey(harness, [nameAttribute("dead")]);
    await harness.one("1.4", requests.destroy(dead));
    expect(await locate(harness, [state(State.PreActive)])).toEqual([sleeper]);
    expect(await locate(harness, [state(State.Active)])).toEqual([]);
    harness.clock.advance(60);
    expect(await locate(harness, [state(State.PreActive)])).toEqual([]);
    expect(await locate(harness, [state(State.Active)])).toEqual([sleeper]);
    expect(await locate(harness, [])).toEqual([sleeper]);
    expect(await locate(harness, [nameAttribute("dead")])).toEqual([]);
    expect(await locate(harness, [custom("Unique Identifier", dead)])).toEqual([]);
    expect(await locate(harness, [state(State.Destroyed)])).toEqual([dead]);
  });

  it("finds by dates, ranges of them, and their absence", async () => {
    const harness = new EngineHarness();
    const none = await makeKey(harness);
    const early = await makeKey(harness, [date("Activation Date", 1000)]);
    const late = await makeKey(harness, [date("Activation Date", 2000)]);
    expect(await locate(harness, [date("Activation Date", 1000)])).toEqual([early]);
    expect(await locate(harness, [date("Activation Date", 1500), date("Activation Date", 1000)])).toEqual([
      early,
    ]);
    expect(await locate(harness, [date("Activation Date", 1000), date("Activation Date", 2000)])).toEqual([
      late,
      early,
    ]);
    const now = Math.floor(Date.now() / 1000);
    expect(
      await locate(harness, [date("Initial Date", now - 60), date("Initial Date", now + 60)]),
    ).toHaveLength(3);
    expect(await locate(harness, [date("Initial Date", 0), date("Initial Date", 60)])).toEqual([]);
    const undefinedDate = {
      operation: Operation.Locate,
      payload: [
        structure(Tag.Attribute, [
          text(Tag.AttributeName, "Activation Date"),
          dateTime(Tag.AttributeValue, 0x7fff_ffff_ffff_ffffn),
        ]),
      ],
    };
    expect((await harness.one("1.4", undefinedDate)).payload.map(({ value }) => value)).toEqual([none]);
  });

  it("leafs through many with Offset Items, and counts them", async () => {
    const harness = new EngineHarness();
    const identifiers: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      identifiers.unshift(await makeKey(harness));
    }
    const page = async (offset: number) =>
      (
        await harness.one("1.3", {
          operation: Operation.Locate,
          payload: [integer(Tag.MaximumItems, 2), integer(Tag.OffsetItems, offset)],
        })
      ).payload.map(({ value }) => value);
    expect(await page(0)).toEqual([5, ...identifiers.slice(0, 2)]);
    expect(await page(4)).toEqual([5, ...identifiers.slice(4)]);
    const archived = await harness.one("1.4", {
      operation: Operation.Locate,
      payload: [integer(Tag.StorageStatusMask, 2)],
    });
    expect(archived.payload).toEqual([]);
  });
});
