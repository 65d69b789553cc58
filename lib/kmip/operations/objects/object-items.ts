/**
 * Managed objects on the wire (KMIP 2.1.3, 2.2): what Register reads and what Get writes.
 */
import { createHash } from "node:crypto";
import { numberOf } from "../../attributes/view";
import type { ManagedObject, StoredAttributes, StoredValue } from "../../ports";
import { HashingAlgorithm, KeyFormatType, ObjectType } from "../../protocol/enumerations";
import { FAILURES, featureNotSupported, invalidField, KmipError } from "../../protocol/errors";
import {
  asBytes,
  asEnumeration,
  asFields,
  asInteger,
  asItem,
  inTurn,
  many,
  one,
  optional,
  type ReadContext,
  readFields,
  schema,
} from "../../protocol/fields";
import { Tag } from "../../protocol/tags";
import { KmipVersion } from "../../protocol/versions";
import { encodeTtlv } from "../../ttlv/encoder";
import { bytes, enumeration, type Item, ItemType, integer, structure } from "../../ttlv/item";
import { wipe } from "../../ttlv/wipe";
import { asWrappingData } from "./key-wrapping-data";

const { V1_0, V1_4, V2_0 } = KmipVersion;

/** Table 7 */
const KEY_BLOCK = schema({
  format: one(Tag.KeyFormatType, asEnumeration),
  // Says how the point of a public key is written (9.1.3.2.2): of a symmetric key, nothing. Some clients send it with all.
  compression: optional(Tag.KeyCompressionType, asEnumeration),
  value: optional(Tag.KeyValue, asItem),
  algorithm: optional(Tag.CryptographicAlgorithm, asEnumeration),
  length: optional(Tag.CryptographicLength, asInteger),
  wrapping: optional(Tag.KeyWrappingData, asWrappingData),
});

/** Table 8 */
const KEY_VALUE = schema({
  material: one(Tag.KeyMaterial, asItem),
  attributes: inTurn(
    many(Tag.Attribute, asItem, V1_0, V1_4),
    // The one Attributes structure, if there is any.
    many(Tag.Attributes, asItem, V2_0),
  ),
});

/** Table 14 */
const TRANSPARENT = schema({ key: one(Tag.Key, asBytes) });

const asKeyBlock = asFields(KEY_BLOCK);
const SYMMETRIC_KEY = schema({ block: one(Tag.KeyBlock, asKeyBlock) });
const SECRET_DATA = schema({
  type: one(Tag.SecretDataType, asEnumeration),
  block: one(Tag.KeyBlock, asKeyBlock),
});
const OPAQUE_OBJECT = schema({
  type: one(Tag.OpaqueDataType, asEnumeration),
  value: one(Tag.OpaqueDataValue, asBytes),
});

/** What a client supplies. */
export type ObjectContent = {
  /** A view of the request: Key Material, or the Key Value if it is wrapped; Opaque Data Value. */
  readonly material: Uint8Array;
  /** Key Wrapping Data, if it is wrapped. */
  readonly wrapping?: StoredValue;
  /** True if what is wrapped came as the Key Material of a Key Value structure. */
  readonly structured?: boolean;
  /** Attributes within the Key Value: Attribute structures, or one Attributes structure. */
  readonly attributes?: readonly Item[];
  /** Key Format Type, of keys and secret data. */
  readonly format?: number;
  readonly secretDataType?: number;
  readonly opaqueDataType?: number;
  readonly algorithm?: number;
  /** Cryptographic Length in bits. */
  readonly length?: number;
};

const { Raw, Opaque, TransparentSymmetricKey } = KeyFormatType;

/** Key formats in which keys and secret data are taken. */
const FORMATS: ReadonlyMap<number, readonly number[]> = new Map<number, readonly number[]>([
  [ObjectType.SymmetricKey, [Raw, TransparentSymmetricKey, Opaque]],
  [ObjectType.SecretData, [Raw, Opaque]],
]);

/** Key formats of keys and secret data that the server makes. */
const MADE_FORMATS: ReadonlyMap<number, readonly number[]> = new Map<number, readonly number[]>([
  [ObjectType.SymmetricKey, [Raw, TransparentSymmetricKey]],
  [ObjectType.SecretData, [Raw, Opaque]],
]);

/** Reads a Symmetric Key (2.2.2). @throws KmipError */
export function readSymmetricKey(item: Item, context: ReadContext): ObjectContent {
  return readKeyBlock(ObjectType.SymmetricKey, readFields(SYMMETRIC_KEY, item, context).block, context);
}

/** Reads a Secret Data object (2.2.7). @throws KmipError */
export function readSecretData(item: Item, context: ReadContext): ObjectContent {
  const { type, block } = readFields(SECRET_DATA, item, context);
  return { ...readKeyBlock(ObjectType.SecretData, block, context), secretDataType: type };
}

/** Reads an Opaque Object (2.2.8). @throws KmipError */
export function readOpaqueObject(item: Item, context: ReadContext): ObjectContent {
  const { type, value } = readFields(OPAQUE_OBJECT, item, context);
  return { material: value, opaqueDataType: type };
}

function readKeyBlock(
  objectType: number,
  block: ReturnType<typeof asKeyBlock>,
  context: ReadContext,
): ObjectContent {
  const { format, algorithm, length } = block;
  if (FORMATS.get(objectType)?.includes(format) !== true) {
    throw new KmipError(FAILURES.keyFormatTypeNotSupported, "Objects are not kept in this Key Format Type");
  }
  if (block.value === undefined) {
    throw featureNotSupported("The Key Value has to be kept by this server");
  }
  if ((algorithm === undefined) !== (length === undefined)) {
    throw invalidField("Cryptographic Algorithm and Cryptographic Length come together");
  }
  const about = { format, ...(algorithm === undefined || length === undefined ? {} : { algorithm, length }) };
  if (block.wrapping === undefined) {
    return { ...about, ...readKeyValue(block.value, format, context) };
  }
  return { ...about, ...readWrapped(block.value, context), wrapping: block.wrapping };
}

/**
 * Reads a wrapped Key Value: a Byte String (Table 7). Some clients (PyKMIP) write the structure of a plain one, with what
 * is wrapped as its Key Material.
 *
 * @throws KmipError
 */
function readWrapped(
  item: Item,
  context: ReadContext,
): Pick<ObjectContent, "material" | "attributes" | "structured"> {
  if (item.type !== ItemType.Structure) {
    return { material: filled(asBytes(item, context)) };
  }
  return { ...readKeyValue(item, Raw, context), structured: true };
}

const filled = (material: Uint8Array): Uint8Array => {
  if (material.length === 0) {
    throw invalidField("Key Material is empty");
  }
  return material;
};

/** Reads a Key Value structure (Table 8). @throws KmipError */
export function readKeyValue(
  item: Item,
  format: number,
  context: ReadContext,
): Pick<ObjectContent, "material" | "attributes"> {
  const { material, attributes } = readFields(KEY_VALUE, item, context);
  const value =
    format === TransparentSymmetricKey
      ? readFields(TRANSPARENT, material, context).key
      : asBytes(material, context);
  return { material: filled(value), attributes };
}

/** Key Material as a format has it (2.1.4, 2.1.7.1). */
const materialItem = (format: number, material: Uint8Array): Item =>
  format === TransparentSymmetricKey
    ? structure(Tag.KeyMaterial, [bytes(Tag.Key, material)])
    : bytes(Tag.KeyMaterial, material);

/** Objects without a Key Block. */
const BLOCKLESS: ReadonlySet<number> = new Set([ObjectType.OpaqueObject, ObjectType.Template]);

/** Key Format Type that an object was registered or made in; null for objects without a Key Block. */
export const formatOf = (objectType: number, attributes: StoredAttributes): number | null =>
  BLOCKLESS.has(objectType) ? null : (numberOf(attributes, "Key Format Type") ?? Raw);

/**
 * Refuses a Key Format Type that an object to be made cannot have (2.1: 4.26).
 *
 * @throws KmipError Key Format Type Not Supported
 */
export function checkFormat(objectType: number, asked: StoredValue | undefined): void {
  if (asked === undefined || MADE_FORMATS.get(objectType)?.some((format) => format === asked.v)) {
    return;
  }
  throw new KmipError(FAILURES.keyFormatTypeNotSupported, "Objects are not made in this Key Format Type");
}

/**
 * The mandatory instance of Digest (3.17): SHA-256 of the material, or of the encoding of its structure.
 *
 * @param format Key Format Type; null for objects that have none
 */
export function digestOf(material: Uint8Array, format: number | null): StoredValue {
  const hash = createHash("sha256");
  if (format === TransparentSymmetricKey) {
    const encoded = encodeTtlv(materialItem(format, material));
    hash.update(encoded);
    wipe(encoded);
  } else {
    hash.update(material);
  }
  return {
    t: "structure",
    v: [
      { tag: Tag.HashingAlgorithm, value: { t: "enumeration", v: HashingAlgorithm.SHA_256 } },
      { tag: Tag.DigestValue, value: { t: "bytes", v: hash.digest("hex") } },
      ...(format === null
        ? []
        : [{ tag: Tag.KeyFormatType, value: { t: "enumeration", v: format } } as const]),
    ],
  };
}

/**
 * The Key Format Type to answer in: what was asked for, or what the object was registered in.
 *
 * @param wrapped true if the Key Value is answered as it came, wrapped
 * @returns null for objects without a Key Block
 * @throws KmipError Key Format Type Not Supported
 */
export function formatToServe(
  object: ManagedObject,
  requested: number | undefined,
  wrapped: boolean,
): number | null {
  const own = formatOf(object.objectType, object.attributes);
  // An opaque object is Opaque without a Key Block that would say so (2.1, Table 81).
  const isOpaque = object.objectType === ObjectType.OpaqueObject && requested === Opaque;
  if (requested === undefined || requested === own || isOpaque) {
    return own;
  }
  // A plain key is the same bytes in any format, and in Opaque just bytes. What came Opaque, or wrapped, is only as it came.
  const isPlain = own !== null && own !== Opaque && !wrapped;
  if (isPlain && FORMATS.get(object.objectType)?.includes(requested)) {
    return requested;
  }
  throw new KmipError(
    FAILURES.keyFormatTypeNotSupported,
    "The object cannot be served in this Key Format Type",
  );
}

/** A managed object with its material (2.2). */
export function objectItem(object: ManagedObject, format: number | null, material: Uint8Array): Item {
  if (format === null) {
    return structure(Tag.OpaqueObject, [
      enumeration(Tag.OpaqueDataType, numberOf(object.attributes, "Opaque Data Type") ?? 0),
      bytes(Tag.OpaqueDataValue, material),
    ]);
  }
  return withKeyBlock(object, keyBlock(object, format, keyValue(format, material)));
}

/** Table 8 */
export const keyValue = (format: number, material: Uint8Array, attributes: readonly Item[] = []): Item =>
  structure(Tag.KeyValue, [materialItem(format, material), ...attributes]);

/** A managed object whose Key Value is wrapped (2.1.5). */
export const wrappedItem = (object: ManagedObject, format: number, wrapped: Item, data: Item): Item =>
  withKeyBlock(object, keyBlock(object, format, wrapped, data));

/** A wrapped Key Value; `structured` as for `ObjectContent`. */
export const wrappedValue = (wrapped: Uint8Array, structured: boolean): Item =>
  structured ? keyValue(Raw, wrapped) : bytes(Tag.KeyValue, wrapped);

/** A managed object of which only attributes are left: without its Key Value (4.40). */
export function emptyItem(object: ManagedObject, format: number | null): Item {
  if (format === null) {
    return objectItem(object, format, new Uint8Array());
  }
  return withKeyBlock(object, keyBlock(object, format, null));
}

function withKeyBlock({ objectType, attributes }: ManagedObject, block: Item): Item {
  if (objectType === ObjectType.SymmetricKey) {
    return structure(Tag.SymmetricKey, [block]);
  }
  const type = numberOf(attributes, "Secret Data Type") ?? 0;
  return structure(Tag.SecretData, [enumeration(Tag.SecretDataType, type), block]);
}

/** Table 7. No attributes within the Key Value: some clients reject them. */
function keyBlock({ attributes }: ManagedObject, format: number, value: Item | null, wrapping?: Item): Item {
  const fields: Item[] = [enumeration(Tag.KeyFormatType, format), ...(value === null ? [] : [value])];
  const algorithm = numberOf(attributes, "Cryptographic Algorithm");
  const length = numberOf(attributes, "Cryptographic Length");
  if (algorithm !== null && length !== null) {
    fields.push(enumeration(Tag.CryptographicAlgorithm, algorithm), integer(Tag.CryptographicLength, length));
  }
  if (wrapping !== undefined) {
    fields.push(wrapping);
  }
  return structure(Tag.KeyBlock, fields);
}
