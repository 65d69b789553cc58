/**
 * TTLV items as JSON (KMIP Profiles 1.4, 5.4): `{"tag": …, "type": …, "value": …}`, where a structure's value is an
 * array of such objects.
 */
import { Tag } from "../protocol/tags";
import { type Item, ItemType, type StructureItem } from "../ttlv/item";
import { EncodingError } from "./errors";
import { DEFAULT_ENCODING_LIMITS, type EncodingLimits } from "./limits";
import { quote, tagFromName, tagHex, tagName, typeFromName, typeName } from "./names";
import { attributeNameIn, int64Hex, isOfSecondMajor, nameTagOf, scalarFromText, scalarText } from "./scalars";

type JsonObject = {
  readonly tag: string;
  readonly type?: string;
  readonly value: string | number | boolean | readonly JsonObject[];
};

/** Larger numbers are hexadecimal, as many a JSON reader has no more than 53 bits for them (5.4.1.5). */
const LARGEST_NUMBER = 2n ** 52n;

/** Writes an item and all that it holds. */
export const encodeJson = (item: Item): string => JSON.stringify(toObject(item, null, isOfSecondMajor(item)));

function toObject(item: Item, attributeName: string | null, second: boolean): JsonObject {
  const tag = tagName(item.tag) ?? tagHex(item.tag);
  if (item.type === ItemType.Structure) {
    const name = attributeNameIn(item.value);
    return { tag, value: item.value.map((child) => toObject(child, name, second)) };
  }
  return { tag, type: typeName(item.type), value: toValue(item, nameTagOf(item.tag, attributeName), second) };
}

function toValue(
  item: Exclude<Item, StructureItem>,
  nameTag: number,
  second: boolean,
): string | number | boolean {
  switch (item.type) {
    case ItemType.Boolean:
    case ItemType.Interval:
      return item.value;
    case ItemType.LongInteger: {
      const small = item.value <= LARGEST_NUMBER && item.value >= -LARGEST_NUMBER;
      return small ? Number(item.value) : int64Hex(item.value);
    }
    case ItemType.BigInteger:
      return `0x${scalarText(item, { nameTag, separator: "|", second })}`;
    case ItemType.Integer: {
      const text = scalarText(item, { nameTag, separator: "|", second });
      return text === String(item.value) ? item.value : text;
    }
    default:
      return scalarText(item, { nameTag, separator: "|", second });
  }
}

/**
 * Reads one item and all that it holds.
 *
 * @throws EncodingError
 */
export function decodeJson(text: string, limits: EncodingLimits = DEFAULT_ENCODING_LIMITS): Item {
  if (text.length > limits.maxCharacters) {
    throw new EncodingError("the text is too long");
  }
  refuseExcess(text, limits);
  return new Decoder(limits).item(parse(text), null, 0);
}

const BACKSLASH = 0x5c;
/** Members of an item's object, and one more for what is between items. */
const PARTS_OF_ITEM = 5;

/**
 * Refuses nesting and numbers of values that no message has, before the parser makes objects of them all: a body
 * of brackets would hold the event loop up for longer than a thousand messages.
 *
 * @throws EncodingError
 */
function refuseExcess(text: string, { maxDepth, maxItems }: EncodingLimits): void {
  let depth = 0;
  let parts = 0;
  const structure = /["[\]{},]/g;
  while (structure.test(text)) {
    const at = structure.lastIndex - 1;
    switch (text[at]) {
      case '"':
        structure.lastIndex = endOfString(text, at) + 1;
        break;
      case "[":
      case "{":
        depth += 1;
        parts += 1;
        break;
      case ",":
        parts += 1;
        break;
      default:
        depth -= 1;
    }
    // An object and an array for each structure, and an object for the value in the innermost.
    if (depth > 2 * maxDepth + 2) {
      throw new EncodingError("nested too deeply");
    }
    if (parts > PARTS_OF_ITEM * maxItems) {
      throw new EncodingError("too many items");
    }
  }
}

/** Where the string ends that begins at a quotation mark; the end of the text if it does not. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === BACKSLASH) {
      before -= 1;
    }
    if ((end - before) % 2 === 1) {
      return end;
    }
  }
  return text.length;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own words quote the text, which may hold key material.
    throw new EncodingError("not JSON");
  }
}

const KEYS: ReadonlySet<string> = new Set(["tag", "name", "type", "value"]);

class Decoder {
  readonly #maxDepth: number;
  #itemsLeft: number;

  constructor(limits: EncodingLimits) {
    this.#maxDepth = limits.maxDepth;
    this.#itemsLeft = limits.maxItems;
  }

  item(given: unknown, attributeName: string | null, depth: number): Item {
    this.#itemsLeft -= 1;
    if (this.#itemsLeft < 0) {
      throw new EncodingError("too many items");
    }
    const fields = asFields(given);
    const tag = tagOf(fields);
    const type = typeOf(fields);
    const value = fields.get("value");
    if (type === ItemType.Structure) {
      if (!Array.isArray(value)) {
        throw new EncodingError("a structure's value is no array");
      }
      if (depth >= this.#maxDepth) {
        throw new EncodingError("nested too deeply");
      }
      const name = attributeNameAmong(value);
      return { tag, type, value: value.map((child) => this.item(child, name, depth + 1)) };
    }
    const context = { nameTag: nameTagOf(tag, attributeName), separator: "|" } as const;
    return scalarFromText(tag, type, textOf(type, value), context);
  }
}

function asFields(given: unknown): ReadonlyMap<string, unknown> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new EncodingError("an item is no object");
  }
  const fields = new Map<string, unknown>(Object.entries(given));
  for (const key of fields.keys()) {
    if (!KEYS.has(key)) {
      throw new EncodingError(`unknown key ${quote(key)}`);
    }
  }
  return fields;
}

function tagOf(fields: ReadonlyMap<string, unknown>): number {
  const tag = fields.get("tag");
  if (typeof tag !== "string") {
    throw new EncodingError("an item has no tag");
  }
  return tagFromName(tag);
}

function typeOf(fields: ReadonlyMap<string, unknown>): ItemType {
  const type = fields.get("type");
  if (type === undefined) {
    return ItemType.Structure;
  }
  if (typeof type !== "string") {
    throw new EncodingError("a type is no text");
  }
  return typeFromName(type);
}

/** The Attribute Name among the values of a structure; what is wrong with them comes to light when they are read. */
function attributeNameAmong(values: readonly unknown[]): string | null {
  for (const given of values) {
    const fields = asFields(given);
    const value = fields.get("value");
    if (typeof value !== "string" || typeOf(fields) !== ItemType.TextString) {
      continue;
    }
    if (tagOf(fields) === Tag.AttributeName) {
      return value;
    }
  }
  return null;
}

const NUMERIC: ReadonlySet<ItemType> = new Set([ItemType.Integer, ItemType.LongInteger, ItemType.Interval]);

/** The value as the text that stands for it. */
function textOf(type: ItemType, value: unknown): string {
  if (typeof value === "string") {
    return value;
  }
  if (typeof value === "boolean" && type === ItemType.Boolean) {
    return String(value);
  }
  if (typeof value === "number" && NUMERIC.has(type)) {
    if (!Number.isSafeInteger(value)) {
      throw new EncodingError("not a whole number that JSON can hold");
    }
    return String(value === 0 ? 0 : value);
  }
  throw new EncodingError(`the value of a ${typeName(type)} has the wrong kind`);
}
