/**
 * Attribute and Template-Attribute structures of KMIP 1.x (2.1.1, 2.1.8).
 */
import { invalidField, itemNotFound } from "../errors";
import type { StoredAttribute, StoredValue } from "../ports";
import {
  asCount,
  asFields,
  asItem,
  asText,
  many,
  one,
  optional,
  type ReadContext,
  readFields,
  schema,
} from "../protocol/fields";
import { Tag } from "../protocol/tags";
import type { KmipVersion } from "../protocol/versions";
import { type Item, integer, structure, text } from "../ttlv/item";
import { type AttributeRule, findRule, isClientCustomName, isCustomName } from "./rules";
import { checkCustomValue, checkValue, itemForVersion, storedFromItem } from "./values";

const ATTRIBUTE = schema({
  name: one(Tag.AttributeName, asText),
  index: optional(Tag.AttributeIndex, asCount),
  value: optional(Tag.AttributeValue, asItem),
});

const MAX_NAME_LENGTH = 255;

/** An attribute that a client sent, its value checked. */
export type IncomingAttribute = {
  readonly name: string;
  /** Null for custom attributes. */
  readonly rule: AttributeRule | null;
  readonly index: number | undefined;
  readonly item: Item;
};

/** Reads an Attribute structure as it is: name, index, and the value if there is one. @throws KmipError */
export const asAttribute = asFields(ATTRIBUTE);
export type AttributeFields = ReturnType<typeof asAttribute>;

/**
 * Checks the name and value of an attribute that a client wants to set.
 *
 * @param partial true in Locate, where fields of structures may be left out
 * @returns null for an attribute that this version or this server does not know
 * @throws KmipError Invalid Field
 */
export function checkAttribute(
  fields: AttributeFields,
  context: ReadContext,
  partial = false,
): IncomingAttribute | null {
  const { name, index, value: item } = fields;
  if (item === undefined) throw invalidField(`Attribute Value of ${name} is missing`);
  if (isCustomName(name)) {
    if (name.length > MAX_NAME_LENGTH || name.length < 3) {
      throw invalidField("The name of a custom attribute is too short or too long");
    }
    checkCustomValue(item);
    return { name, rule: null, index, item };
  }
  const rule = findRule(name, context.version);
  if (rule === null) return null;
  checkValue(rule, item, context, partial);
  return { name, rule, index, item };
}

const NAME_ONLY = schema({
  value: one(Tag.NameValue, asText),
  type: one(Tag.NameType, asItem),
});

/** 2.1.8: names of templates, which this server has none of, and attributes. */
const TEMPLATE_ATTRIBUTE = schema({
  names: many(Tag.Name, asFields(NAME_ONLY)),
  attributes: many(Tag.Attribute, asAttribute),
});

/** The attributes that a client wants a new object to have, by name. */
export type RequestedAttributes = Map<string, StoredAttribute[]>;

/**
 * Reads the Template-Attribute of a request that makes an object.
 *
 * @throws KmipError Item Not Found for a template; Invalid Field for attributes that a client may not set
 */
export function readTemplateAttribute(item: Item, context: ReadContext): RequestedAttributes {
  const template = readFields(TEMPLATE_ATTRIBUTE, item, context);
  if (template.names.length > 0) throw itemNotFound("There is no such template");
  const requested: RequestedAttributes = new Map();
  for (const fields of template.attributes) {
    const attribute = checkAttribute(fields, context);
    if (attribute === null) throw invalidField(`${fields.name} is not an attribute of this server`);
    const { name, rule } = attribute;
    if (rule === null ? !isClientCustomName(name) : rule.client === undefined) {
      throw invalidField(`${name} is set by the server`);
    }
    const instances = requested.get(name) ?? [];
    if (instances.length > 0 && rule !== null && rule.multiple !== true) {
      throw invalidField(`${name} has more than one value`);
    }
    instances.push({ i: instances.length, v: storedFromItem(attribute.item) });
    requested.set(name, instances);
  }
  return requested;
}

/** An Attribute structure of an answer. Index 0 is left out, as the specification allows (4.14). */
export function attributeItem(
  name: string,
  index: number,
  stored: StoredValue,
  rule: AttributeRule | null,
  version: KmipVersion,
): Item {
  const value = itemForVersion(Tag.AttributeValue, stored, rule, version);
  const fields = [text(Tag.AttributeName, name)];
  return structure(
    Tag.Attribute,
    index === 0 ? [...fields, value] : [...fields, integer(Tag.AttributeIndex, index), value],
  );
}
