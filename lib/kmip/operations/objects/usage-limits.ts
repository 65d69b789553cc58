/**
 * Usage Limits (KMIP 3.21): how much more an object may protect, and taking a share of it.
 */

import { changeOf, stateAt, withAttribute } from "../../attributes/lifecycle";
import { fieldOf } from "../../attributes/values";
import type { ManagedObject, StoredAttributes, StoredValue } from "../../ports";
import { UsageLimitsUnit } from "../../protocol/enumerations";
import { usageLimitExceeded } from "../../protocol/errors";
import { Tag } from "../../protocol/tags";
import type { OperationContext } from "../context";
import { changeObject } from "./lookup";

export type UsageLimits = {
  readonly total: StoredValue;
  /** Units that are left. */
  readonly count: bigint;
  /** Usage Limits Unit enumeration. */
  readonly unit: StoredValue;
};

/** The Usage Limits of an object, or null if it may be used without limit. */
export function usageLimitsOf(attributes: StoredAttributes): UsageLimits | null {
  const value = attributes["Usage Limits"]?.[0]?.v;
  if (value === undefined) {
    return null;
  }
  const total = fieldOf(value, Tag.UsageLimitsTotal);
  const count = fieldOf(value, Tag.UsageLimitsCount);
  const unit = fieldOf(value, Tag.UsageLimitsUnit);
  if (total === null || count === null || unit === null) {
    return null;
  }
  return { total, count: BigInt(String(count.v)), unit };
}

/** The attributes after a share has been taken. @throws KmipError Permission Denied */
export function withShareTaken(
  attributes: StoredAttributes,
  limits: UsageLimits,
  units: bigint,
): StoredAttributes {
  if (units > limits.count) {
    throw usageLimitExceeded("The usage limit of the object does not allow this");
  }
  return withAttribute(attributes, "Usage Limits", {
    t: "structure",
    v: [
      { tag: Tag.UsageLimitsTotal, value: limits.total },
      { tag: Tag.UsageLimitsCount, value: { t: "longInteger", v: String(limits.count - units) } },
      { tag: Tag.UsageLimitsUnit, value: limits.unit },
    ],
  });
}

/**
 * Takes what one operation needs from the object's Usage Limits, before it is carried out (4.29).
 *
 * @param use bytes to protect, and whether the operation itself was counted with an earlier part
 * @param refuse what forbids the use of the object, asked again whenever others changed it
 * @throws KmipError Permission Denied
 */
export async function allocateFor(
  context: OperationContext,
  object: ManagedObject,
  { length, continued }: { readonly length: number; readonly continued: boolean },
  refuse: (object: ManagedObject) => void,
): Promise<void> {
  const unit = usageLimitsOf(object.attributes)?.unit.v;
  if (unit === undefined || (continued && unit !== UsageLimitsUnit.Byte)) {
    return;
  }
  await changeObject(context, object.uniqueIdentifier, (current) => {
    refuse(current);
    const limits = usageLimitsOf(current.attributes);
    const units = limits?.unit.v === UsageLimitsUnit.Byte ? BigInt(length) : 1n;
    const attributes =
      limits === null ? current.attributes : withShareTaken(current.attributes, limits, units);
    return { change: changeOf(current, context.now, stateAt(current, context.now), attributes) };
  });
}
