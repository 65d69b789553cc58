/**
 * What the operations that make objects have in common: their first attributes, and keeping them.
 */

import { stateAt, toSeconds } from "../../attributes/lifecycle";
import { termsOf } from "../../attributes/terms";
import { numberOf } from "../../attributes/view";
import type { RequestedAttributes } from "../../attributes/wire";
import {
  KeyStoreError,
  type NewManagedObject,
  type StoredAttribute,
  type StoredAttributes,
  type StoredValue,
} from "../../ports";
import { KeyFormatType, ObjectType, State } from "../../protocol/enumerations";
import { attributeSingleValued, nonUniqueName } from "../../protocol/errors";
import type { OperationContext } from "../context";
import {
  checkApplicationData,
  checkDateOrder,
  checkQuantumSafe,
  checkRotation,
  checkSize,
  isNameTaken,
  normalValue,
} from "./attribute-changes";
import { wrappingOf } from "./key-wrapping-data";
import { digestOf, formatOf } from "./object-items";

/** Attributes that the server sets on an object besides those that were asked for. */
export type ServerAttributes = { readonly [name: string]: StoredValue };

/**
 * The attributes of a new object: those asked for, checked, and those that the server sets.
 *
 * @param own what the operation adds; it takes the place of what was asked for
 * @param written names of the attributes that the client gave, if not all of `requested`
 * @throws KmipError Invalid Field, Application Namespace Not Supported, Index Out of Bounds
 */
export async function initialAttributes(
  context: OperationContext,
  requested: RequestedAttributes,
  own: ServerAttributes,
  written: { has(name: string): boolean } = requested,
): Promise<StoredAttributes> {
  const attributes: { [name: string]: readonly StoredAttribute[] } = {};
  const set = (name: string, v: StoredValue) => {
    attributes[name] = [{ i: 0, v }];
  };
  for (const [name, instances] of requested) {
    for (const { v } of instances) {
      checkApplicationData(name, v);
      checkRotation(name, v);
    }
    attributes[name] = instances.map(({ i, v }) => ({ i, v: normalValue(name, v) }));
  }
  set("Fresh", { t: "boolean", v: true });
  set("Last Change Date", { t: "dateTime", v: toSeconds(context.now) });
  // 3.49, 3.51
  if (requested.get("Sensitive")?.[0]?.v.v === true) {
    set("Always Sensitive", { t: "boolean", v: true });
  }
  if (requested.get("Extractable")?.[0]?.v.v === false) {
    set("Never Extractable", { t: "boolean", v: true });
  }
  for (const [name, v] of Object.entries(own)) {
    set(name, v);
  }
  if ((attributes["Random Number Generator"]?.length ?? 0) > 1) {
    throw attributeSingleValued("The object came from one Random Number Generator");
  }
  checkDateOrder(attributes, written);
  checkQuantumSafe(attributes);
  checkSize(context, attributes);
  await checkNames(context, requested, null);
  return attributes;
}

/** Refuses Names that other objects have. @throws KmipError */
export async function checkNames(
  context: OperationContext,
  requested: RequestedAttributes,
  except: string | null,
): Promise<void> {
  for (const { v } of requested.get("Name") ?? []) {
    if (await isNameTaken(context, v, except)) {
      throw nonUniqueName("Another object has this Name");
    }
  }
}

/** Digests of a key in its own format, and in the usual one where that is another (2.1: 4.21). */
export function digestsOf(material: Uint8Array, attributes: StoredAttributes): readonly StoredAttribute[] {
  const own = formatOf(ObjectType.SymmetricKey, attributes);
  // Of what is opaque, nobody here knows where in it the key is.
  const formats = own === KeyFormatType.Opaque ? [own] : new Set([own, KeyFormatType.Raw]);
  return [...formats].map((format, i) => ({ i, v: digestOf(material, format) }));
}

/** A new object, ready to be kept. */
export type NewObject = {
  readonly objectType: number;
  readonly attributes: StoredAttributes;
  /** The caller keeps ownership, and zeroes it. */
  readonly material: Uint8Array;
};

/**
 * Keeps a new object under a new identifier, which becomes the ID Placeholder. Keys get their Digest; that of other
 * objects, whose values may be few enough to be guessed, is not kept.
 *
 * @returns the Unique Identifier
 * @throws KmipError Invalid Field for a Name that is taken; KeyStoreError
 */
export async function keepObject(
  context: OperationContext,
  { objectType, attributes, material }: NewObject,
): Promise<string> {
  const uniqueIdentifier = context.random.uuid();
  context.subjects = [uniqueIdentifier];
  const digested = objectType === ObjectType.SymmetricKey && wrappingOf(attributes) === null;
  const kept = digested ? { ...attributes, Digest: digestsOf(material, attributes) } : attributes;
  const state = stateAt({ state: State.PreActive, attributes: kept }, context.now);
  const object = managedObject(uniqueIdentifier, objectType, state, kept);
  await refusingNames(() => context.store.create(context.tenant, object, material));
  context.idPlaceholder = uniqueIdentifier;
  return uniqueIdentifier;
}

/** What the store is given of an object. */
export const managedObject = (
  uniqueIdentifier: string,
  objectType: number,
  state: number,
  attributes: StoredAttributes,
): NewManagedObject => ({
  uniqueIdentifier,
  objectType,
  state,
  attributes,
  terms: termsOf(attributes),
  cryptographicAlgorithm: numberOf(attributes, "Cryptographic Algorithm"),
  cryptographicLength: numberOf(attributes, "Cryptographic Length"),
  cryptographicUsageMask: numberOf(attributes, "Cryptographic Usage Mask"),
});

/** Has the store keep an object. @throws KmipError for a Name that is taken; KeyStoreError */
export async function refusingNames<T>(keep: () => Promise<T>): Promise<T> {
  try {
    return await keep();
  } catch (error) {
    if (error instanceof KeyStoreError && error.failure === "duplicate") {
      throw nonUniqueName("Another object has this Name", { cause: error });
    }
    throw error;
  }
}
