/** Locate as clients really send it: fields of later versions, Template-Attributes, and never a condition left out. */
import { describe, expect, it } from "vitest";
import type { BatchRequest, ClientAttribute, KmipVersionName } from "@/lib/kmip/client/client";
import { nameAttribute, requests } from "@/lib/kmip/client/requests";
import { find } from "@/lib/kmip/client/responses";
import { Operation, ResultReason } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { enumeration, type Item, integer, structure, text } from "@/lib/kmip/ttlv";
import { attributeOf, Objects, template } from "./payloads";

const locate = (...payload: Item[]): BatchRequest => ({ operation: Operation.Locate, payload });

const grouped = (value: string): ClientAttribute => ({
  name: "Object Group",
  value: { t: "text", v: value },
});

const identifiersIn = (payload: readonly Item[]) =>
  payload.filter(({ tag }) => tag === Tag.UniqueIdentifier).map(({ value }) => value);
const countIn = (payload: readonly Item[]) => find(payload, Tag.LocatedItems)?.value;

async function group(size: number): Promise<{ objects: Objects; newestFirst: string[] }> {
  const objects = new Objects();
  const newestFirst: string[] = [];
  for (let n = 0; n < size; n += 1) {
    newestFirst.unshift(
      await objects.make(requests.create({ attributes: [grouped("mysql"), nameAttribute(`key-${n}`)] })),
    );
  }
  await objects.make(requests.create({ attributes: [grouped("others")] }));
  return { objects, newestFirst };
}

describe("leafing with Offset Items", () => {
  const page = (offset: number, most = 2) =>
    locate(integer(Tag.MaximumItems, most), integer(Tag.OffsetItems, offset), attributeOf(grouped("mysql")));

  it.each(["1.0", "1.1", "1.2", "1.3", "1.4"] satisfies KmipVersionName[])(
    "comes to an end in %s, at an empty page that is a success",
    async (version) => {
      const { objects, newestFirst } = await group(5);
      objects.version = version;
      const pages: unknown[][] = [];
      for (let offset = 0; pages.at(-1)?.length !== 0; offset += 2) {
        pages.push(identifiersIn(await objects.ok(page(offset))));
      }
      expect(pages).toEqual([newestFirst.slice(0, 2), newestFirst.slice(2, 4), newestFirst.slice(4), []]);
    },
  );

  it("tells Located Items from 1.3 on, and before that nothing that a client of those does not know", async () => {
    const { objects } = await group(5);
    for (const [version, count] of [
      ["1.0", undefined],
      ["1.2", undefined],
      ["1.3", 5],
      ["1.4", 5],
    ] as const) {
      objects.version = version;
      expect(countIn(await objects.ok(page(0)))).toBe(count);
      expect(countIn(await objects.ok(page(100)))).toBe(count);
    }
  });

  it("tells Located Items with the first page, which has no Offset Items", async () => {
    const { objects } = await group(5);
    const first = await objects.ok(locate(integer(Tag.MaximumItems, 2), attributeOf(grouped("mysql"))));
    expect(countIn(first)).toBe(5);
    expect(identifiersIn(first)).toHaveLength(2);
    const all = await objects.ok(locate(attributeOf(grouped("mysql"))));
    expect(countIn(all)).toBeUndefined();
    expect(identifiersIn(all)).toHaveLength(5);
  });

  it("leaves Located Items out rather than count too long", async () => {
    const objects = new Objects({ maxLocatedItems: 3 });
    for (let n = 0; n < 6; n += 1) {
      await objects.make(requests.create({ attributes: [grouped("mysql")] }));
    }
    const counted = await objects.ok(page(0, 3));
    expect(countIn(counted)).toBe(6);
    const uncounted = await objects.ok(page(0, 1));
    expect(countIn(uncounted)).toBeUndefined();
    expect(identifiersIn(uncounted)).toHaveLength(1);
  });
});

describe("Template-Attribute in Locate", () => {
  it.each(["1.0", "1.1", "1.2", "1.3", "1.4"] satisfies KmipVersionName[])(
    "is what is looked for in %s",
    async (version) => {
      const { objects, newestFirst } = await group(3);
      objects.version = version;
      const one = integer(Tag.MaximumItems, 1);
      expect(identifiersIn(await objects.ok(locate(one, template([nameAttribute("key-0")]))))).toEqual([
        newestFirst[2],
      ]);
      expect(identifiersIn(await objects.ok(locate(one, template([nameAttribute("key-9")]))))).toEqual([]);
      // Together with what stands beside it, and in more than one.
      const both = locate(
        template([nameAttribute("key-1")]),
        template([grouped("mysql")]),
        attributeOf(grouped("others")),
      );
      expect(identifiersIn(await objects.ok(both))).toEqual([]);
    },
  );

  it("may leave fields of a structure out, as what is looked for may", async () => {
    const { objects, newestFirst } = await group(2);
    const partial = structure(Tag.TemplateAttribute, [
      structure(Tag.Attribute, [
        text(Tag.AttributeName, "Name"),
        structure(Tag.AttributeValue, [text(Tag.NameValue, "key-1")]),
      ]),
    ]);
    expect(identifiersIn(await objects.ok(locate(partial)))).toEqual([newestFirst[0]]);
  });

  it("is refused where it names a template, or holds what nobody knows", async () => {
    const { objects } = await group(1);
    const naming = structure(Tag.TemplateAttribute, [
      structure(Tag.Name, [text(Tag.NameValue, "key-0"), enumeration(Tag.NameType, 1)]),
    ]);
    expect(await objects.reason(locate(naming))).toBe(ResultReason.ItemNotFound);
    const unknown = template([{ name: "No Such Attribute", value: { t: "text", v: "x" } }]);
    expect(await objects.reason(locate(unknown))).toBe(ResultReason.InvalidField);
    objects.version = "2.1";
    expect(await objects.reason(locate(template([nameAttribute("key-0")])))).not.toBeNull();
  });
});

describe("a condition that is not understood", () => {
  it("is never left out: of a newer minor version, or of a vendor", async () => {
    const { objects } = await group(1);
    for (const tag of [0x54_0001, 0x42_01ff]) {
      expect(await objects.reason(locate(integer(tag, 1)))).toBe(ResultReason.InvalidField);
    }
  });
});
