/**
 * Attributes of KMIP 1.x: Attribute and Template-Attribute structures (2.1.1, 2.1.8).
 */

import type { StoredAttribute, StoredValue } from "../ports";
import { itemNotFound } from "../protocol/errors";
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
import { type Item, ItemType, integer, structure, text } from "../ttlv/item";
import { givenValue, type IncomingAttribute, incomingOf, incomingVendor } from "./incoming";
import type { AttributeRule } from "./rules";
import { itemForVersion, storedFromItem } from "./values";
import { isCustomName } from "./vendor-names";

const ATTRIBUTE = schema({
  name: one(Tag.AttributeName, asText),
  index: optional(Tag.AttributeIndex, asCount),
  value: optional(Tag.AttributeValue, asItem),
});

/** Reads an Attribute structure as it is: name, index, and the value if there is one. @throws KmipError */
export const asAttribute = asFields(ATTRIBUTE);

/** Reads an Attribute structure and checks its value. @throws KmipError */
export function readAttribute1(item: Item, context: ReadContext, partial: boolean): IncomingAttribute {
  const { name, index, value } = asAttribute(item, context);
  const given = givenValue(value, name);
  return isCustomName(name)
    ? incomingVendor(name, given, index, context)
    : incomingOf(name, given, context, { index, partial });
}

/** 2.1.8 */
const TEMPLATE_ATTRIBUTE = schema({
  names: many(Tag.Name, asItem),
  attributes: many(Tag.Attribute, asItem),
});

/**
 * Reads the attributes of a Template-Attribute structure without templates.
 *
 * @param partial true in Locate, where fields of structures may be left out
 * @throws KmipError Item Not Found for a template
 */
export function readTemplateAttribute(
  item: Item,
  context: ReadContext,
  partial: boolean,
): IncomingAttribute[] {
  const template = readFields(TEMPLATE_ATTRIBUTE, item, context);
  if (template.names.length > 0) {
    throw itemNotFound("Templates cannot be used here");
  }
  return template.attributes.map((attribute) => readAttribute1(attribute, context, partial));
}

/** Parts the names of templates in a Template-Attribute structure from the rest of it. @throws KmipError */
export function readTemplateNames(
  item: Item | undefined,
  context: ReadContext,
): { names: StoredValue[]; rest: Item | undefined } {
  if (item?.tag !== Tag.TemplateAttribute || item.type !== ItemType.Structure) {
    return { names: [], rest: item };
  }
  const names = item.value.filter(({ tag }) => tag === Tag.Name);
  if (names.length === 0) {
    return { names: [], rest: item };
  }
  return {
    names: names.map((name) => storedFromItem(incomingOf("Name", name, context, { partial: false }).item)),
    rest: structure(
      item.tag,
      item.value.filter(({ tag }) => tag !== Tag.Name),
    ),
  };
}

/**
 * An Attribute structure of an answer. The index of what has one instance only is left out, as the specification allows
 * (4.14); of what may have several, clients want to be told the first one's as well.
 */
export function attributeItem1(
  { name, rule }: { readonly name: string; readonly rule: AttributeRule | null },
  { i: index, v: stored }: StoredAttribute,
  version: KmipVersion,
): Item {
  const value = itemForVersion(Tag.AttributeValue, stored, rule, version);
  const fields = [text(Tag.AttributeName, name)];
  const single = rule !== null && rule.multiple !== true;
  return structure(
    Tag.Attribute,
    single && index === 0 ? [...fields, value] : [...fields, integer(Tag.AttributeIndex, index), value],
  );
}
