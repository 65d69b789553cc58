import { describe, expect, it } from "vitest";
import { integer, structure, text } from "../ttlv/item";
import { ResultReason } from "./enumerations";
import { KmipError } from "./errors";
import { asInteger, asText, inTurn, many, one, optional, readFields, schema } from "./fields";
import { Tag } from "./tags";
import { KmipVersion } from "./versions";

const { V1_0, V1_2, V1_4, V2_0, V2_1 } = KmipVersion;

const DECLARED = schema({
  name: inTurn(one(Tag.AttributeName, asText, V1_0, V1_4), one(Tag.Comment, asText, V2_0)),
  index: one(Tag.AttributeIndex, asInteger, V1_2, V1_4),
  group: inTurn(many(Tag.ObjectGroup, asText, V1_0, V1_4), many(Tag.NameValue, asText, V2_0)),
  late: optional(Tag.Description, asText, V2_1),
});

const read = (version: KmipVersion, items: Parameters<typeof structure>[1], newer = false) =>
  readFields(DECLARED, structure(Tag.RequestPayload, items), { version, newer });

function reason(version: KmipVersion, items: Parameters<typeof structure>[1]): number | null {
  try {
    read(version, items);
    return null;
  } catch (error) {
    if (error instanceof KmipError) {
      return error.reasonIn(version);
    }
    throw error;
  }
}

describe("fields of a structure by version", () => {
  it("are read under one name, whichever stands in their place", () => {
    const none = { group: [], late: undefined };
    expect(read(V1_4, [text(Tag.AttributeName, "a"), integer(Tag.AttributeIndex, 3)])).toEqual({
      ...none,
      name: "a",
      index: 3,
    });
    expect(read(V2_0, [text(Tag.Comment, "b"), text(Tag.NameValue, "c"), text(Tag.NameValue, "d")])).toEqual({
      ...none,
      name: "b",
      index: undefined,
      group: ["c", "d"],
    });
  });

  it("are missed only where they are", () => {
    expect(reason(V1_0, [text(Tag.AttributeName, "a")])).toBeNull();
    expect(reason(V1_2, [text(Tag.AttributeName, "a")])).toBe(ResultReason.InvalidMessage);
    expect(reason(V2_0, [text(Tag.Comment, "a")])).toBeNull();
    expect(reason(V2_0, [])).toBe(ResultReason.InvalidMessage);
  });

  it("are unknown where they are not", () => {
    const name = text(Tag.Comment, "a");
    expect(reason(V1_4, [name])).toBe(ResultReason.InvalidField);
    expect(reason(V2_0, [name, text(Tag.Description, "late")])).toBe(ResultReason.InvalidMessage);
    expect(reason(V2_1, [name, text(Tag.Description, "late")])).toBeNull();
    // Not even a tag any more.
    expect(reason(V2_1, [name, integer(Tag.AttributeIndex, 1)])).toBe(ResultReason.UnknownTag);
    expect(read(V2_1, [name, integer(Tag.AttributeIndex, 1)], true).name).toBe("a");
  });

  it("stand there once, under whichever tag", () => {
    const name = text(Tag.Comment, "a");
    expect(reason(V2_0, [name, name])).toBe(ResultReason.InvalidMessage);
    const both = schema({
      name: inTurn(optional(Tag.AttributeName, asText), optional(Tag.Comment, asText, V2_0)),
    });
    const payload = structure(Tag.RequestPayload, [text(Tag.AttributeName, "b"), name]);
    expect(() => readFields(both, payload, { version: V2_0, newer: false })).toThrow("more than once");
  });

  it("are declared with one tag each", () => {
    const twice = { a: one(Tag.Comment, asText), b: one(Tag.Comment, asText) };
    expect(() => schema(twice)).toThrow(RangeError);
  });
});
