/**
 * What Add, Modify, Set and Adjust Attribute have in common: who may write an attribute when, and what else changes.
 */
import type { IncomingAttribute } from "../../attributes/incoming";
import { changeOf, stateAt, withAttribute } from "../../attributes/lifecycle";
import { appliesTo } from "../../attributes/rules";
import { sameValue, storedFromItem } from "../../attributes/values";
import { isClientVendorName } from "../../attributes/vendor-names";
import { instancesOf, isSet } from "../../attributes/view";
import type { ManagedObject, StoredAttribute, StoredValue } from "../../ports";
import {
  attributeSingleValued,
  invalidAttribute,
  type KmipError,
  nonUniqueName,
  readOnlyAttribute,
  repeatedAttributeValue,
  wrongState,
} from "../../protocol/errors";
import type { OperationContext } from "../context";
import {
  checkApplicationData,
  checkDateOrder,
  checkQuantumSafe,
  checkRotation,
  checkSize,
  isNameTaken,
  lifecycleAllows,
  normalValue,
} from "./attribute-changes";
import { changeObject } from "./lookup";

/** An attribute, by its name in the store and its rule. */
export type Attribute = Pick<IncomingAttribute, "name" | "rule">;

/** All instances of an attribute as they are to be, and the one that was written. */
export type Written = {
  readonly instances: readonly StoredAttribute[];
  readonly written: StoredAttribute;
};

/** The value of an attribute that a client sent, as it is kept. @throws KmipError */
export function valueToKeep({ name, item }: IncomingAttribute): StoredValue {
  const value = normalValue(name, storedFromItem(item));
  checkApplicationData(name, value);
  checkRotation(name, value);
  return value;
}

/**
 * Writes one instance of an attribute of an object.
 *
 * @param decide makes the instances anew out of those that the object has
 * @returns the instance that was written
 * @throws KmipError
 */
export async function writeAttribute(
  context: OperationContext,
  identifier: string,
  { name }: Attribute,
  decide: (present: readonly StoredAttribute[], object: ManagedObject) => Written,
): Promise<StoredAttribute> {
  const { now, version } = context;
  const done = await changeObject(context, identifier, async (object) => {
    const { instances, written } = decide(instancesOf(object, name, now, version), object);
    if (name === "Name" && (await isNameTaken(context, written.v, identifier))) {
      throw nonUniqueName("Another object has this Name");
    }
    const changed = { ...object.attributes, [name]: instances };
    const derived = derivedFrom(object, name, written.v, now);
    const attributes = derived === null ? changed : withAttribute(changed, derived.name, derived.value);
    checkDateOrder(attributes, new Set([name]));
    checkQuantumSafe(attributes);
    checkSize(context, attributes);
    const state = stateAt({ state: object.state, attributes }, now);
    return { written, change: changeOf(object, now, state, attributes) };
  });
  return done.written;
}

const POLICY = "Operation Policy Name";

/** One instance more. @throws KmipError as 11.15 says (2.1: Table 169) */
export function addInstance(
  { name, rule }: Attribute,
  object: ManagedObject,
  context: OperationContext,
  value: StoredValue,
): Written {
  if (rule === null ? !isClientVendorName(name) : rule.client !== "add" && !isLate(rule.client)) {
    // Sensitive and Extractable always have a value, which clients may change: nothing is read-only about them.
    if (rule?.modify === "always") {
      throw attributeSingleValued(`${name} already exists`);
    }
    throw readOnlyAttribute(`${name} is read-only`);
  }
  if (!appliesTo(name, object.objectType, context.version)) {
    throw invalidAttribute(`${name} does not apply to objects of this type`);
  }
  const present = object.attributes[name] ?? [];
  // Every object of 1.x has a policy (3.18): to add one is to name it.
  if (name === POLICY) {
    return { instances: [{ i: 0, v: value }], written: { i: 0, v: value } };
  }
  if (rule !== null && rule.multiple !== true && present.length > 0) {
    throw attributeSingleValued(`${name} already exists`);
  }
  if (rule !== null && rule.modify !== "never" && !lifecycleAllows(rule.modify, rule, object, context.now)) {
    throw wrongState(`${name} cannot be set in the state of the object`);
  }
  if (present.some(({ v }) => sameValue(v, value))) {
    throw repeated(name);
  }
  const written = { i: present.reduce((next, { i }) => Math.max(next, i + 1), 0), v: value };
  return { instances: [...present, written], written };
}

/** 2.x has a reason of its own for Names that are not unique, those of the object itself among them (2.1: Table 169). */
function repeated(name: string): KmipError {
  const message = `${name} already has this value`;
  return name === "Name" ? nonUniqueName(message) : repeatedAttributeValue(message);
}

/** Attributes that belong to an object that the client supplied may also come later (3.43, 3.44). */
const isLate = (client: string | undefined): boolean => client === "register";

/** One instance, `written`, in the place of that of its index. @throws KmipError as 11.16 says (2.1: Table 267) */
export function replaceInstance(
  { name, rule }: Attribute,
  object: ManagedObject,
  { now }: Pick<OperationContext, "now">,
  { present, written }: { readonly present: readonly StoredAttribute[]; readonly written: StoredAttribute },
): Written {
  if (rule === null ? !isClientVendorName(name) : rule.modify === "never") {
    throw readOnlyAttribute(`${name} is read-only`);
  }
  if (rule !== null && !lifecycleAllows(rule.modify, rule, object, now)) {
    throw wrongState(`${name} cannot be changed in the state of the object`);
  }
  if (present.some(({ i, v }) => i !== written.i && sameValue(v, written.v))) {
    throw repeated(name);
  }
  return { instances: present.map((instance) => (instance.i === written.i ? written : instance)), written };
}

/** Always Sensitive and Never Extractable follow what they watch, and never turn back (3.49, 3.51). */
function derivedFrom(
  object: ManagedObject,
  name: string,
  value: StoredValue,
  now: Date,
): { readonly name: string; readonly value: StoredValue } | null {
  if (name === "Sensitive") {
    const still = value.v === true && isSet(object, "Always Sensitive", now);
    return { name: "Always Sensitive", value: { t: "boolean", v: still } };
  }
  if (name === "Extractable") {
    const still = value.v === false && isSet(object, "Never Extractable", now);
    return { name: "Never Extractable", value: { t: "boolean", v: still } };
  }
  return null;
}
