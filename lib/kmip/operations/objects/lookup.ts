/** How operations find the objects that requests name, and change them. */

import { isArchived, isDestroyed, stateAt } from "../../attributes/lifecycle";
import { KeyStoreError, type ManagedObject, type ManagedObjectChange } from "../../ports";
import { ObjectType } from "../../protocol/enumerations";
import { objectArchived, objectDestroyed, objectNotFound } from "../../protocol/errors";
import { isSecondMajor } from "../../protocol/versions";
import type { OperationContext } from "../context";

const MAX_ATTEMPTS = 3;
/** Longer ones are nobody's, and have no place in an audit record. */
const MAX_IDENTIFIER_LENGTH = 255;

const noSuchObject = () => objectNotFound("No object with this Unique Identifier exists");

/** The identifier that a request names, or the ID Placeholder. @throws KmipError Item Not Found */
export function identifierOf(context: OperationContext, given: string | undefined): string {
  const identifier = given ?? context.idPlaceholder;
  if (identifier === null) {
    throw objectNotFound("No Unique Identifier given, and the ID Placeholder is empty");
  }
  context.subjects = [identifier.slice(0, MAX_IDENTIFIER_LENGTH)];
  if (identifier.length > MAX_IDENTIFIER_LENGTH) {
    throw noSuchObject();
  }
  return identifier;
}

/** The object of an identifier, on-line or archived. @throws KmipError Item Not Found */
export async function findStored(context: OperationContext, identifier: string): Promise<ManagedObject> {
  const object = await context.store.find(context.tenant, identifier);
  if (object === null || !isKnownObject(context, object)) {
    throw noSuchObject();
  }
  return object;
}

/** False for templates that are destroyed, of which nothing is left (4.21), and to clients that know no templates. */
export function isKnownObject({ now, version }: OperationContext, object: ManagedObject): boolean {
  if (object.objectType !== ObjectType.Template) {
    return true;
  }
  return !isSecondMajor(version) && !isDestroyed(stateAt(object, now));
}

/** The on-line object of an identifier. @throws KmipError Item Not Found, Object Archived (11) */
export async function findObject(context: OperationContext, identifier: string): Promise<ManagedObject> {
  const object = await findStored(context, identifier);
  if (isArchived(object)) {
    throw objectArchived("The object is archived");
  }
  return object;
}

export type ChangeOptions = {
  /** Default: update, which leaves the material as it is. */
  readonly write?: "update" | "destroy";
  /** Default: `findObject`. */
  readonly find?: (context: OperationContext, identifier: string) => Promise<ManagedObject>;
};

/**
 * Reads an object, has `decide` make a change of it, and writes that, up to three times if others change the
 * object meanwhile.
 *
 * @returns what `decide` made besides the change
 * @throws KmipError General Failure if others kept changing it
 */
export async function changeObject<T extends { readonly change: ManagedObjectChange }>(
  context: OperationContext,
  identifier: string,
  decide: (object: ManagedObject) => T | Promise<T>,
  { write = "update", find = findObject }: ChangeOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const decision = await decide(await find(context, identifier));
    try {
      await context.store[write](context.tenant, identifier, decision.change);
      return decision;
    } catch (error) {
      const conflict = error instanceof KeyStoreError && error.failure === "conflict";
      if (!conflict || attempt === MAX_ATTEMPTS) {
        throw error;
      }
    }
  }
}

/**
 * Finds an on-line object and reads of it, anew if others replace it meanwhile: what was judged of the one is not true
 * of the other.
 *
 * @throws KmipError Item Not Found, Object Archived; General Failure if others kept replacing it
 */
export async function readObject<T>(
  context: OperationContext,
  identifier: string,
  read: (object: ManagedObject) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read(await findObject(context, identifier));
    } catch (error) {
      const conflict = error instanceof KeyStoreError && error.failure === "conflict";
      if (!conflict || attempt === MAX_ATTEMPTS) {
        throw error;
      }
    }
  }
}

/** Refuses an object whose material no longer exists. @throws KmipError Illegal Operation (2.x: Object Destroyed) */
export function refuseDestroyed(object: ManagedObject, now: Date): void {
  if (isDestroyed(stateAt(object, now))) {
    throw objectDestroyed("The object has been destroyed");
  }
}
