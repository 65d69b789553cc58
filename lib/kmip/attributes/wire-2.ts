/**
 * Attributes of KMIP 2.x: structures that hold attributes as fields of their own, and Attribute References (2.1: 4.60, 5).
 */

import type { StoredValue } from "../ports";
import {
  badAttributeName,
  invalidAttribute,
  invalidMessage,
  unknownTag,
  unsupportedAttribute,
} from "../protocol/errors";
import {
  asFields,
  asItem,
  asText,
  type ItemReader,
  one,
  optional,
  type ReadContext,
  schema,
  tagName,
} from "../protocol/fields";
import { TAGS, Tag } from "../protocol/tags";
import type { KmipVersion } from "../protocol/versions";
import { enumeration, type Item, ItemType, structure, text } from "../ttlv/item";
import { givenValue, type IncomingAttribute, incomingOf, incomingVendor } from "./incoming";
import { type AttributeRule, ruleNamed, ruleOfTag } from "./rules";
import { itemForVersion } from "./values";
import { isVendorName, storedNameOf, vendorNameOf } from "./vendor-names";

/** Attributes of the specification that no object here can have: those of certificates and key pairs (2.1: 4). */
const OF_OTHER_OBJECTS: ReadonlySet<number> = new Set<number>([
  Tag.CertificateLength,
  Tag.CertificateType,
  Tag.CryptographicDomainParameters,
  Tag.DigitalSignatureAlgorithm,
  Tag.X_509CertificateIdentifier,
  Tag.X_509CertificateIssuer,
  Tag.X_509CertificateSubject,
  ...Object.entries(Tag).flatMap(([name, tag]) => (/^Certificate(Subject|Issuer)/.test(name) ? [tag] : [])),
]);

/** Table 150 */
const VENDOR_ATTRIBUTE = schema({
  vendor: one(Tag.VendorIdentification, asText),
  name: one(Tag.AttributeName, asText),
  value: optional(Tag.AttributeValue, asItem),
});
const asVendorAttribute = asFields(VENDOR_ATTRIBUTE);

/** Table 161 */
const VENDOR_REFERENCE = schema({
  vendor: one(Tag.VendorIdentification, asText),
  name: one(Tag.AttributeName, asText),
});
const asVendorReference = asFields(VENDOR_REFERENCE);

function storedName(vendor: string, name: string): string {
  const stored = storedNameOf({ vendor, name });
  if (stored === null) {
    throw badAttributeName("Vendor Identification has characters that it may not have");
  }
  return stored;
}

/** What is wrong with a tag that is no attribute of this server. */
function refused(tag: number, { version }: ReadContext) {
  const name = tagName(tag);
  if (OF_OTHER_OBJECTS.has(tag)) {
    return unsupportedAttribute(`${name} is not an attribute of this server`);
  }
  return TAGS.has(tag, version)
    ? invalidAttribute(`${name} is not an attribute`)
    : unknownTag(`There is no attribute ${name}`);
}

/** Reads one attribute. @throws KmipError */
function readAttribute2(item: Item, context: ReadContext, partial: boolean): IncomingAttribute {
  if (item.tag === Tag.Attribute) {
    const { vendor, name, value } = asVendorAttribute(item, context);
    return incomingVendor(storedName(vendor, name), givenValue(value, name), undefined, context);
  }
  const rule = ruleOfTag(item.tag, context.version);
  if (rule === null) {
    throw refused(item.tag, context);
  }
  return incomingOf(rule.name, item, context, { partial });
}

/** Reads an Attributes structure. @throws KmipError */
export function readAttributes(item: Item, context: ReadContext, partial: boolean): IncomingAttribute[] {
  if (item.type !== ItemType.Structure) {
    throw invalidMessage(`${tagName(item.tag)} has the wrong type`);
  }
  return item.value.map((attribute) => readAttribute2(attribute, context, partial));
}

/** Reads a New Attribute or Current Attribute structure, which holds one attribute. @throws KmipError */
export function readSingleAttribute(item: Item, context: ReadContext): IncomingAttribute {
  const attributes = readAttributes(item, context, false);
  const [attribute] = attributes;
  if (attribute === undefined || attributes.length > 1) {
    throw invalidMessage(`${tagName(item.tag)} holds one attribute`);
  }
  return attribute;
}

/**
 * Reads an Attribute Reference: the tag of an attribute, or the name that a vendor gave it.
 *
 * @returns the name in the store; of an attribute that no object here can have, its name all the same
 * @throws KmipError Invalid Attribute for what is no attribute
 */
export const asAttributeReference: ItemReader<string> = (item, context) => {
  if (item.type === ItemType.Structure) {
    const { vendor, name } = asVendorReference(item, context);
    return storedName(vendor, name);
  }
  if (item.type !== ItemType.Enumeration) {
    throw invalidMessage("Attribute Reference has the wrong type");
  }
  const rule = ruleOfTag(item.value, context.version);
  if (rule !== null) {
    return rule.name;
  }
  if (OF_OTHER_OBJECTS.has(item.value)) {
    return tagName(item.value);
  }
  throw refused(item.value, context);
};

/** One instance of an attribute in an answer. */
export function attributeItem2(
  name: string,
  stored: StoredValue,
  rule: AttributeRule | null,
  version: KmipVersion,
): Item {
  if (rule !== null) {
    return itemForVersion(rule.tag, stored, rule, version);
  }
  const vendor = vendorNameOf(name);
  return structure(Tag.Attribute, [
    text(Tag.VendorIdentification, vendor.vendor),
    text(Tag.AttributeName, vendor.name),
    itemForVersion(Tag.AttributeValue, stored, null, version),
  ]);
}

/** The Attribute Reference of a name in the store. */
export function referenceItem(name: string): Item {
  if (!isVendorName(name)) {
    return enumeration(Tag.AttributeReference, ruleNamed(name)?.tag ?? 0);
  }
  const vendor = vendorNameOf(name);
  return structure(Tag.AttributeReference, [
    text(Tag.VendorIdentification, vendor.vendor),
    text(Tag.AttributeName, vendor.name),
  ]);
}
