/**
 * Wrapping and unwrapping of objects (KMIP 2.1.5, 2.1.6): NIST AES Key Wrap with another key of the same instance.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { isArchived, isDestroyed, stateAt } from "../../attributes/lifecycle";
import { itemFromStored } from "../../attributes/values";
import { namedAttributes, numberOf } from "../../attributes/view";
import { attributesAnswer } from "../../attributes/wire";
import type { ManagedObject, StoredValue } from "../../ports";
import {
  BlockCipherMode,
  CryptographicAlgorithm,
  CryptographicUsageMask,
  EncodingOption,
  ObjectType,
  WrappingMethod,
} from "../../protocol/enumerations";
import {
  cryptographicFailure,
  FAILURES,
  type Failure,
  featureNotSupported,
  invalidMessage,
  KmipError,
  keyWrapTypeNotSupported,
  unsupportedParameters,
  wrongObjectType,
} from "../../protocol/errors";
import { asEnumeration, asFields, asItem, asText, many, one, optional, schema } from "../../protocol/fields";
import { Tag } from "../../protocol/tags";
import { decodeTtlv } from "../../ttlv/decoder";
import { encodeTtlv } from "../../ttlv/encoder";
import { enumeration, type Item, structure, text } from "../../ttlv/item";
import { wipe } from "../../ttlv/wipe";
import type { OperationContext } from "../context";
import { joined } from "../cryptography/crypto-stream";
import { matchingParameters, parametersOf } from "../cryptography/parameters";
import { withKey } from "./key-use";
import { ENCODING_OPTION, KEY_INFORMATION, wrappingFields } from "./key-wrapping-data";
import { keyValue, readKeyValue, wrappedItem, wrappedValue } from "./object-items";
import { readMaterial } from "./serving";

/** Table 12 */
const SPECIFICATION = schema({
  method: one(Tag.WrappingMethod, asEnumeration),
  encryptionKey: optional(Tag.EncryptionKeyInformation, asFields(KEY_INFORMATION)),
  macKey: optional(Tag.MACSignatureKeyInformation, asItem),
  attributeNames: many(Tag.AttributeName, asText),
  encoding: ENCODING_OPTION,
});

/** Reads a Key Wrapping Specification. @throws KmipError */
export const asWrappingSpecification = asFields(SPECIFICATION);
export type WrappingSpecification = ReturnType<typeof asWrappingSpecification>;

/** How a mode wraps: the suffix of OpenSSL's name, and the initial value (RFC 3394, RFC 5649). */
const WRAPS: ReadonlyMap<number, { suffix: string; iv: Buffer }> = new Map([
  [BlockCipherMode.NISTKeyWrap, { suffix: "wrap", iv: Buffer.alloc(8, 0xa6) }],
  [BlockCipherMode.AESKeyWrapPadding, { suffix: "wrap-pad", iv: Buffer.from("a65959a6", "hex") }],
]);

/**
 * Wraps the material of an object for an answer.
 *
 * @param format Key Format Type to answer in; null for opaque objects, which cannot be wrapped
 * @returns the object as an item, and the bytes in it to be zeroed
 * @throws KmipError as Table 338 says
 */
export async function wrapObject(
  context: OperationContext,
  object: ManagedObject,
  format: number | null,
  specification: WrappingSpecification,
): Promise<{ item: Item; material: Uint8Array }> {
  const { method, encryptionKey, macKey, attributeNames, encoding } = specification;
  if (format === null) {
    throw wrongObjectType("The object has no Key Block that could be wrapped");
  }
  if (method !== WrappingMethod.Encrypt || macKey !== undefined) {
    throw featureNotSupported("Objects are wrapped by encryption only");
  }
  if (encryptionKey === undefined) {
    throw invalidMessage("Encryption Key Information is missing");
  }
  if (encoding === EncodingOption.NoEncoding && attributeNames.length > 0) {
    throw new KmipError(FAILURES.encodingOptionError, "Attributes cannot be wrapped without encoding");
  }
  const wrappingKey = await findWrappingKey(context, encryptionKey.uniqueIdentifier);
  context.subjects = [object.uniqueIdentifier, wrappingKey.uniqueIdentifier];
  const { parameters, suffix, iv } = wrapOf(
    wrappingKey,
    wrappingParameters(encryptionKey.parameters, wrappingKey),
  );
  const named = namedAttributes(context, object, attributeNames);
  const attributes = named.length === 0 ? [] : attributesAnswer(named, context.version);
  const material = await readMaterial(context, object);
  let plain: Uint8Array = material;
  try {
    if (encoding !== EncodingOption.NoEncoding) {
      plain = encodeTtlv(keyValue(format, material, attributes));
    }
    const use = { purpose: "protect", usage: CryptographicUsageMask.WrapKey, length: plain.length } as const;
    const wrapped = await withKey(context, wrappingKey, use, () => (key) => wrap(key, suffix, iv, plain));
    const told = encryptionKey.parameters ?? parameters;
    const data = wrappingData(encryptionKey.uniqueIdentifier, told, encoding);
    // Table 7 has a Byte String here. But 2.1.5 has Key Material wrapped "in the Key Value structure", and PyKMIP's client
    // cannot read anything else; others read both.
    const value = wrappedValue(wrapped, encoding === EncodingOption.NoEncoding);
    return { item: wrappedItem(object, format, value, data), material: wrapped };
  } finally {
    wipe(material);
    wipe(plain);
  }
}

/** A Key Value as a client has wrapped it. */
export type WrappedKeyValue = {
  /** Key Wrapping Data. */
  readonly wrapping: StoredValue;
  /** True if it came as the Key Material of a structure. */
  readonly structured: boolean;
  /** Key Format Type. */
  readonly format: number;
  readonly wrapped: Uint8Array;
};

/**
 * Unwraps a Key Value that a client has wrapped, with the key that its Key Wrapping Data names.
 *
 * @returns the material, which the caller zeroes, and the attributes that were wrapped with it
 * @throws KmipError Feature Not Supported (2.x: Key Wrap Type Not Supported) for what only others can unwrap;
 * what the wrapping key cannot do (Table 338); Cryptographic Failure
 */
export async function unwrapKeyValue(
  context: OperationContext,
  { wrapping, structured, format, wrapped }: WrappedKeyValue,
): Promise<{ material: Uint8Array; attributes: readonly Item[] }> {
  const { method, encryptionKey, macKey, encoding } = wrappingFields(wrapping);
  if (method !== WrappingMethod.Encrypt || macKey !== undefined || encryptionKey === undefined) {
    throw keyWrapTypeNotSupported("Only what is wrapped by encryption alone can be unwrapped here");
  }
  const { uniqueIdentifier, parameters } = encryptionKey;
  const wrappingKey = await findWrappingKey(context, uniqueIdentifier);
  context.subjects = [...context.subjects, wrappingKey.uniqueIdentifier];
  const { suffix, iv } = wrapOf(wrappingKey, parameters ?? wrappingParameters(undefined, wrappingKey));
  const use = {
    purpose: "process",
    usage: CryptographicUsageMask.UnwrapKey,
    length: wrapped.length,
  } as const;
  const plain = await withKey(context, wrappingKey, use, () => (key) => unwrap(key, suffix, iv, wrapped));
  // Whoever writes Key Material in a structure has wrapped that alone.
  if (encoding === EncodingOption.NoEncoding || (structured && encoding === undefined)) {
    return { material: plain, attributes: [] };
  }
  try {
    const { material, attributes = [] } = readKeyValue(decoded(plain), format, context);
    return { material: Uint8Array.from(material), attributes: [...attributes] };
  } finally {
    wipe(plain);
  }
}

/** A wrapped Key Value was made by whoever had the key: its bytes are what they say, or they are of something else. */
function decoded(plain: Uint8Array): Item {
  try {
    const item = decodeTtlv(plain);
    if (item.tag === Tag.KeyValue) {
      return item;
    }
  } catch (error) {
    throw cryptographicFailure("The Key Value cannot be unwrapped", { cause: error });
  }
  throw cryptographicFailure("The Key Value cannot be unwrapped");
}

/** The wrapping key, on-line and not destroyed. @throws KmipError which says that it is the wrapping key */
async function findWrappingKey(context: OperationContext, identifier: string): Promise<ManagedObject> {
  const refuse = (failure: Failure, message: string) => new KmipError(failure, message);
  const key = await context.store.find(context.tenant, identifier);
  if (key === null) {
    throw refuse(FAILURES.wrappingObjectNotFound, "There is no such wrapping key");
  }
  if (isArchived(key)) {
    throw refuse(FAILURES.wrappingObjectArchived, "The wrapping key is archived");
  }
  if (isDestroyed(stateAt(key, context.now))) {
    throw refuse(FAILURES.wrappingObjectDestroyed, "The wrapping key has been destroyed");
  }
  return key;
}

/** NIST AES Key Wrap (RFC 3394), which an AES key that nothing more is said of wraps with. */
const USUAL_WRAP: StoredValue = {
  t: "structure",
  v: [{ tag: Tag.BlockCipherMode, value: { t: "enumeration", v: BlockCipherMode.NISTKeyWrap } }],
};

/**
 * The parameters to wrap with: those of the key that match those of the request (2.1.6). A key that has none at all
 * wraps as the request says, or in the usual way: clients ask for that of keys that they gave no parameters.
 *
 * @returns null if the key has parameters, but none that match
 */
function wrappingParameters(given: StoredValue | undefined, key: ManagedObject): StoredValue | null {
  if (key.attributes["Cryptographic Parameters"] !== undefined) {
    return matchingParameters(given, key);
  }
  return given === undefined || parametersOf(given).mode === null ? USUAL_WRAP : given;
}

/** How a key wraps with these parameters, if it has them. @throws KmipError Illegal Operation, Item Not Found, Feature Not Supported (Table 338) */
function wrapOf(
  key: ManagedObject,
  parameters: StoredValue | null,
): { parameters: StoredValue; suffix: string; iv: Buffer } {
  if (key.objectType !== ObjectType.SymmetricKey) {
    throw new KmipError(FAILURES.wrappingObjectType, "The wrapping object is not a key");
  }
  if (parameters === null) {
    throw new KmipError(
      FAILURES.wrappingParametersNotFound,
      "The wrapping key has no such Cryptographic Parameters",
    );
  }
  const known = WRAPS.get(parametersOf(parameters).mode ?? 0);
  if (known === undefined) {
    throw unsupportedParameters("Objects are wrapped by NIST AES Key Wrap only");
  }
  if (numberOf(key.attributes, "Cryptographic Algorithm") !== CryptographicAlgorithm.AES) {
    throw unsupportedParameters("Objects are wrapped with AES keys only");
  }
  return { parameters, ...known };
}

function wrap(key: Uint8Array, suffix: string, iv: Buffer, plain: Uint8Array): Uint8Array {
  if (suffix === "wrap" && (plain.length < 16 || plain.length % 8 !== 0)) {
    throw new KmipError(
      FAILURES.encodingOptionError,
      "Material of this length cannot be wrapped without encoding",
    );
  }
  try {
    const cipher = createCipheriv(`id-aes${key.length * 8}-${suffix}`, key, iv);
    return Buffer.concat([cipher.update(plain), cipher.final()]);
  } catch (error) {
    throw cryptographicFailure("The object cannot be wrapped", { cause: error });
  }
}

function unwrap(key: Uint8Array, suffix: string, iv: Buffer, wrapped: Uint8Array): Uint8Array {
  try {
    const decipher = createDecipheriv(`id-aes${key.length * 8}-${suffix}`, key, iv);
    return joined(decipher.update(wrapped), decipher.final());
  } catch (error) {
    throw cryptographicFailure("The Key Value cannot be unwrapped", { cause: error });
  }
}

/** Table 9 */
function wrappingData(identifier: string, parameters: StoredValue, encoding: number | undefined): Item {
  return structure(Tag.KeyWrappingData, [
    enumeration(Tag.WrappingMethod, WrappingMethod.Encrypt),
    structure(Tag.EncryptionKeyInformation, [
      text(Tag.UniqueIdentifier, identifier),
      itemFromStored(Tag.CryptographicParameters, parameters),
    ]),
    ...(encoding === undefined ? [] : [enumeration(Tag.EncodingOption, encoding)]),
  ]);
}
