/**
 * The Digest of secret data and opaque objects (KMIP 3.17). Their values may be few enough to be guessed, so that it
 * is never kept: it is made when it is asked for, and only for those who could have the object itself.
 */

import { isDestroyed, stateAt, withAttribute } from "../../attributes/lifecycle";
import type { ManagedObject, StoredValue } from "../../ports";
import { ObjectType } from "../../protocol/enumerations";
import { KmipError } from "../../protocol/errors";
import { wipe } from "../../ttlv/wipe";
import type { OperationContext } from "../context";
import { wrappingOf } from "./key-wrapping-data";
import { digestOf, formatOf } from "./object-items";
import { readMaterial, refuseUnserved } from "./serving";

/** Types of objects whose Digest is not kept. */
const COMPUTED: ReadonlySet<number> = new Set([ObjectType.SecretData, ObjectType.OpaqueObject]);

/** True if the object's Digest has to be computed and may be told to the client. */
export function hasComputedDigest(context: OperationContext, object: ManagedObject): boolean {
  if (!COMPUTED.has(object.objectType) || isDestroyed(stateAt(object, context.now))) {
    return false;
  }
  // The digest is that of the Key Material, which the server does not have of what came wrapped.
  if (wrappingOf(object.attributes) !== null) {
    return false;
  }
  try {
    refuseUnserved(context, object);
    return true;
  } catch (error) {
    if (error instanceof KmipError) {
      return false;
    }
    throw error;
  }
}

async function computeDigest(context: OperationContext, object: ManagedObject): Promise<StoredValue> {
  const material = await readMaterial(context, object);
  try {
    return digestOf(material, formatOf(object.objectType, object.attributes));
  } finally {
    wipe(material);
  }
}

/** The object, with its Digest if that `hasComputedDigest`. @throws KeyStoreError */
export async function withComputedDigest(
  context: OperationContext,
  object: ManagedObject,
): Promise<ManagedObject> {
  if (!hasComputedDigest(context, object)) {
    return object;
  }
  const digest = await computeDigest(context, object);
  return { ...object, attributes: withAttribute(object.attributes, "Digest", digest) };
}
