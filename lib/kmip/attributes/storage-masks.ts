/**
 * Protection Storage Masks (KMIP 2.1, 4.44, 7.33, 12.2): how objects are kept here, and whether that is as a client
 * wants it.
 */

import { ProtectionStorageMask } from "../protocol/enumerations";
import { FAILURES, KmipError } from "../protocol/errors";
import { asFields, asInteger, many, optional, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";

/**
 * What this server can say for itself: objects are protected by software. Where the key manager behind it keeps the
 * wrapped material is not for the protocol's engine to know.
 */
export const STORAGE_MASK: number = ProtectionStorageMask.Software;

const STORAGE_MASKS = schema({ masks: many(Tag.ProtectionStorageMask, asInteger) });

/** The field with the masks that a client permits for a new object; see to it with `checkStorageMasks`. */
export const PERMITTED_STORAGE = optional(
  Tag.ProtectionStorageMasks,
  asFields(STORAGE_MASKS),
  KmipVersion.V2_0,
);

/**
 * Refuses a new object that may not be kept as this server keeps objects: one of the masks has to be satisfied with
 * all its bits.
 *
 * @throws KmipError Protection Storage Unavailable
 */
export function checkStorageMasks(permitted: { readonly masks: readonly number[] } | undefined): void {
  if (permitted === undefined || permitted.masks.length === 0) {
    return;
  }
  if (permitted.masks.some((mask) => (mask & ~STORAGE_MASK) === 0)) {
    return;
  }
  throw new KmipError(FAILURES.storageUnavailable, "Objects cannot be kept under any of these protections");
}
