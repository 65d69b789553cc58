/**
 * Attributes in requests and answers, of which operations need not know how a version writes them: Template-Attribute,
 * Attribute and Attribute Name in 1.x, Attributes, New Attribute and Attribute Reference in 2.x.
 *
 * Operations declare the fields below in their schema, and read and write with the functions below.
 */

import type { StoredAttribute } from "../ports";
import { attributeSingleValued, invalidMessage, readOnlyAttribute } from "../protocol/errors";
import { asItem, asText, inTurn, many, one, optional, type ReadContext } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { isSecondMajor, KmipVersion } from "../protocol/versions";
import { type Item, structure, text } from "../ttlv/item";
import type { IncomingAttribute } from "./incoming";
import { type AttributeRule, ruleNamed } from "./rules";
import { sameValue, storedFromItem } from "./values";
import { isClientVendorName, isVendorName } from "./vendor-names";
import type { VisibleAttribute } from "./view";
import { attributeItem1, readAttribute1, readTemplateAttribute } from "./wire-1";
import {
  asAttributeReference,
  attributeItem2,
  readAttributes,
  readSingleAttribute,
  referenceItem,
} from "./wire-2";

const { V1_0, V1_4, V2_0 } = KmipVersion;

/** The attributes of a new object; read them with `readRequestedAttributes`. */
export const REQUESTED_ATTRIBUTES = inTurn(
  one(Tag.TemplateAttribute, asItem, V1_0, V1_4),
  one(Tag.Attributes, asItem, V2_0),
);

/**
 * The same where they may be missing. PyKMIP's client writes a Template-Attribute here in 2.0 as well, and is
 * understood.
 */
export const OPTIONAL_REQUESTED_ATTRIBUTES = inTurn(
  optional(Tag.TemplateAttribute, asItem),
  optional(Tag.Attributes, asItem, V2_0),
);

/** The attributes of an object that is imported; read them with `readEnclosedAttributes`. */
export const IMPORTED_ATTRIBUTES = inTurn(
  many(Tag.Attribute, asItem, V1_0, V1_4),
  many(Tag.Attributes, asItem, V2_0),
);

/** What Locate looks for; read it with `readSearchedAttributes`. */
export const SEARCHED_ATTRIBUTES = inTurn(
  many(Tag.Attribute, asItem, V1_0, V1_4),
  many(Tag.Attributes, asItem, V2_0),
);

/** Template-Attributes of a Locate of 1.x, in which some clients write what they look for: read with the attributes. */
export const SEARCHED_TEMPLATES = many(Tag.TemplateAttribute, asItem, V1_0, V1_4);

/** Names of attributes that are asked for: their names in the store. */
export const ATTRIBUTE_NAMES = inTurn(
  many(Tag.AttributeName, asText, V1_0, V1_4),
  many(Tag.AttributeReference, asAttributeReference, V2_0),
);

/** The name of the one attribute that an operation is about: its name in the store. */
export const ATTRIBUTE_NAME = inTurn(
  optional(Tag.AttributeName, asText, V1_0, V1_4),
  optional(Tag.AttributeReference, asAttributeReference, V2_0),
);

/** The attribute that an operation adds or changes; read it with `readAttribute`. */
export const NEW_ATTRIBUTE = inTurn(
  one(Tag.Attribute, asItem, V1_0, V1_4),
  one(Tag.NewAttribute, asItem, V2_0),
);

/** The instance that an operation changes or deletes, by its value (2.x); read it with `readAttribute`. */
export const CURRENT_ATTRIBUTE = optional(Tag.CurrentAttribute, asItem, V2_0);

/** Attributes of one value, of which a client may name several for the server to choose from (3.44). */
const CHOICES: ReadonlySet<string> = new Set(["Random Number Generator"]);

/** The attributes that a client wants a new object to have, by name in the store. */
export type RequestedAttributes = Map<string, StoredAttribute[]>;

/**
 * Reads the attributes of a request that makes an object.
 *
 * @param mayGive how far the client may set attributes: those of an object that the server makes, or that it supplies
 * @throws KmipError for attributes that a client may not set, or not like this; Item Not Found for a template
 */
export function readRequestedAttributes(
  item: Item | undefined,
  context: ReadContext,
  mayGive: "create" | "register" = "create",
): RequestedAttributes {
  if (item === undefined) {
    return new Map();
  }
  const attributes =
    item.tag === Tag.TemplateAttribute
      ? readTemplateAttribute(item, context, false)
      : readAttributes(item, context, false);
  return requestedOf(attributes, mayGive);
}

/** How far a client may set attributes: those of an object that the server makes, that it supplies, or that it imports. */
type MayGive = "create" | "register" | "import";

/**
 * Reads the attributes within a Key Value or of Import: Attribute structures of 1.x, or one Attributes structure.
 *
 * @throws KmipError for attributes that a client may not set, or not like this
 */
export function readEnclosedAttributes(
  items: readonly Item[],
  context: ReadContext,
  mayGive: MayGive,
): RequestedAttributes {
  if (!isSecondMajor(context.version)) {
    return requestedOf(
      items.map((item) => readAttribute1(item, context, false)),
      mayGive,
    );
  }
  if (items.length > 1) {
    throw invalidMessage("Attributes appears more than once");
  }
  return requestedOf(
    items.flatMap((item) => readAttributes(item, context, false)),
    mayGive,
  );
}

/**
 * Attributes by name, of those that a client may set; they have the Attribute Indices that an importing client gives
 * them, or the next ones.
 *
 * @throws KmipError for one that it may not set, or not like this
 */
export function requestedOf(attributes: readonly IncomingAttribute[], mayGive: MayGive): RequestedAttributes {
  const requested: RequestedAttributes = new Map();
  for (const { name, rule, index, item } of attributes) {
    if (!isGiven(name, rule, mayGive)) {
      throw readOnlyAttribute(`${name} is set by the server`);
    }
    const instances = requested.get(name) ?? [];
    const v = storedFromItem(item);
    // Values that are named twice are one (section 4).
    if (instances.some((instance) => sameValue(instance.v, v))) {
      continue;
    }
    if (instances.length > 0 && rule !== null && rule.multiple !== true && !CHOICES.has(name)) {
      throw attributeSingleValued(`${name} has more than one value`);
    }
    const next = instances.reduce((highest, { i }) => Math.max(highest, i + 1), 0);
    const given = mayGive === "import" ? index : undefined;
    const i = instances.some((instance) => instance.i === given) ? next : (given ?? next);
    instances.push({ i, v });
    requested.set(name, instances);
  }
  return requested;
}

/** Two lists of attributes in one: of attributes of one value the second's count, of others both lists' (section 4). */
export function mergedAttributes(
  first: RequestedAttributes,
  second: RequestedAttributes,
): RequestedAttributes {
  const merged: RequestedAttributes = new Map(first);
  for (const [name, instances] of second) {
    const before = ruleNamed(name)?.multiple === true || isVendorName(name) ? (first.get(name) ?? []) : [];
    const added = instances.filter(({ v }) => !before.some((instance) => sameValue(instance.v, v)));
    merged.set(
      name,
      [...before, ...added].map(({ v }, i) => ({ i, v })),
    );
  }
  return merged;
}

function isGiven(name: string, rule: AttributeRule | null, mayGive: MayGive): boolean {
  if (mayGive === "import") {
    return true;
  }
  if (rule === null) {
    return isClientVendorName(name);
  }
  // A client may ask for a generator; whether there is such a one, the operation sees to.
  if (rule.name === "Random Number Generator") {
    return true;
  }
  if (rule.client === "register") {
    return mayGive === "register";
  }
  return rule.client !== undefined;
}

/**
 * Reads what Locate looks for.
 *
 * @param templates Template-Attributes, whose attributes are looked for as well
 * @throws KmipError; Item Not Found for the name of a template, which says nothing to look for
 */
export function readSearchedAttributes(
  items: readonly Item[],
  templates: readonly Item[],
  context: ReadContext,
): IncomingAttribute[] {
  if (!isSecondMajor(context.version)) {
    return [
      ...items.map((item) => readAttribute1(item, context, true)),
      ...templates.flatMap((item) => readTemplateAttribute(item, context, true)),
    ];
  }
  if (items.length > 1) {
    throw invalidMessage("Attributes appears more than once");
  }
  return items.flatMap((item) => readAttributes(item, context, true));
}

/** Reads the one attribute that an operation is about. @throws KmipError */
export const readAttribute = (item: Item, context: ReadContext): IncomingAttribute =>
  item.tag === Tag.Attribute ? readAttribute1(item, context, false) : readSingleAttribute(item, context);

/** Attributes of an object in an answer (4.12): Attribute structures, or one Attributes structure. */
export function attributesAnswer(attributes: readonly VisibleAttribute[], version: KmipVersion): Item[] {
  if (!isSecondMajor(version)) {
    return attributes.flatMap(({ name, rule, instances }) =>
      instances.map(({ i, v }) => attributeItem1({ name, rule }, { i, v }, version)),
    );
  }
  const items = attributes.flatMap(({ name, rule, instances }) =>
    instances.map(({ v }) => attributeItem2(name, v, rule, version)),
  );
  return [structure(Tag.Attributes, items)];
}

/** Names of attributes in an answer (4.13). */
export const namesAnswer = (names: readonly string[], version: KmipVersion): Item[] =>
  names.map((name) => (isSecondMajor(version) ? referenceItem(name) : text(Tag.AttributeName, name)));

/** The instance of an attribute that an operation added, changed or deleted: 2.x does not answer it. */
export const changedAnswer = (
  { name, rule }: Pick<IncomingAttribute, "name" | "rule">,
  { i, v }: StoredAttribute,
  version: KmipVersion,
): Item[] => (isSecondMajor(version) ? [] : [attributeItem1({ name, rule }, { i, v }, version)]);

/** Attributes that the server gave a new object though the client could have (Table 164): 2.x does not answer them. */
export function implicitAnswer(attributes: readonly VisibleAttribute[], version: KmipVersion): Item[] {
  if (isSecondMajor(version) || attributes.length === 0) {
    return [];
  }
  return [structure(Tag.TemplateAttribute, attributesAnswer(attributes, version))];
}
