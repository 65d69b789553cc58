/**
 * Key Wrapping Data (KMIP 2.1.5): how the Key Value of an object is wrapped that a client has supplied wrapped. It is
 * kept beside the attributes of the object, but is none of them.
 */
import { itemFromStored, storedFromItem } from "../../attributes/values";
import type { StoredAttributes, StoredValue } from "../../ports";
import { invalidField } from "../../protocol/errors";
import {
  asBytes,
  asEarlyEnumeration,
  asEnumeration,
  asFields,
  asText,
  type ItemReader,
  one,
  optional,
  readFields,
  schema,
} from "../../protocol/fields";
import { Tag } from "../../protocol/tags";
import { KmipVersion, NEWEST_VERSION } from "../../protocol/versions";
import { asParameters } from "../cryptography/parameters";

/** Tables 10 and 11 */
export const KEY_INFORMATION = schema({
  uniqueIdentifier: one(Tag.UniqueIdentifier, asText),
  parameters: optional(Tag.CryptographicParameters, asParameters),
});

/** Since 1.1; PyKMIP's client sends it in 1.0 as well, and means it. */
export const ENCODING_OPTION = optional(Tag.EncodingOption, asEarlyEnumeration(KmipVersion.V1_1));

/** Table 9 */
const WRAPPING_DATA = schema({
  method: one(Tag.WrappingMethod, asEnumeration),
  encryptionKey: optional(Tag.EncryptionKeyInformation, asFields(KEY_INFORMATION)),
  macKey: optional(Tag.MACSignatureKeyInformation, asFields(KEY_INFORMATION)),
  macSignature: optional(Tag.MACSignature, asBytes),
  iv: optional(Tag.IVCounterNonce, asBytes),
  encoding: ENCODING_OPTION,
});

/** Reads a Key Wrapping Data structure. @throws KmipError */
export const asWrappingData: ItemReader<StoredValue> = (item, context) => {
  const { encryptionKey, macKey } = readFields(WRAPPING_DATA, item, context);
  if (encryptionKey === undefined && macKey === undefined) {
    throw invalidField("Key Wrapping Data names no key");
  }
  return storedFromItem(item);
};

/** The name under which it is kept: no attribute of the specification has it. */
export const KEY_WRAPPING_DATA = "Key Wrapping Data";

/** The name under which it is kept that a wrapped Key Value came as a structure. */
export const WRAPPED_STRUCTURE = "Wrapped Key Value";

/** True if the wrapped Key Value of an object came as a structure, and is answered as one. */
export const isStructured = (attributes: StoredAttributes): boolean =>
  attributes[WRAPPED_STRUCTURE]?.[0]?.v.v === true;

/** The Key Wrapping Data of an object, or null if its Key Value is not wrapped. */
export const wrappingOf = (attributes: StoredAttributes): StoredValue | null =>
  attributes[KEY_WRAPPING_DATA]?.[0]?.v ?? null;

/** Key Wrapping Data, taken apart. */
export const wrappingFields = (stored: StoredValue) =>
  readFields(WRAPPING_DATA, itemFromStored(Tag.KeyWrappingData, stored), {
    version: NEWEST_VERSION,
    newer: true,
  });
