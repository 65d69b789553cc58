/**
 * The use of a key by the server itself (KMIP 3.19, 3.22, 3.25, 3.26): who may, and when.
 */

import { dateOf, stateAt, toSeconds } from "../../attributes/lifecycle";
import { numberOf } from "../../attributes/view";
import type { ManagedObject } from "../../ports";
import { CryptographicUsageMask, KeyFormatType, ObjectType, State } from "../../protocol/enumerations";
import {
  incompatibleUsageMask,
  permissionDenied,
  unsupportedParameters,
  wrongObjectType,
  wrongState,
} from "../../protocol/errors";
import { wipe } from "../../ttlv/wipe";
import type { OperationContext } from "../context";
import { wrappingOf } from "./key-wrapping-data";
import { isUsualLength } from "./material";
import { formatOf } from "./object-items";
import { readMaterial } from "./serving";
import { allocateFor } from "./usage-limits";

/** Applying protection (encrypting, wrapping, MACing), or processing what is protected. */
export type Purpose = "protect" | "process";

/**
 * Refuses the use of an object for a purpose, by its state and its dates.
 *
 * Deactivated keys process what they protected; compromised ones do if the instance serves those.
 *
 * @throws KmipError Permission Denied
 */
export function refuseUse(context: OperationContext, object: ManagedObject, purpose: Purpose): void {
  const { attributes, served } = object;
  const seconds = toSeconds(context.now);
  if (!served) {
    throw permissionDenied("The key has been revoked by the key owner");
  }
  const state = stateAt(object, context.now);
  const compromised = state === State.Compromised && context.tenant.policy.serveCompromised;
  const allowed =
    state === State.Active || (purpose === "process" && (state === State.Deactivated || compromised));
  if (!allowed) {
    throw wrongState("The key cannot be used like this in its state");
  }
  const start = dateOf(attributes, "Process Start Date");
  if (purpose === "process" && start !== null && seconds < start) {
    throw wrongState("The Process Start Date of the key has not come");
  }
  const stop = dateOf(attributes, "Protect Stop Date");
  if (purpose === "protect" && stop !== null && seconds > stop) {
    throw wrongState("The Protect Stop Date of the key has passed");
  }
}

/** True if a mask has one of the bits of a usage, or all usages (2.1: 12.1, Unrestricted). */
export const allowsUsage = (mask: number, usage: number): boolean =>
  (mask & (usage | CryptographicUsageMask.Unrestricted)) !== 0;

/** Refuses whatever is not a symmetric key with a bit of its usage mask set. @throws KmipError Permission Denied */
function refuseUsage(object: ManagedObject, usage: number): void {
  if (object.objectType !== ObjectType.SymmetricKey) {
    throw wrongObjectType("The object is not a symmetric key");
  }
  if (wrappingOf(object.attributes) !== null) {
    throw permissionDenied("The key is kept wrapped, as it came");
  }
  refuseUnusable(object);
  if (!allowsUsage(numberOf(object.attributes, "Cryptographic Usage Mask") ?? 0, usage)) {
    throw incompatibleUsageMask("The Cryptographic Usage Mask of the key does not allow this");
  }
}

/**
 * Refuses a key that is kept as it came, but that no cipher here can work with. It cannot be said of what is opaque
 * where in it the key is.
 *
 * @throws KmipError Feature Not Supported (2.x: Unsupported Cryptographic Parameters)
 */
function refuseUnusable({ objectType, attributes }: ManagedObject): void {
  if (formatOf(objectType, attributes) === KeyFormatType.Opaque) {
    throw unsupportedParameters("The key was registered Opaque: it is kept for its owner, and not used here");
  }
  const algorithm = numberOf(attributes, "Cryptographic Algorithm");
  const length = numberOf(attributes, "Cryptographic Length");
  if (algorithm !== null && length !== null && !isUsualLength(algorithm, length)) {
    throw unsupportedParameters(
      `The key has ${length} bits, which is no length of its Cryptographic Algorithm: it is kept, and not used here`,
    );
  }
}

/** How a key is to be used. */
export type KeyUse = {
  readonly purpose: Purpose;
  /** The bit of the Cryptographic Usage Mask that allows it. */
  readonly usage: number;
  /** Bytes that are protected, for Usage Limits. */
  readonly length: number;
  /** True for what goes on with a use that was counted before. */
  readonly continued?: boolean;
};

/**
 * Works with a key, once it is allowed and its share of the Usage Limits is taken. The key is zeroed afterwards.
 *
 * @param prepare decides, after the use is allowed and before anything is taken, what to do with the key
 * @throws KmipError Permission Denied; KeyStoreError
 */
export async function withKey<T>(
  context: OperationContext,
  object: ManagedObject,
  { purpose, usage, length, continued = false }: KeyUse,
  prepare: () => (key: Uint8Array) => T,
): Promise<T> {
  const refuse = (candidate: ManagedObject) => {
    refuseUsage(candidate, usage);
    refuseUse(context, candidate, purpose);
  };
  refuse(object);
  const work = prepare();
  if (purpose === "protect") {
    await allocateFor(context, object, { length, continued }, refuse);
  }
  const key = await readMaterial(context, object);
  try {
    return work(key);
  } finally {
    wipe(key);
  }
}
