/**
 * Attribute values between the wire (TTLV items) and the store (StoredValue, which survives JSON).
 */

import type { StoredValue } from "../ports";
import { invalidAttributeValue, invalidMessage } from "../protocol/errors";
import { isIgnored, isKnownEnumeration, type ReadContext, tagName, unknownField } from "../protocol/fields";
import { isSecondMajor, type KmipVersion } from "../protocol/versions";
import {
  bigInteger,
  bigIntegerFromBytes,
  boolean,
  bytes,
  dateTime,
  enumeration,
  type Item,
  ItemType,
  integer,
  interval,
  longInteger,
  structure,
  text,
} from "../ttlv/item";
import type { AttributeRule } from "./rules";

const MAX_CUSTOM_DEPTH = 8;
/** The dates that both JavaScript and PostgreSQL can hold, in POSIX seconds. */
const MAX_DATE = 8_640_000_000_000n;

/** 4.9: "the largest possible value" of a Date in Locate means that the attribute is undefined. */
export const UNDEFINED_DATE = 0x7fff_ffff_ffff_ffffn;

/** The stored form of a value that has been checked. @throws KmipError for a date out of range */
export function storedFromItem(item: Item): StoredValue {
  switch (item.type) {
    case ItemType.Integer:
      return { t: "integer", v: item.value };
    case ItemType.Enumeration:
      return { t: "enumeration", v: item.value };
    case ItemType.Interval:
      return { t: "interval", v: item.value };
    case ItemType.Boolean:
      return { t: "boolean", v: item.value };
    case ItemType.TextString:
      return { t: "text", v: item.value };
    case ItemType.ByteString:
      return { t: "bytes", v: Buffer.from(item.value).toString("hex") };
    case ItemType.BigInteger:
      return { t: "bigInteger", v: bigIntegerFromBytes(item.value).toString() };
    case ItemType.LongInteger:
      return { t: "longInteger", v: item.value.toString() };
    case ItemType.DateTime:
      if (item.value > MAX_DATE || item.value < -MAX_DATE) {
        throw invalidAttributeValue("A date is out of range");
      }
      return { t: "dateTime", v: Number(item.value) };
    case ItemType.Structure:
      return {
        t: "structure",
        v: item.value.map((child) => ({ tag: child.tag, value: storedFromItem(child) })),
      };
    default:
      return { t: "dateTimeExtended", v: item.value.toString() };
  }
}

/** The item of a stored value. */
export function itemFromStored(tag: number, stored: StoredValue): Item {
  switch (stored.t) {
    case "integer":
      return integer(tag, stored.v);
    case "enumeration":
      return enumeration(tag, stored.v);
    case "interval":
      return interval(tag, stored.v);
    case "boolean":
      return boolean(tag, stored.v);
    case "text":
      return text(tag, stored.v);
    case "bytes":
      return bytes(tag, Buffer.from(stored.v, "hex"));
    case "bigInteger":
      return bigInteger(tag, BigInt(stored.v));
    case "longInteger":
      return longInteger(tag, BigInt(stored.v));
    case "dateTime":
      return dateTime(tag, BigInt(stored.v));
    case "dateTimeExtended":
      return { tag, type: ItemType.DateTimeExtended, value: BigInt(stored.v) };
    case "structure":
      return structure(
        tag,
        stored.v.map((child) => itemFromStored(child.tag, child.value)),
      );
  }
}

/** The item of a stored value as a version knows it: fields of structures that are younger are left out. */
export function itemForVersion(
  tag: number,
  stored: StoredValue,
  rule: AttributeRule | null,
  version: KmipVersion,
): Item {
  if (stored.t !== "structure" || rule?.fields === undefined) {
    return itemFromStored(tag, stored);
  }
  const young = new Set(rule.fields.filter(({ since }) => (since ?? 0) > version).map((field) => field.tag));
  if (young.size === 0) {
    return itemFromStored(tag, stored);
  }
  return itemFromStored(tag, { t: "structure", v: stored.v.filter((child) => !young.has(child.tag)) });
}

/** True if a version knows every enumeration that it would see of a value. */
export function isKnownValue(stored: StoredValue, rule: AttributeRule, version: KmipVersion): boolean {
  if (stored.t === "enumeration") {
    return isKnownEnumeration(rule.tag, stored.v, version);
  }
  if (stored.t !== "structure") {
    return true;
  }
  return stored.v.every(({ tag, value }) => {
    const since = rule.fields?.find((field) => field.tag === tag)?.since ?? rule.since;
    return value.t !== "enumeration" || since > version || isKnownEnumeration(tag, value.v, version);
  });
}

/**
 * Checks the value of an attribute of the specification.
 *
 * @param partial true in Locate, where fields of structures may be left out (4.9)
 * @returns the value with the fields of a structure in the order of the specification, so that equal values are the
 *   same, and without those of a newer minor version, which are ignored (11.1)
 * @throws KmipError Invalid Field (2.x: Invalid Attribute Value)
 */
export function checkValue(rule: AttributeRule, item: Item, context: ReadContext, partial = false): Item {
  const name = rule.name;
  if (item.type !== rule.type) {
    throw invalidAttributeValue(`${name} has the wrong type`);
  }
  if (item.type === ItemType.Enumeration && !isKnownEnumeration(rule.tag, item.value, context.version)) {
    throw invalidAttributeValue(`${name} has an unknown value: ${item.value}`);
  }
  if (item.type !== ItemType.Structure || rule.fields === undefined) {
    return item;
  }
  const seen = new Map<number, Item>();
  for (const child of item.value) {
    const field = rule.fields.find(({ tag }) => tag === child.tag);
    if (field === undefined || (field.since ?? 0) > context.version) {
      if (isIgnored(child.tag, context)) {
        continue;
      }
      throw unknownField(child.tag, rule.tag, context.version);
    }
    if (seen.has(child.tag)) {
      throw invalidMessage(`${tagName(child.tag)} appears more than once`);
    }
    seen.set(child.tag, child);
    if (child.type !== field.type) {
      throw invalidAttributeValue(`${tagName(child.tag)} has the wrong type`);
    }
    if (child.type === ItemType.Enumeration && !isKnownEnumeration(child.tag, child.value, context.version)) {
      throw invalidAttributeValue(`${tagName(child.tag)} has an unknown value: ${child.value}`);
    }
  }
  const missing = rule.fields.find((field) => field.required === true && !seen.has(field.tag));
  if (missing !== undefined && !partial) {
    throw invalidAttributeValue(`${tagName(missing.tag)} is missing in ${name}`);
  }
  return structure(
    item.tag,
    rule.fields.flatMap(({ tag }) => seen.get(tag) ?? []),
  );
}

/**
 * Checks the value of an attribute that is not of the specification: any type that the version has; a structure has
 * none in it (3.39), or in 2.x within reason.
 *
 * @throws KmipError Invalid Field (2.x: Invalid Attribute Value)
 */
export function checkCustomValue(item: Item, version: KmipVersion, depth = 0): void {
  const second = isSecondMajor(version);
  if (item.type === ItemType.DateTimeExtended && !second) {
    throw invalidAttributeValue("Date-Time Extended is not a type of this version");
  }
  if (item.type !== ItemType.Structure) {
    return;
  }
  if (depth >= (second ? MAX_CUSTOM_DEPTH : 1)) {
    throw invalidAttributeValue("The value of a custom attribute is nested too deeply");
  }
  for (const child of item.value) {
    checkCustomValue(child, version, depth + 1);
  }
}

/** True if two stored values are the same. */
export function sameValue(a: StoredValue, b: StoredValue): boolean {
  if (a.t !== b.t) {
    return false;
  }
  if (a.t !== "structure" || b.t !== "structure") {
    return a.v === b.v;
  }
  if (a.v.length !== b.v.length) {
    return false;
  }
  return a.v.every((child, index) => {
    const other = b.v[index];
    return other !== undefined && other.tag === child.tag && sameValue(child.value, other.value);
  });
}

/** The value of a field of a stored structure, or null. */
export function fieldOf(stored: StoredValue, tag: number): StoredValue | null {
  if (stored.t !== "structure") {
    return null;
  }
  return stored.v.find((child) => child.tag === tag)?.value ?? null;
}
