/**
 * Locate's comparison of attributes with those of a candidate (KMIP 4.9).
 */

import type { ManagedObject, StoredValue } from "../ports";
import { invalidAttributeValue } from "../protocol/errors";
import { Tag } from "../protocol/tags";
import type { KmipVersion } from "../protocol/versions";
import { ItemType } from "../ttlv/item";
import type { IncomingAttribute } from "./incoming";
import { fieldOf, sameValue, storedFromItem, UNDEFINED_DATE } from "./values";
import { instancesOf } from "./view";

/** One condition on a candidate. */
export type Condition = {
  readonly name: string;
  /** The value asked for, where there is one and it is not part of a range. */
  readonly value: StoredValue | null;
  /** Bounds of a date, in POSIX seconds. */
  readonly range: { readonly from: number; readonly to: number } | null;
  matches(object: ManagedObject, now: Date): boolean;
};

/** Makes the conditions of a Locate out of its attributes. @throws KmipError Invalid Field */
export function conditionsOf(attributes: readonly IncomingAttribute[], version: KmipVersion): Condition[] {
  const dates = new Map<string, bigint[]>();
  const conditions: Condition[] = [];
  for (const { name, rule, item } of attributes) {
    if (rule !== null && item.type === ItemType.DateTime) {
      dates.set(name, [...(dates.get(name) ?? []), item.value]);
    } else {
      conditions.push(valueCondition(name, storedFromItem(item), version));
    }
  }
  for (const [name, bounds] of dates) {
    conditions.push(dateCondition(name, bounds, version));
  }
  return conditions;
}

function valueCondition(name: string, value: StoredValue, version: KmipVersion): Condition {
  return {
    name,
    value,
    range: null,
    matches: (object, now) =>
      instancesOf(object, name, now, version).some(({ v }) => compare(name, value, v)),
  };
}

function compare(name: string, asked: StoredValue, candidate: StoredValue): boolean {
  // All bits asked for are set.
  if (name === "Cryptographic Usage Mask" && asked.t === "integer" && candidate.t === "integer") {
    return (asked.v & candidate.v) === asked.v;
  }
  if (name === "Usage Limits") {
    return atLeast(asked, candidate);
  }
  if (asked.t === "structure" && candidate.t === "structure") {
    // Fields that are not given match anything.
    const held = candidate.v;
    return asked.v.every(({ tag, value }) =>
      held.some((field) => field.tag === tag && sameValue(field.value, value)),
    );
  }
  return sameValue(asked, candidate);
}

function atLeast(asked: StoredValue, candidate: StoredValue): boolean {
  if (asked.t !== "structure") {
    return false;
  }
  return asked.v.every(({ tag, value }) => {
    const other = fieldOf(candidate, tag);
    if (other === null) {
      return false;
    }
    const counted = tag === Tag.UsageLimitsTotal || tag === Tag.UsageLimitsCount;
    return counted ? BigInt(String(other.v)) >= BigInt(String(value.v)) : sameValue(value, other);
  });
}

/** One date: equal, or undefined if it is the largest possible; two: a range, bounds included. */
function dateCondition(name: string, bounds: readonly bigint[], version: KmipVersion): Condition {
  if (bounds.length > 2) {
    throw invalidAttributeValue(`${name} appears more than twice`);
  }
  const [first, second] = [...bounds].sort((a, b) => (a < b ? -1 : 1));
  if (first === undefined) {
    throw invalidAttributeValue(`${name} is missing`);
  }
  if (first === UNDEFINED_DATE) {
    return {
      name,
      value: null,
      range: null,
      matches: (object, now) => instancesOf(object, name, now, version).length === 0,
    };
  }
  const from = Number(first);
  const to = Number(second ?? first);
  return {
    name,
    value: null,
    range: { from, to },
    matches: (object, now) =>
      instancesOf(object, name, now, version).some(({ v }) => v.t === "dateTime" && from <= v.v && v.v <= to),
  };
}
