/**
 * The way of an object's material out of the store: what forbids it, and what it leaves behind.
 */

import { changeOf, destruction, isDestroyed, stateAt, withAttribute } from "../../attributes/lifecycle";
import { isSet } from "../../attributes/view";
import { KeyStoreError, type ManagedObject } from "../../ports";
import { State } from "../../protocol/enumerations";
import { FAILURES, KmipError, permissionDenied } from "../../protocol/errors";
import type { OperationContext } from "../context";
import { refuseDestroyed } from "./lookup";

/**
 * Everything that forbids handing out the material.
 *
 * @param wrapped true if it leaves only wrapped: then it may be sensitive
 * @throws KmipError
 */
export function refuseUnserved(context: OperationContext, object: ManagedObject, wrapped = false): void {
  const { now } = context;
  refuseDestroyed(object, now);
  if (!object.served) {
    throw permissionDenied("The key has been revoked by the key owner");
  }
  if (stateAt(object, now) === State.Compromised && !context.tenant.policy.serveCompromised) {
    throw permissionDenied("The key is compromised");
  }
  // 3.48, 3.50
  if (!wrapped && isSet(object, "Sensitive", now)) {
    throw new KmipError(FAILURES.sensitive, "The key is sensitive: it is served only wrapped");
  }
  if (!isSet(object, "Extractable", now)) {
    throw new KmipError(FAILURES.notExtractable, "The key is not extractable");
  }
}

/** The material in plaintext, which the caller zeroes. @throws KeyStoreError */
export async function readMaterial(context: OperationContext, object: ManagedObject): Promise<Uint8Array> {
  try {
    return await context.store.readMaterial(context.tenant, object);
  } catch (error) {
    if (error instanceof KeyStoreError && error.failure === "gone") {
      await markDestroyed(context, object);
    }
    throw error;
  }
}

/** The key manager has no material any more: the object is destroyed, whoever did it. */
async function markDestroyed(context: OperationContext, object: ManagedObject): Promise<void> {
  try {
    const current = await context.store.find(context.tenant, object.uniqueIdentifier);
    if (current === null || isDestroyed(stateAt(current, context.now))) {
      return;
    }
    const change = destruction(current, context.now);
    await context.store.update(context.tenant, object.uniqueIdentifier, change);
  } catch (error) {
    context.logger.warn(
      { err: error, uniqueIdentifier: object.uniqueIdentifier },
      "An object whose material is gone could not be marked as destroyed",
    );
  }
}

/**
 * Fresh turns false with the first Get (3.34). The key matters more than the mark: a failure to set it is logged.
 */
export async function markServed(context: OperationContext, object: ManagedObject): Promise<void> {
  if (object.attributes.Fresh?.[0]?.v.v !== true) {
    return;
  }
  const attributes = withAttribute(object.attributes, "Fresh", { t: "boolean", v: false });
  const { "Last Change Date": before } = object.attributes;
  const change = changeOf(object, context.now, object.state as State, attributes);
  // Being served is no change of the object (Table 136 does not name Get).
  const unchanged =
    before === undefined ? change.attributes : { ...change.attributes, "Last Change Date": before };
  try {
    await context.store.update(context.tenant, object.uniqueIdentifier, {
      ...change,
      attributes: unchanged,
      incidental: true,
    });
  } catch (error) {
    if (error instanceof KeyStoreError && error.failure === "conflict") {
      return;
    }
    context.logger.warn(
      { err: error, uniqueIdentifier: object.uniqueIdentifier },
      "A served object could not be marked as no longer fresh",
    );
  }
}
