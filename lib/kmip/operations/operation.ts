/**
 * What an operation is to the engine: a code, the versions that have it, and a handler.
 */

import { isArchived, isDestroyed, stateAt } from "../attributes/lifecycle";
import type { EngineLimits, ServerIdentity } from "../engine/engine";
import {
  type EngineLogger,
  KeyStoreError,
  type ManagedObject,
  type ManagedObjectChange,
  type ObjectStore,
  type RandomSource,
  type Tenant,
} from "../ports";
import { ObjectType } from "../protocol/enumerations";
import {
  internalError,
  KmipError,
  nonUniqueName,
  objectAlreadyExists,
  objectArchived,
  objectDestroyed,
  objectNotFound,
  permissionDenied,
} from "../protocol/errors";
import type { ReadContext } from "../protocol/fields";
import { isSecondMajor, type KmipVersion } from "../protocol/versions";
import type { Item, StructureItem } from "../ttlv/item";
import type { OutstandingOperations } from "./outstanding";

/** What a handler works with: who asks, in which version, when, and the ports. */
export type OperationContext = ReadContext & {
  readonly tenant: Tenant;
  readonly now: Date;
  readonly store: ObjectStore;
  readonly outstanding: OutstandingOperations;
  readonly random: RandomSource;
  readonly logger: EngineLogger;
  readonly limits: EngineLimits;
  readonly identity: ServerIdentity;
  /** True in a batch that may be undone (6.13): then nothing but `store` may change. */
  readonly undoable: boolean;
  /** What Query and Discover Versions answer. */
  readonly operations: OperationRegistry;
  /** The ID Placeholder of the batch (section 4). */
  idPlaceholder: string | null;
  /** The objects that the operation is about, for the audit even when it fails. */
  subjects: string[];
};

/** What an operation did. */
export type OperationResult = {
  /** The fields of the Response Payload. */
  readonly payload: readonly Item[];
  /** True if something was changed. */
  readonly changed?: boolean;
  /** Key material in `payload`, to be zeroed once it is encoded. */
  readonly material?: Uint8Array;
  /** Other bytes of `payload` that are nobody else's business (plaintext, random numbers), zeroed as well. */
  readonly confidential?: Uint8Array;
  /** Called if the answer cannot be given after all. */
  readonly withheld?: () => void;
  /** Facts for the audit; never values of secret kind. */
  readonly data?: { readonly [key: string]: string | number | boolean | readonly string[] };
};

export type OperationDefinition = {
  /** Operation enumeration. */
  readonly code: number;
  readonly since: KmipVersion;
  /** Carries the operation out. @throws KmipError, KeyStoreError */
  handle(context: OperationContext, payload: StructureItem): OperationResult | Promise<OperationResult>;
};

export type OperationRegistry = ReadonlyMap<number, OperationDefinition>;

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
  write: "update" | "destroy" = "update",
  find = findObject,
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

/** Any error as a KmipError: faults without a name tell the client nothing and the operator everything. */
export function toKmipError(error: unknown): KmipError {
  if (error instanceof KmipError) {
    return error;
  }
  if (error instanceof KeyStoreError) {
    const options = { detail: error.message, cause: error };
    switch (error.failure) {
      case "gone":
        return objectDestroyed("The object has been destroyed", { detail: error.message });
      case "refused":
        return permissionDenied("The key manager refuses the use of this key", options);
      case "unavailable":
        return internalError("The key manager cannot be reached", options);
      case "duplicate":
        return nonUniqueName("Another object has this Name", options);
      case "exists":
        return objectAlreadyExists("An object with this Unique Identifier exists", options);
      case "conflict":
        return internalError("The object was changed by others at the same time", options);
    }
  }
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return internalError("The server failed to carry out the operation", { detail, cause: error });
}
