/**
 * An attribute that a client sent, whatever version it was written in.
 */
import { badAttributeName, invalidAttributeValue, unsupportedAttribute } from "../protocol/errors";
import type { ReadContext } from "../protocol/fields";
import type { Item } from "../ttlv/item";
import { type AttributeRule, findRule } from "./rules";
import { checkCustomValue, checkValue } from "./values";

/** An attribute that a client sent, its value checked. */
export type IncomingAttribute = {
  /** Name in the store. */
  readonly name: string;
  /** Null for attributes that are not of the specification. */
  readonly rule: AttributeRule | null;
  /** Attribute Index of 1.x. */
  readonly index: number | undefined;
  readonly item: Item;
};

const MAX_NAME_LENGTH = 255;

/**
 * Checks an attribute of the specification.
 *
 * @param name canonical
 * @param options.index Attribute Index of 1.x
 * @param options.partial true in Locate, where fields of structures may be left out
 * @throws KmipError
 */
export function incomingOf(
  name: string,
  item: Item,
  context: ReadContext,
  { index, partial }: { readonly index?: number | undefined; readonly partial: boolean },
): IncomingAttribute {
  const rule = findRule(name, context.version);
  if (rule === null) {
    throw unsupportedAttribute(`${name} is not an attribute of this server`);
  }
  return { name, rule, index, item: checkValue(rule, item, context, partial) };
}

/**
 * Checks an attribute that is not of the specification.
 *
 * @param stored name in the store
 * @throws KmipError
 */
export function incomingVendor(
  stored: string,
  item: Item,
  index: number | undefined,
  context: ReadContext,
): IncomingAttribute {
  if (stored.length > MAX_NAME_LENGTH || stored.length < 3) {
    throw badAttributeName("The name of a custom attribute is too short or too long");
  }
  checkCustomValue(item, context.version);
  return { name: stored, rule: null, index, item };
}

/** The value of an attribute that has to have one. @throws KmipError */
export function givenValue(item: Item | undefined, name: string): Item {
  if (item === undefined) {
    throw invalidAttributeValue(`Attribute Value of ${name} is missing`);
  }
  return item;
}
