/**
 * What Create, Add Attribute and Modify Attribute have in common: rules on attributes that no table can hold.
 */

import { dateOf, isDestroyed, stateAt, toSeconds } from "../../attributes/lifecycle";
import type { AttributeRule, ClientMay } from "../../attributes/rules";
import { termOf } from "../../attributes/terms";
import { fieldOf, sameValue } from "../../attributes/values";
import { numberOf } from "../../attributes/view";
import type { ManagedObject, StoredAttributes, StoredValue } from "../../ports";
import { State } from "../../protocol/enumerations";
import {
  FAILURES,
  featureNotSupported,
  invalidAttributeValue,
  KmipError,
  limitExceeded,
} from "../../protocol/errors";
import { Tag } from "../../protocol/tags";
import type { OperationContext } from "../context";
import { isQuantumSafe } from "./material";

/** The states of objects that still have their material. */
export const LIVING_STATES: readonly number[] = [
  State.PreActive,
  State.Active,
  State.Deactivated,
  State.Compromised,
];

/** True if the life cycle of the object lets a client change an attribute (3.24 to 3.27). */
export function lifecycleAllows(
  may: ClientMay,
  rule: AttributeRule,
  object: ManagedObject,
  now: Date,
): boolean {
  const state = stateAt(object, now);
  const live = state === State.PreActive || state === State.Active;
  const held = dateOf(object.attributes, rule.name);
  switch (may) {
    case "always":
      return true;
    case "never":
      return false;
    case "pre-active":
      return state === State.PreActive;
    case "until-deactivated":
      return live;
    case "until-used":
      return isUnused(object.attributes["Usage Limits"]?.[0]?.v);
    case "until-reached":
      return live && (held === null || held > toSeconds(now));
  }
}

/** True for Usage Limits of which nothing has been allocated (3.21). */
function isUnused(limits: StoredValue | undefined): boolean {
  if (limits === undefined) {
    return true;
  }
  return fieldOf(limits, Tag.UsageLimitsCount)?.v === fieldOf(limits, Tag.UsageLimitsTotal)?.v;
}

/** Which date may not come before which (3.25 to 3.27); those of processing and of protection are independent. */
const ORDERED_DATES = [
  ["Activation Date", "Process Start Date"],
  ["Activation Date", "Deactivation Date"],
  ["Protect Stop Date", "Deactivation Date"],
] as const;

/**
 * Refuses dates that come in the wrong order. Those that are not written anew are left as they are: Activate and Revoke
 * set dates whatever the others say.
 *
 * @throws KmipError Invalid Field
 */
export function checkDateOrder(attributes: StoredAttributes, written: { has(name: string): boolean }): void {
  for (const [earlier, later] of ORDERED_DATES) {
    if (!written.has(earlier) && !written.has(later)) {
      continue;
    }
    const first = dateOf(attributes, earlier);
    const second = dateOf(attributes, later);
    if (first !== null && second !== null && second < first) {
      throw invalidAttributeValue(`${later} is before ${earlier}`);
    }
  }
}

/**
 * Refuses Application Specific Information without data, which the server would have to make up (3.36).
 *
 * @throws KmipError Application Namespace Not Supported
 */
export function checkApplicationData(name: string, value: StoredValue): void {
  if (name !== "Application Specific Information") {
    return;
  }
  if (fieldOf(value, Tag.ApplicationData) === null) {
    throw new KmipError(
      FAILURES.applicationNamespaceNotSupported,
      "Application Data cannot be generated for this Application Namespace",
    );
  }
}

/**
 * Refuses Rotate Automatic: this server replaces no keys of its own accord (2.1: 4.48).
 *
 * @throws KmipError Feature Not Supported
 */
export function checkRotation(name: string, value: StoredValue): void {
  if (name !== "Rotate Automatic" || value.v !== true) {
    return;
  }
  throw featureNotSupported("Keys are not rotated automatically");
}

/**
 * Refuses a key that has to be Quantum Safe (2.1: 4.45) and is not, as far as algorithm and length tell. Of what they do
 * not tell, such as a password, the client is the judge.
 *
 * @throws KmipError General Failure
 */
export function checkQuantumSafe(attributes: StoredAttributes): void {
  if (attributes["Quantum Safe"]?.[0]?.v.v !== true) {
    return;
  }
  const algorithm = numberOf(attributes, "Cryptographic Algorithm");
  const length = numberOf(attributes, "Cryptographic Length") ?? 0;
  if (algorithm !== null && !isQuantumSafe(algorithm, length)) {
    throw new KmipError(FAILURES.notQuantumSafe, "A key of this algorithm and length is not Quantum Safe");
  }
}

/** Refuses more, or larger, attributes than an object may have. @throws KmipError Index Out of Bounds, Invalid Field */
export function checkSize(context: OperationContext, attributes: StoredAttributes): void {
  const count = Object.values(attributes).reduce((sum, instances) => sum + instances.length, 0);
  if (count > context.limits.maxAttributeInstances) {
    throw new KmipError(FAILURES.tooManyAttributes, "The object has too many attributes");
  }
  if (JSON.stringify(attributes).length > context.limits.maxAttributeBytes) {
    throw limitExceeded("The attributes of the object are too large");
  }
}

/** Usage Limits as kept: the client's Count is ignored, it starts at Total (3.21). */
export function normalValue(name: string, value: StoredValue): StoredValue {
  if (name !== "Usage Limits" || value.t !== "structure") {
    return value;
  }
  const total = fieldOf(value, Tag.UsageLimitsTotal);
  const unit = fieldOf(value, Tag.UsageLimitsUnit);
  if (total === null || unit === null) {
    return value;
  }
  if (total.t === "longInteger" && BigInt(total.v) < 0n) {
    throw invalidAttributeValue("Usage Limits Total is negative");
  }
  return {
    t: "structure",
    v: [
      { tag: Tag.UsageLimitsTotal, value: total },
      { tag: Tag.UsageLimitsCount, value: total },
      { tag: Tag.UsageLimitsUnit, value: unit },
    ],
  };
}

/** True if another living object of the instance has this Name (3.2), and the instance wants them unique. */
export async function isNameTaken(
  context: OperationContext,
  name: StoredValue,
  except: string | null,
): Promise<boolean> {
  const term = termOf("Name", name);
  if (term === null || context.tenant.policy.sharedNames === true) {
    return false;
  }
  for await (const object of context.store.search(context.tenant, { states: LIVING_STATES, terms: [term] })) {
    if (object.uniqueIdentifier === except || isDestroyed(stateAt(object, context.now))) {
      continue;
    }
    if (object.attributes.Name?.some(({ v }) => sameValue(v, name))) {
      return true;
    }
  }
  return false;
}
