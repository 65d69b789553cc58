/**
 * Names of tags, enumerations and bit masks as the XML and JSON encodings write them (KMIP Profiles 1.4, 5.4.1.3 and
 * 5.5.1.3): CamelCase names of the specification, or hexadecimal for what has no name.
 */

import { ENUMERATION_OF_TAG } from "../protocol/enumerations";
import {
  DATA,
  ITEM_TYPE,
  PROCESSING_STAGE,
  PROTECTION_STORAGE_MASK,
  STORAGE_STATUS_MASK,
  UNIQUE_IDENTIFIER,
} from "../protocol/enumerations-core";
import { CRYPTOGRAPHIC_USAGE_MASK } from "../protocol/enumerations-cryptography";
import { PKCS_11_FUNCTION, PKCS_11_RETURN_CODE } from "../protocol/enumerations-pkcs11";
import { TAGS, Tag } from "../protocol/tags";
import { type CodeIndex, indexOf, type VersionedTable } from "../protocol/versioned-table";
import { ItemType } from "../ttlv/item";
import { EncodingError } from "./errors";

/** Names of item types in the type attribute. */
const TYPE_NAMES: { readonly [K in ItemType]: string } = {
  [ItemType.Structure]: "Structure",
  [ItemType.Integer]: "Integer",
  [ItemType.LongInteger]: "LongInteger",
  [ItemType.BigInteger]: "BigInteger",
  [ItemType.Enumeration]: "Enumeration",
  [ItemType.Boolean]: "Boolean",
  [ItemType.TextString]: "TextString",
  [ItemType.ByteString]: "ByteString",
  [ItemType.DateTime]: "DateTime",
  [ItemType.Interval]: "Interval",
  [ItemType.DateTimeExtended]: "DateTimeExtended",
};

const TYPES: ReadonlyMap<string, ItemType> = new Map(
  Object.values(ItemType).map((type) => [TYPE_NAMES[type], type]),
);

/** Enumerations that the engine itself never reads, and so are not in its own index. */
const FURTHER_ENUMERATIONS: ReadonlyMap<number, CodeIndex> = new Map([
  // 2.x: an Attribute Reference may be the tag itself.
  [Tag.AttributeReference, TAGS],
  [Tag.UniqueIdentifier, indexOf(UNIQUE_IDENTIFIER)],
  [Tag.LinkedObjectIdentifier, indexOf(UNIQUE_IDENTIFIER)],
  [Tag.Data, indexOf(DATA)],
  [Tag.ProcessingStage, indexOf(PROCESSING_STAGE)],
  [Tag.PKCS_11Function, indexOf(PKCS_11_FUNCTION)],
  [Tag.PKCS_11ReturnCode, indexOf(PKCS_11_RETURN_CODE)],
  // 2.x; an Integer before.
  [Tag.ExtensionType, indexOf(ITEM_TYPE)],
]);

/** Values that 2.x has another name for. */
const NAMES_IN_2: ReadonlyMap<number, ReadonlyMap<string, string>> = new Map([
  [
    Tag.HashingAlgorithm,
    new Map([
      ["SHA_3_224", "SHA3_224"],
      ["SHA_3_256", "SHA3_256"],
      ["SHA_3_384", "SHA3_384"],
      ["SHA_3_512", "SHA3_512"],
    ]),
  ],
  [
    Tag.DigitalSignatureAlgorithm,
    new Map([
      ...["MD2", "MD5", "SHA_1", "SHA_224", "SHA_256", "SHA_384", "SHA_512"].map((hash): [string, string] => [
        `${hash}WithRSAEncryptionPKCS_1V1_5`,
        `${hash}WithRSAEncryption`,
      ]),
      ["RSASSA_PSSPKCS_1V2_1", "RSASSA_PSS"],
    ]),
  ],
  [Tag.MaskGenerator, new Map([["MGF1", "MFG1"]])],
]);

/** The same the other way round, for reading. */
const NAMES_FROM_2: ReadonlyMap<number, ReadonlyMap<string, string>> = new Map(
  [...NAMES_IN_2].map(([tag, names]) => [tag, new Map([...names].map(([first, second]) => [second, first]))]),
);

/** Bit masks by the Integer that carries them. */
const MASKS: ReadonlyMap<number, VersionedTable> = new Map<number, VersionedTable>([
  [Tag.CryptographicUsageMask, CRYPTOGRAPHIC_USAGE_MASK],
  [Tag.StorageStatusMask, STORAGE_STATUS_MASK],
  [Tag.ProtectionStorageMask, PROTECTION_STORAGE_MASK],
  [Tag.CommonProtectionStorageMasks, PROTECTION_STORAGE_MASK],
  [Tag.PrivateProtectionStorageMasks, PROTECTION_STORAGE_MASK],
  [Tag.PublicProtectionStorageMasks, PROTECTION_STORAGE_MASK],
]);

const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, "0")}`;

/** "TextString" for 0x07. */
export const typeName = (type: ItemType): string => TYPE_NAMES[type];

/** The item type of a name, or of its code as "0x07". @throws EncodingError */
export function typeFromName(name: string): ItemType {
  const code = /^0x[0-9a-f]{2}$/i.test(name) ? Number(name) : null;
  const type = code === null ? TYPES.get(name) : Object.values(ItemType).find((known) => known === code);
  if (type === undefined) {
    throw new EncodingError(`unknown type ${quote(name)}`);
  }
  return type;
}

/** The name of a tag, or undefined if the specification has none. */
export const tagName = (tag: number): string | undefined => TAGS.nameOf(tag);

/** "0x540001". */
export const tagHex = (tag: number): string => hex(tag, 6);

/** The tag of a name or of "0x42…" and "0x54…". @throws EncodingError */
export function tagFromName(name: string): number {
  if (/^0x(42|54)[0-9a-f]{4}$/i.test(name)) {
    return Number(name);
  }
  const tag = TAGS.codeOf(name);
  if (tag === undefined) {
    throw new EncodingError(`unknown tag ${quote(name)}`);
  }
  return tag;
}

/**
 * The tag whose enumeration or mask an Attribute Value uses: that of the attribute's name ("Cryptographic Usage
 * Mask"). Undefined for names that are not the specification's.
 */
export const tagOfAttribute = (attributeName: string): number | undefined =>
  TAGS.codeOf(attributeName.replace(/[ -]/g, ""));

const enumerationOf = (tag: number): CodeIndex | undefined =>
  ENUMERATION_OF_TAG.get(tag) ?? FURTHER_ENUMERATIONS.get(tag);

/**
 * "SymmetricKey", or "0x80000001" for a value without a name.
 *
 * @param second true for the names of 2.x
 */
export function enumerationText(tag: number, value: number, second = false): string {
  const name = enumerationOf(tag)?.nameOf(value);
  if (name === undefined) {
    return hex(value, 8);
  }
  return (second ? NAMES_IN_2.get(tag)?.get(name) : undefined) ?? name;
}

/** The value of a name, in either major version, or of "0x…". @throws EncodingError */
export function enumerationFromText(tag: number, text: string): number {
  if (/^0x[0-9a-f]{1,8}$/i.test(text)) {
    return Number(text);
  }
  const value = enumerationOf(tag)?.codeOf(NAMES_FROM_2.get(tag)?.get(text) ?? text);
  if (value === undefined) {
    throw new EncodingError(`unknown value ${quote(text)} of ${tagName(tag) ?? tagHex(tag)}`);
  }
  return value;
}

/** Names of the bits of a mask, and what has no name in hexadecimal; undefined for Integers that are no masks. */
export function maskText(tag: number, value: number, separator: " " | "|"): string | undefined {
  const table = MASKS.get(tag);
  if (table === undefined || value === 0) {
    return undefined;
  }
  const parts: string[] = [];
  let rest = value >>> 0;
  for (const [name, [bit]] of Object.entries(table)) {
    if ((rest & bit) === 0) {
      continue;
    }
    parts.push(name);
    rest = (rest & ~bit) >>> 0;
  }
  if (rest !== 0) {
    parts.push(hex(rest, 8));
  }
  return parts.join(separator);
}

/** The value of names of bits, separated by spaces or bars. @throws EncodingError */
export function maskFromText(tag: number, text: string): number {
  const table = MASKS.get(tag);
  let value = 0;
  for (const part of text.split(/[ |]+/)) {
    const bit = /^0x[0-9a-f]{1,8}$/i.test(part) ? Number(part) : table?.[part]?.[0];
    if (bit === undefined) {
      throw new EncodingError(`unknown bit ${quote(part)} of ${tagName(tag) ?? tagHex(tag)}`);
    }
    value |= bit;
  }
  return value;
}

/** Text of the sender in a message to people: short, and without anything that a terminal would act on. */
export function quote(text: string): string {
  const printable = text.slice(0, 40).replace(/[^\x20-\x7e]/g, "?");
  return `"${printable}${text.length > 40 ? "…" : ""}"`;
}
