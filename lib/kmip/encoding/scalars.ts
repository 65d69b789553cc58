/**
 * Values of items that are no structures as text, as both the XML and the JSON encoding write them (KMIP Profiles
 * 1.4, 5.4.1.5 and 5.5.1.5).
 */

import { Tag } from "../protocol/tags";
import { type Item, ItemType, type StructureItem } from "../ttlv/item";
import { EncodingError } from "./errors";
import { enumerationFromText, enumerationText, maskFromText, maskText, quote, tagOfAttribute } from "./names";

type Scalar = Exclude<Item, StructureItem>;

/** The widest range of dates that ISO 8601 with four digits of year can say, in POSIX seconds. */
const FIRST_DATE = -62_135_596_800n;
const LAST_DATE = 253_402_300_799n;
const MICROSECONDS = 1_000_000n;

/** Where a value stands: the tag whose names it uses, how bits of masks are joined, and whether it is told in 2.x. */
export type ValueContext = {
  readonly nameTag: number;
  readonly separator: " " | "|";
  readonly second?: boolean;
};

/** True for a message of 2.x. */
export function isOfSecondMajor(message: Item): boolean {
  const within = (item: Item | undefined, tag: number): Item | undefined =>
    item?.type === ItemType.Structure ? item.value.find((child) => child.tag === tag) : undefined;
  const header = within(message, Tag.RequestHeader) ?? within(message, Tag.ResponseHeader);
  const major = within(within(header, Tag.ProtocolVersion), Tag.ProtocolVersionMajor);
  return major?.value === 2;
}

/**
 * The tag whose names a child of a structure uses: its own, or for the value of an attribute that of the attribute
 * (1.x names attributes by text: Attribute holds Attribute Name and Attribute Value).
 *
 * @param attributeName the Attribute Name that stands beside it, if any
 */
export const nameTagOf = (tag: number, attributeName: string | null): number =>
  tag === Tag.AttributeValue && attributeName !== null ? (tagOfAttribute(attributeName) ?? tag) : tag;

/** The Attribute Name among the items of a structure, or null. */
export function attributeNameIn(items: readonly Item[]): string | null {
  for (const item of items) {
    if (item.tag === Tag.AttributeName && item.type === ItemType.TextString) {
      return item.value;
    }
  }
  return null;
}

/** A value as text. Byte Strings and Big Integers are hexadecimal without a prefix. */
export function scalarText(item: Scalar, { nameTag, separator, second }: ValueContext): string {
  switch (item.type) {
    case ItemType.Integer:
      return maskText(nameTag, item.value, separator) ?? String(item.value);
    case ItemType.Enumeration:
      return enumerationText(nameTag, item.value, second);
    case ItemType.Interval:
    case ItemType.LongInteger:
    case ItemType.Boolean:
      return String(item.value);
    case ItemType.TextString:
      return item.value;
    case ItemType.ByteString:
    case ItemType.BigInteger:
      return Buffer.from(item.value.buffer, item.value.byteOffset, item.value.byteLength).toString("hex");
    case ItemType.DateTime:
      return dateText(item.value);
    case ItemType.DateTimeExtended:
      return extendedDateText(item.value);
  }
}

/** Reads what `scalarText` writes, and the other forms that the profiles allow. @throws EncodingError */
export function scalarFromText(tag: number, type: ItemType, text: string, context: ValueContext): Scalar {
  switch (type) {
    case ItemType.Integer:
      return { tag, type, value: integerFromText(text, context) };
    case ItemType.Enumeration:
      return { tag, type, value: enumerationFromText(context.nameTag, text) };
    case ItemType.Interval:
      return { tag, type, value: Number(numberFromText(text, 0n, 0xffff_ffffn, 8)) };
    case ItemType.LongInteger:
      return { tag, type, value: int64FromText(text) };
    case ItemType.Boolean:
      return { tag, type, value: booleanFromText(text) };
    case ItemType.TextString:
      if (/\p{Surrogate}/u.test(text)) {
        throw new EncodingError("text with half a character");
      }
      return { tag, type, value: text };
    case ItemType.ByteString:
      return { tag, type, value: bytesFromHex(text) };
    case ItemType.BigInteger:
      return { tag, type, value: bigIntegerFromHex(text) };
    case ItemType.DateTime:
      return { tag, type, value: isHex(text) ? int64FromText(text) : dateFromText(text).seconds };
    case ItemType.DateTimeExtended: {
      if (isHex(text)) {
        return { tag, type, value: int64FromText(text) };
      }
      const { seconds, microseconds } = dateFromText(text);
      return { tag, type, value: seconds * MICROSECONDS + microseconds };
    }
    default:
      throw new EncodingError("a structure has no value of its own");
  }
}

const isHex = (text: string): boolean => /^0x[0-9a-f]+$/i.test(text);

/** "0x" and sixteen digits: two's complement. */
export const int64Hex = (value: bigint): string =>
  `0x${BigInt.asUintN(64, value).toString(16).padStart(16, "0")}`;

function numberFromText(text: string, least: bigint, most: bigint, hexDigits: number): bigint {
  const valid = isHex(text) ? text.length <= hexDigits + 2 : /^[+-]?\d{1,20}$/.test(text);
  if (!valid) {
    throw new EncodingError(`not a number: ${quote(text)}`);
  }
  const value = BigInt(text.startsWith("+") ? text.slice(1) : text);
  if (value < least || value > most) {
    throw new EncodingError(`number out of range: ${quote(text)}`);
  }
  return value;
}

function integerFromText(text: string, { nameTag }: ValueContext): number {
  if (isHex(text)) {
    return Number(BigInt.asIntN(32, numberFromText(text, 0n, 0xffff_ffffn, 8)));
  }
  if (/^[+-]?\d/.test(text)) {
    return Number(numberFromText(text, -0x8000_0000n, 0x7fff_ffffn, 8));
  }
  return maskFromText(nameTag, text);
}

const int64FromText = (text: string): bigint =>
  isHex(text)
    ? BigInt.asIntN(64, numberFromText(text, 0n, 0xffff_ffff_ffff_ffffn, 16))
    : numberFromText(text, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn, 16);

function booleanFromText(text: string): boolean {
  if (text === "true" || text === "1" || /^0x0*1$/.test(text)) {
    return true;
  }
  if (text === "false" || text === "0" || /^0x0+$/.test(text)) {
    return false;
  }
  throw new EncodingError(`not a Boolean: ${quote(text)}`);
}

function bytesFromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || /[^0-9a-f]/i.test(text)) {
    throw new EncodingError("not hexadecimal");
  }
  return Buffer.from(text, "hex");
}

/** Sign-extended to whole groups of eight bytes, as TTLV wants it. */
function bigIntegerFromHex(text: string): Uint8Array {
  const given = bytesFromHex(/^0x/i.test(text) ? text.slice(2) : text);
  if (given.length === 0) {
    throw new EncodingError("Big Integer without digits");
  }
  const missing = (8 - (given.length % 8)) % 8;
  if (missing === 0) {
    return given;
  }
  const sign = (given[0] ?? 0) >= 0x80 ? 0xff : 0;
  return Buffer.concat([Buffer.alloc(missing, sign), given]);
}

function dateText(seconds: bigint): string {
  if (seconds < FIRST_DATE || seconds > LAST_DATE) {
    return int64Hex(seconds);
  }
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}+00:00`;
}

function extendedDateText(microseconds: bigint): string {
  const fraction = ((microseconds % MICROSECONDS) + MICROSECONDS) % MICROSECONDS;
  const date = dateText((microseconds - fraction) / MICROSECONDS);
  if (isHex(date)) {
    return int64Hex(microseconds);
  }
  return `${date.slice(0, 19)}.${String(fraction).padStart(6, "0")}+00:00`;
}

const DATE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

function dateFromText(text: string): { readonly seconds: bigint; readonly microseconds: bigint } {
  const [, local = "", fraction = "", zone = ""] = DATE.exec(text) ?? [];
  const milliseconds = Date.parse(`${local}${zone}`);
  // Date.parse takes 30 February for 1 March; a date is one only if it comes back as it went in.
  const again = Date.parse(`${local}Z`);
  if (
    Number.isNaN(milliseconds) ||
    Number.isNaN(again) ||
    new Date(again).toISOString().slice(0, 19) !== local
  ) {
    throw new EncodingError(`not a date and time: ${quote(text)}`);
  }
  return {
    seconds: BigInt(milliseconds) / 1000n,
    microseconds: BigInt(fraction.padEnd(6, "0").slice(0, 6)),
  };
}
