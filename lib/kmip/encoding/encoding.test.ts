import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Tag } from "../protocol/tags";
import {
  bigInteger,
  boolean,
  bytes,
  dateTime,
  decodeTtlv,
  encodeTtlv,
  enumeration,
  type Item,
  ItemType,
  integer,
  interval,
  longInteger,
  structure,
  text,
} from "../ttlv";
import { EncodingError } from "./errors";
import { decodeJson, encodeJson } from "./json";
import { decodeXml, encodeXml } from "./xml";

const named = fc.constantFrom(...Object.values(Tag));
const tag = fc.oneof(
  named,
  fc.integer({ min: 0x540000, max: 0x54ffff }),
  fc.integer({ min: 0x420000, max: 0x42ffff }),
);
const uint32 = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 0xffff_ffff }));
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
/** Text that XML can hold. */
const xmlText = fc
  .string({ unit: "binary", maxLength: 24 })
  .map((value) => value.replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, ""));
/** Text that TTLV can hold. */
const anyText = fc.string({ unit: "binary", maxLength: 24 }).map((value) => value.replaceAll("\0", ""));

function itemArbitrary(textValue: fc.Arbitrary<string>): fc.Arbitrary<Item> {
  const octets = fc.uint8Array({ maxLength: 40 });
  const scalar = fc.oneof(
    fc.tuple(tag, fc.integer()).map(([t, v]) => integer(t, v)),
    fc.tuple(tag, uint32).map(([t, v]) => enumeration(t, v)),
    fc.tuple(tag, uint32).map(([t, v]) => interval(t, v)),
    fc.tuple(tag, int64).map(([t, v]) => longInteger(t, v)),
    fc.tuple(tag, fc.bigInt()).map(([t, v]) => bigInteger(t, v)),
    fc
      .tuple(tag, fc.oneof(int64, fc.bigInt({ min: 0n, max: 4_000_000_000n })))
      .map(([t, v]) => dateTime(t, v)),
    fc.tuple(tag, int64).map(([t, value]): Item => ({ tag: t, type: ItemType.DateTimeExtended, value })),
    fc.tuple(tag, fc.boolean()).map(([t, v]) => boolean(t, v)),
    fc.tuple(tag, textValue).map(([t, v]) => text(t, v)),
    fc.tuple(tag, octets).map(([t, v]) => bytes(t, v)),
    // An attribute of 1.x, whose value takes its names from the attribute's.
    fc
      .tuple(
        fc.constantFrom("Cryptographic Usage Mask", "State", "x-ID", "Object Type"),
        fc.integer(),
        uint32,
      )
      .map(([name, number, code]) =>
        structure(Tag.Attribute, [
          text(Tag.AttributeName, name),
          integer(Tag.AttributeValue, number),
          enumeration(Tag.AttributeValue, code),
        ]),
      ),
  );
  return fc.letrec<{ item: Item }>((tie) => ({
    item: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      scalar,
      fc.tuple(tag, fc.array(tie("item"), { maxLength: 4 })).map(([t, v]) => structure(t, v)),
    ),
  })).item;
}

function sameBytes(a: Item, b: Item): void {
  expect(encodeTtlv(a).toString("hex")).toBe(encodeTtlv(b).toString("hex"));
}

/** Runs a parser on what is no message: it answers an item, or throws the one error. */
function survives(parse: () => Item): void {
  try {
    encodeTtlv(parse());
  } catch (error) {
    if (!(error instanceof EncodingError)) {
      throw error;
    }
  }
}

describe.each([
  { name: "XML", encode: encodeXml, decode: decodeXml, values: xmlText },
  { name: "JSON", encode: encodeJson, decode: decodeJson, values: anyText },
])("$name", ({ encode, decode, values }) => {
  it("gives every tree back", () => {
    fc.assert(
      fc.property(itemArbitrary(values), (item) => sameBytes(decode(encode(item)), item)),
      {
        numRuns: 500,
      },
    );
  });

  it("gives a tree back that came from TTLV", () => {
    fc.assert(
      fc.property(itemArbitrary(values), (item) => {
        const received = decodeTtlv(encodeTtlv(item));
        sameBytes(decode(encode(received)), item);
      }),
    );
  });

  it("throws nothing but its own error, whatever it is given", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (given) => survives(() => decode(given))),
      { numRuns: 500 },
    );
  });

  it("throws nothing but its own error for damaged messages", () => {
    const damage = fc.tuple(itemArbitrary(values), fc.nat(), fc.nat({ max: 6 }), fc.string({ maxLength: 6 }));
    fc.assert(
      fc.property(damage, ([item, where, cut, inserted]) => {
        const whole = encode(item);
        const at = where % whole.length;
        survives(() => decode(whole.slice(0, at) + inserted + whole.slice(at + cut)));
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps to its limits", () => {
    let deep: Item = structure(Tag.Attribute, []);
    for (let depth = 0; depth < 40; depth += 1) {
      deep = structure(Tag.Attribute, [deep]);
    }
    expect(() => decode(encode(deep))).toThrow(/nested too deeply/);
    const wide = structure(
      Tag.Attribute,
      Array.from({ length: 50 }, () => boolean(Tag.Sensitive, true)),
    );
    const limits = { maxDepth: 4, maxItems: 51, maxCharacters: 100_000 };
    sameBytes(decode(encode(wide), limits), wide);
    expect(() => decode(encode(wide), { ...limits, maxItems: 50 })).toThrow(/too many/);
    expect(() => decode(encode(wide), { ...limits, maxCharacters: 100 })).toThrow(/too long/);
  });
});

describe("what is written", () => {
  const attribute = (name: string, value: Item) =>
    structure(Tag.Attribute, [text(Tag.AttributeName, name), value]);

  it.each([
    [integer(Tag.BatchCount, -3), '<BatchCount type="Integer" value="-3"/>', 'Integer","value":-3}'],
    [
      integer(Tag.CryptographicUsageMask, 0x0c),
      '<CryptographicUsageMask type="Integer" value="Encrypt Decrypt"/>',
      '"Encrypt|Decrypt"',
    ],
    [integer(Tag.CryptographicUsageMask, 0x4000_0001 | 0), 'value="Sign 0x40000000"/>', '"Sign|0x40000000"'],
    [longInteger(Tag.UsageLimitsTotal, 16n), 'type="LongInteger" value="16"/>', '"value":16}'],
    [
      longInteger(Tag.UsageLimitsTotal, -(2n ** 60n)),
      'value="-1152921504606846976"/>',
      '"value":"0xf000000000000000"}',
    ],
    [bigInteger(Tag.Modulus, -2n), 'type="BigInteger" value="fffffffffffffffe"/>', '"0xfffffffffffffffe"'],
    [
      enumeration(Tag.ObjectType, 2),
      '<ObjectType type="Enumeration" value="SymmetricKey"/>',
      '"SymmetricKey"',
    ],
    [enumeration(Tag.ObjectType, 0x8000_0001), 'value="0x80000001"/>', '"0x80000001"'],
    [boolean(Tag.Sensitive, true), '<Sensitive type="Boolean" value="true"/>', '"value":true}'],
    [
      text(Tag.NameValue, `<a & "b">\n`),
      'value="&lt;a &amp; &quot;b&quot;&gt;&#xa;"/>',
      '"<a & \\"b\\">\\n"',
    ],
    [
      bytes(Tag.Data, Buffer.from("00ff", "hex")),
      '<Data type="ByteString" value="00ff"/>',
      '"value":"00ff"}',
    ],
    [
      dateTime(Tag.ActivationDate, 1_335_514_342n),
      '<ActivationDate type="DateTime" value="2012-04-27T08:12:22+00:00"/>',
      '"2012-04-27T08:12:22+00:00"',
    ],
    [
      interval(Tag.LeaseTime, 0xffff_ffff),
      '<LeaseTime type="Interval" value="4294967295"/>',
      '"value":4294967295}',
    ],
    [
      integer(0x540001, 1),
      '<TTLV tag="0x540001" type="Integer" value="1"/>',
      '{"tag":"0x540001","type":"Integer"',
    ],
    [
      attribute("Cryptographic Usage Mask", integer(Tag.AttributeValue, 4)),
      '<AttributeValue type="Integer" value="Encrypt"/>',
      '"value":"Encrypt"',
    ],
    [
      attribute("Cryptographic Algorithm", enumeration(Tag.AttributeValue, 3)),
      '<AttributeValue type="Enumeration" value="AES"/>',
      '"value":"AES"',
    ],
    [
      attribute("x-Rank", enumeration(Tag.AttributeValue, 3)),
      '<AttributeValue type="Enumeration" value="0x00000003"/>',
      '"value":"0x00000003"',
    ],
  ])("value %#", (item, xml, json) => {
    expect(encodeXml(item)).toContain(xml);
    expect(encodeJson(item)).toContain(json);
  });

  it("names values as the version of the message does", () => {
    const message = (major: number) =>
      structure(Tag.RequestMessage, [
        structure(Tag.RequestHeader, [
          structure(Tag.ProtocolVersion, [
            integer(Tag.ProtocolVersionMajor, major),
            integer(Tag.ProtocolVersionMinor, 0),
          ]),
        ]),
        enumeration(Tag.HashingAlgorithm, 0x0f),
        enumeration(Tag.AttributeReference, Tag.CryptographicUsageMask),
        enumeration(Tag.UniqueIdentifier, 1),
        enumeration(Tag.Data, 2),
        integer(Tag.ProtectionStorageMask, 3),
      ]);
    for (const [encode, decode] of [
      [encodeXml, decodeXml],
      [encodeJson, decodeJson],
    ] as const) {
      const old = encode(message(1));
      const young = encode(message(2));
      expect(old).toContain('"SHA_3_256"');
      expect(young).toContain('"SHA3_256"');
      for (const name of ["CryptographicUsageMask", "IDPlaceholder", "Encrypt"]) {
        expect(young).toContain(`"${name}"`);
      }
      expect(young).toMatch(/"Software[ |]Hardware"/);
      expect(decode(old)).toEqual(message(1));
      expect(decode(young)).toEqual(message(2));
    }
  });

  it("refuses text that XML has no characters for", () => {
    expect(() => encodeXml(text(Tag.NameValue, "a\u0000b"))).toThrow(EncodingError);
    expect(decodeJson(encodeJson(text(Tag.NameValue, "a\u0000b")))).toEqual(text(Tag.NameValue, "a\u0000b"));
  });
});

describe("what would take long to read is refused before it is", () => {
  const item = (value: string) => `{"tag":"NameValue","type":"TextString","value":${JSON.stringify(value)}}`;
  it.each([
    ["arrays in one another", "[".repeat(100_000) + "]".repeat(100_000), /nested too deeply/],
    ["objects in one another", '{"value":'.repeat(100_000), /nested too deeply/],
    ["a great many objects", `[${"{},".repeat(200_000)}{}]`, /too many items/],
    [
      "a great many keys",
      `{${Array.from({ length: 150_000 }, (_, index) => `"k${index}":0`).join()}}`,
      /too many items/,
    ],
    ["a string without end", `["${"[".repeat(100_000)}`, /not JSON/],
  ])("JSON: %s", (_what, text, message) => {
    expect(() => decodeJson(text)).toThrow(message);
  });

  it("JSON: but not what only looks so, within a text", () => {
    for (const value of ["[".repeat(1_000), '"[{,'.repeat(50_000), "\\", '\\"[', "\\\\[".repeat(1_000)]) {
      expect(decodeJson(item(value))).toMatchObject({ value });
    }
  });

  it("XML: references beyond any need", () => {
    const text = (count: number) => `<NameValue type="TextString" value="${"&lt;".repeat(count)}"/>`;
    expect(decodeXml(text(65_536))).toMatchObject({ value: "<".repeat(65_536) });
    expect(() => decodeXml(text(65_537))).toThrow(/too many references/);
  });
});

describe("what is read", () => {
  it.each([
    [
      '<ActivationDate type="DateTime" value="2012-04-27T10:12:22+02:00"/>',
      dateTime(Tag.ActivationDate, 1_335_514_342n),
    ],
    [
      '<ActivationDate type="DateTime" value="2012-04-27T08:12:22Z"/>',
      dateTime(Tag.ActivationDate, 1_335_514_342n),
    ],
    [
      '<ActivationDate type="DateTime" value="0x000000004f9a54e6"/>',
      dateTime(Tag.ActivationDate, 0x4f9a54e6n),
    ],
    ['<TTLV tag="0x420020" name="x" type="0x06" value="1"/>', boolean(0x420020, true)],
    [
      '<?xml version="1.0" encoding="UTF-8"?>\n<!-- a --><KeyValue xmlns="urn:a"></KeyValue>\n',
      structure(Tag.KeyValue, []),
    ],
    ["<BatchCount type='Integer' value='0x80000000'></BatchCount>", integer(Tag.BatchCount, -0x8000_0000)],
    ['<Modulus type="BigInteger" value="0xfe"/>', bigInteger(Tag.Modulus, -2n)],
    ['<NameValue type="TextString" value="&#65;&#x42;&lt;"/>', text(Tag.NameValue, "AB<")],
  ])("%s", (xml, item) => {
    expect(encodeTtlv(decodeXml(xml))).toEqual(encodeTtlv(item));
  });

  it.each([
    ["a document type", '<!DOCTYPE a [<!ENTITY b "c">]><KeyValue/>'],
    ["an entity of its own", '<NameValue type="TextString" value="&b;"/>'],
    ["a processing instruction", "<?php a?><KeyValue/>"],
    ["text in an element", "<KeyValue>a</KeyValue>"],
    ["CDATA", "<KeyValue><![CDATA[a]]></KeyValue>"],
    ["two outermost elements", "<KeyValue/><KeyValue/>"],
    ["an element that does not end", "<KeyValue>"],
    ["the wrong end", "<KeyValue></KeyBlock>"],
    ["an attribute twice", '<BatchCount type="Integer" type="Integer" value="1"/>'],
    ["an unknown attribute", '<BatchCount type="Integer" value="1" size="1"/>'],
    ["an unknown tag", "<Nonsense/>"],
    ["a name of every object", "<constructor/>"],
    ["a tag of nobody", '<TTLV tag="0x430001" type="Integer" value="1"/>'],
    ["an unknown type", '<BatchCount type="Number" value="1"/>'],
    ["a number too large", '<BatchCount type="Integer" value="2147483648"/>'],
    ["a negative Interval", '<LeaseTime type="Interval" value="-1"/>'],
    ["no value", '<BatchCount type="Integer"/>'],
    ["a structure with a value", '<KeyValue value="1"/>'],
    ["an unknown enumeration", '<ObjectType type="Enumeration" value="Wallet"/>'],
    ["an unknown bit", '<CryptographicUsageMask type="Integer" value="Encrypt Sing"/>'],
    ["names for what is no mask", '<BatchCount type="Integer" value="Encrypt"/>'],
    ["half a byte", '<Data type="ByteString" value="abc"/>'],
    ["a day that is not", '<ActivationDate type="DateTime" value="2023-02-29T00:00:00Z"/>'],
    ["a date without zone", '<ActivationDate type="DateTime" value="2023-02-28T00:00:00"/>'],
    ["a Boolean of words", '<Sensitive type="Boolean" value="yes"/>'],
    ["a null character", '<NameValue type="TextString" value="&#0;"/>'],
  ])("no XML with %s", (_, xml) => {
    expect(() => decodeXml(xml)).toThrow(EncodingError);
  });

  it.each([
    ["no object", "[]"],
    ["an unknown key", '{"tag":"BatchCount","type":"Integer","value":1,"x":1}'],
    ["a number with a fraction", '{"tag":"BatchCount","type":"Integer","value":1.5}'],
    ["a number beyond 53 bits", '{"tag":"UsageLimitsTotal","type":"LongInteger","value":9007199254740993}'],
    ["a number for text", '{"tag":"NameValue","type":"TextString","value":1}'],
    ["a structure without array", '{"tag":"KeyValue","value":{}}'],
    ["half a character", '{"tag":"NameValue","type":"TextString","value":"\\ud800"}'],
    ["no tag", '{"type":"Integer","value":1}'],
    ["a null", '{"tag":"BatchCount","type":"Integer","value":null}'],
  ])("no JSON with %s", (_, json) => {
    expect(() => decodeJson(json)).toThrow(EncodingError);
  });

  it("a long run of hostile text, and comes to an end", () => {
    for (const piece of ["<a ", "<!--", "&", "<KeyValue>", " ", "<KeyValue a='", "[", '{"value":[']) {
      survives(() => decodeXml(piece.repeat(100_000)));
      survives(() => decodeJson(piece.repeat(100_000)));
      survives(() => decodeXml(`<NameValue type="TextString" value="${piece.repeat(100_000)}"/>`));
    }
  });
});
