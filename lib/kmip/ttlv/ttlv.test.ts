import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as ttlv from ".";
import {
  bigIntegerFromBytes,
  bigIntegerToBytes,
  decodeTtlv,
  encodeTtlv,
  type Item,
  ItemType,
  TtlvError,
  TtlvWriter,
} from ".";

const TAG = 0x420020;
const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");
const fromHex = (value: string) => Buffer.from(value.replace(/[\s|]/g, ""), "hex");

/** The examples of KMIP 9.1.2. */
const EXAMPLES: readonly (readonly [string, Item, string])[] = [
  ["Integer", ttlv.integer(TAG, 8), "420020 02 00000004 00000008 00000000"],
  ["Long Integer", ttlv.longInteger(TAG, 123456789000000000n), "420020 03 00000008 01B69B4BA5749200"],
  [
    "Big Integer",
    ttlv.bigInteger(TAG, 1234567890000000000000000000n),
    "420020 04 00000010 0000000003FD35EB 6BC2DF4618080000",
  ],
  ["Enumeration", ttlv.enumeration(TAG, 255), "420020 05 00000004 000000FF 00000000"],
  ["Boolean", ttlv.boolean(TAG, true), "420020 06 00000008 0000000000000001"],
  ["Text String", ttlv.text(TAG, "Hello World"), "420020 07 0000000B 48656C6C6F20576F 726C640000000000"],
  ["Byte String", ttlv.bytes(TAG, Buffer.from([1, 2, 3])), "420020 08 00000003 0102030000000000"],
  ["Date-Time", ttlv.dateTime(TAG, 0x47da67f8n), "420020 09 00000008 0000000047DA67F8"],
  ["Interval", ttlv.interval(TAG, 864_000), "420020 0A 00000004 000D2F00 00000000"],
  [
    "Structure",
    ttlv.structure(TAG, [ttlv.enumeration(0x420004, 254), ttlv.integer(0x420005, 255)]),
    "420020 01 00000020 420004 05 00000004 000000FE00000000 420005 02 00000004 000000FF00000000",
  ],
];

describe("the examples of the specification", () => {
  it.each(EXAMPLES)("%s", (_name, item, expected) => {
    expect(hex(encodeTtlv(item))).toBe(hex(fromHex(expected)));
    expect(encodeTtlv(decodeTtlv(fromHex(expected)))).toEqual(fromHex(expected));
  });
});

const tagArbitrary = fc.oneof(
  fc.integer({ min: 0x420001, max: 0x420200 }),
  fc.integer({ min: 0x540000, max: 0x54ffff }),
);
const textArbitrary = fc.string({ unit: "binary" }).filter((value) => !value.includes("\0"));
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

const leaf: fc.Arbitrary<Item> = tagArbitrary.chain((tag) =>
  fc.oneof(
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((value) => ttlv.integer(tag, value)),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((value) => ttlv.enumeration(tag, value)),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((value) => ttlv.interval(tag, value)),
    int64.map((value) => ttlv.longInteger(tag, value)),
    int64.map((value) => ttlv.dateTime(tag, value)),
    fc.boolean().map((value) => ttlv.boolean(tag, value)),
    textArbitrary.map((value) => ttlv.text(tag, value)),
    fc.uint8Array({ maxLength: 200 }).map((value) => ttlv.bytes(tag, Buffer.from(value))),
    fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }).map((value) => ttlv.bigInteger(tag, value)),
  ),
);
const { tree } = fc.letrec<{ tree: Item; branch: Item }>((tie) => ({
  tree: fc.oneof({ depthSize: "small", withCrossShrink: true }, leaf, tie("branch")),
  branch: fc
    .tuple(tagArbitrary, fc.array(tie("tree"), { maxLength: 6 }))
    .map(([tag, children]): Item => ttlv.structure(tag, children)),
}));

describe("properties", () => {
  it("decodes what it encodes", () => {
    fc.assert(
      fc.property(tree, (item) => {
        expect(decodeTtlv(encodeTtlv(item))).toEqual(item);
      }),
      { numRuns: 500 },
    );
  });

  it("has one encoding: what decodes encodes to the same bytes", () => {
    fc.assert(
      fc.property(tree, fc.nat(), fc.nat(255), (item, at, byte) => {
        const encoded = encodeTtlv(item);
        encoded[at % encoded.length] = byte;
        const before = Buffer.from(encoded);
        try {
          expect(encodeTtlv(decodeTtlv(encoded))).toEqual(before);
        } catch (error) {
          expect(error).toBeInstanceOf(TtlvError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("throws nothing but its own error for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, framed) => {
        const message = framed ? Buffer.concat([fromHex("42007801"), noise]) : noise;
        try {
          decodeTtlv(message);
        } catch (error) {
          expect(error).toBeInstanceOf(TtlvError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("keeps Big Integers", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 520n), max: 2n ** 520n }), (value) => {
        const encoded = bigIntegerToBytes(value);
        expect(encoded.length % 8).toBe(0);
        expect(bigIntegerFromBytes(encoded)).toBe(value);
        if (encoded.length > 8) {
          expect(BigInt.asIntN((encoded.length - 8) * 8, value)).not.toBe(value);
        }
      }),
    );
  });
});

describe("what is refused", () => {
  it.each([
    ["nothing", ""],
    ["a truncated header", "42002002000000"],
    ["a truncated value", "420020 02 00000004 00000008"],
    ["a tag of nobody", "430020 02 00000004 00000008 00000000"],
    ["an unknown type", "420020 0C 00000008 0000000000000000"],
    ["type zero", "420020 00 00000000"],
    ["an Integer of eight bytes", "420020 02 00000008 0000000000000008"],
    ["an Enumeration of no bytes", "420020 05 00000000"],
    ["a Long Integer of four bytes", "420020 03 00000004 00000001 00000000"],
    ["a Big Integer of four bytes", "420020 04 00000004 00000001 00000000"],
    ["a Big Integer of no bytes", "420020 04 00000000"],
    ["a Boolean of 2", "420020 06 00000008 0000000000000002"],
    ["a Boolean with high bits", "420020 06 00000008 0100000000000001"],
    ["padding of an Integer", "420020 02 00000004 00000008 00000001"],
    ["padding of a Text String", "420020 07 00000001 6100000000000001"],
    ["padding of a Byte String", "420020 08 00000001 6100000000000100"],
    ["a Text String that is not UTF-8", "420020 07 00000002 C328000000000000"],
    ["a surrogate in UTF-8", "420020 07 00000003 EDA0800000000000"],
    ["an overlong form in UTF-8", "420020 07 00000002 C080000000000000"],
    ["a null in a Text String", "420020 07 00000003 6100620000000000"],
    ["a null after letters beyond ASCII", "420020 07 00000003 C3A9000000000000"],
    ["a structure of an odd length", "420020 01 00000004 00000000"],
    ["a child that reaches beyond its structure", "420020 01 00000010 420004 08 00000010 0000000000000000"],
    ["a length of nearly 4 GiB", "420020 08 FFFFFFF9 00"],
    ["bytes after the item", "420020 02 00000004 00000008 00000000 00"],
    ["an item after the item", "420020 02 00000004 0000000800000000 420020 02 00000004 0000000800000000"],
  ])("%s", (_name, message) => {
    expect(() => decodeTtlv(fromHex(message))).toThrow(TtlvError);
  });

  it("nesting beyond the limit, and takes nesting up to it", () => {
    let item: Item = ttlv.structure(TAG, []);
    for (let depth = 1; depth < 32; depth += 1) {
      item = ttlv.structure(TAG, [item]);
    }
    expect(decodeTtlv(encodeTtlv(item))).toEqual(item);
    expect(() => decodeTtlv(encodeTtlv(ttlv.structure(TAG, [item])))).toThrow(TtlvError);
  });

  it("more items than the limit", () => {
    const many = encodeTtlv(
      ttlv.structure(
        TAG,
        Array.from({ length: 20 }, () => ttlv.structure(TAG, [])),
      ),
    );
    expect(() => decodeTtlv(many, { maxDepth: 3, maxItems: 20 })).toThrow(TtlvError);
    expect(decodeTtlv(many, { maxDepth: 3, maxItems: 21 }).type).toBe(ItemType.Structure);
  });
});

describe("buffers", () => {
  it("decodes Byte Strings as views", () => {
    const message = encodeTtlv(ttlv.bytes(TAG, Buffer.from([1, 2, 3])));
    const { value } = decodeTtlv(message) as ttlv.BytesItem;
    message[8] = 9;
    expect([...value]).toEqual([9, 2, 3]);
  });

  it("zeroes what it outgrows, takes back and wipes", () => {
    const writer = new TtlvWriter(64);
    writer.bytes(TAG, Buffer.alloc(40, 0xab));
    const outgrown = writer.view();
    writer.bytes(TAG, Buffer.alloc(4000, 0xcd));
    expect(outgrown.every((byte) => byte === 0)).toBe(true);
    const whole = writer.view();
    writer.truncate(48);
    expect(whole.subarray(48).every((byte) => byte === 0)).toBe(true);
    expect(writer.view().includes(0xab)).toBe(true);
    writer.wipe();
    expect(whole.every((byte) => byte === 0)).toBe(true);
  });
});
