/**
 * Templates of KMIP 1.x (2.2.6): named lists of attributes for objects to come.
 *
 * A template is kept like any other object. What it is about, the encoded Template structure, is its material; of the
 * attributes in it none is the template's own. 2.x has no templates, and its clients see none.
 */
import type { IncomingAttribute } from "../../attributes/incoming";
import { isArchived } from "../../attributes/lifecycle";
import { appliesTo } from "../../attributes/rules";
import { termOf } from "../../attributes/terms";
import { sameValue } from "../../attributes/values";
import { attributeIn } from "../../attributes/view";
import {
  attributesAnswer,
  mergedAttributes,
  type RequestedAttributes,
  readRequestedAttributes,
  requestedOf,
} from "../../attributes/wire";
import { readAttribute1, readTemplateNames } from "../../attributes/wire-1";
import { KeyStoreError, type ManagedObject, type StoredValue } from "../../ports";
import { ObjectType } from "../../protocol/enumerations";
import {
  invalidAttribute,
  invalidAttributeValue,
  invalidMessage,
  itemNotFound,
  objectArchived,
} from "../../protocol/errors";
import { asItem, many, type ReadContext, readFields, schema } from "../../protocol/fields";
import { Tag } from "../../protocol/tags";
import { KmipVersion } from "../../protocol/versions";
import { decodeTtlv } from "../../ttlv/decoder";
import { encodeTtlv } from "../../ttlv/encoder";
import { type Item, structure } from "../../ttlv/item";
import type { OperationContext } from "../context";
import { LIVING_STATES } from "./attribute-changes";
import { initialAttributes, keepObject } from "./new-object";
import { readMaterial, refuseUnserved } from "./serving";

/** Table 50 */
const TEMPLATE = schema({ attributes: many(Tag.Attribute, asItem) });

/** Templates are read as the last version that has them writes them. */
const OWN: ReadContext = { version: KmipVersion.V1_4, newer: false };

const attributesOf = (template: Item, context: ReadContext): IncomingAttribute[] =>
  readFields(TEMPLATE, template, context).attributes.map((item) => readAttribute1(item, context, false));

/**
 * Keeps a new template.
 *
 * @param requested the template's own attributes
 * @returns its Unique Identifier
 * @throws KmipError Invalid Message, Invalid Field, Index Out of Bounds; KeyStoreError
 */
export async function keepTemplate(
  context: OperationContext,
  template: Item,
  requested: RequestedAttributes,
): Promise<string> {
  const content = requestedOf(attributesOf(template, context), "register");
  if (content.size === 0) {
    throw invalidMessage("The template has no attribute");
  }
  const own = mergedAttributes(namesWithin(content, context.version), requested);
  if (!own.has("Name")) {
    throw invalidAttributeValue("A template needs a Name");
  }
  for (const name of own.keys()) {
    if (!appliesTo(name, ObjectType.Template, context.version)) {
      throw invalidAttribute(`${name} does not apply to templates`);
    }
  }
  const material = encodeTtlv(structure(Tag.Template, contentItems(content, OWN.version)));
  if (material.length > context.limits.maxMaterialBytes) {
    throw invalidAttributeValue(`The template is larger than ${context.limits.maxMaterialBytes} bytes`);
  }
  const attributes = await initialAttributes(context, own, {});
  return keepObject(context, { objectType: ObjectType.Template, attributes, material });
}

/** Takes the Names out of a Template structure: up to 1.2 they name the template; later they are not allowed (11.4). */
function namesWithin(content: RequestedAttributes, version: KmipVersion): RequestedAttributes {
  const names = content.get("Name");
  if (names === undefined) {
    return new Map();
  }
  if (version > KmipVersion.V1_2) {
    throw invalidAttributeValue("A template is named in the Template-Attribute");
  }
  content.delete("Name");
  return new Map([["Name", names]]);
}

/** The attributes of a template's content that a version knows. */
const contentItems = (content: RequestedAttributes, version: KmipVersion): Item[] =>
  attributesAnswer(
    [...content].flatMap(([name, instances]) => attributeIn(name, instances, version) ?? []),
    version,
  );

/** The Template structure of a template, for a client of the context's version. @throws KeyStoreError */
export async function templateItem(context: OperationContext, object: ManagedObject): Promise<Item> {
  const content = requestedOf(await contentOf(context, object), "register");
  return structure(Tag.Template, contentItems(content, context.version));
}

async function contentOf(context: OperationContext, object: ManagedObject): Promise<IncomingAttribute[]> {
  return attributesOf(decodeTtlv(await readMaterial(context, object)), OWN);
}

/**
 * Reads the attributes of a request that makes an object, and those of the templates that it names: of attributes of
 * one value the last template's count, and the request's own before all (section 4).
 *
 * @param mayGive how far the client may set attributes: those of an object that the server makes, or that it supplies
 * @throws KmipError Item Not Found, Object Archived for a template; those of `readRequestedAttributes`
 */
export async function requestedAttributes(
  context: OperationContext,
  item: Item | undefined,
  mayGive: "create" | "register" = "create",
): Promise<RequestedAttributes> {
  const { names, rest } = readTemplateNames(item, context);
  const requested = readRequestedAttributes(rest, context, mayGive);
  let all: RequestedAttributes = new Map();
  for (const name of names) {
    all = mergedAttributes(all, requestedOf(await contentNamed(context, name), mayGive));
  }
  return names.length === 0 ? requested : mergedAttributes(all, requested);
}

/** The content of the template of a name. @throws KmipError Item Not Found, Object Archived, Permission Denied */
async function contentNamed(context: OperationContext, name: StoredValue): Promise<IncomingAttribute[]> {
  const object = await templateNamed(context, name);
  if (object === null) {
    throw noSuchTemplate();
  }
  if (isArchived(object)) {
    throw objectArchived("The template is archived");
  }
  refuseUnserved(context, object);
  try {
    return await contentOf(context, object);
  } catch (error) {
    if (error instanceof KeyStoreError && error.failure === "gone") {
      throw noSuchTemplate();
    }
    throw error;
  }
}

const noSuchTemplate = () => itemNotFound("There is no such template");

async function templateNamed(context: OperationContext, name: StoredValue): Promise<ManagedObject | null> {
  const term = termOf("Name", name);
  const query = {
    states: LIVING_STATES,
    objectType: ObjectType.Template,
    terms: term === null ? [] : [term],
  };
  for await (const object of context.store.search(context.tenant, query)) {
    if (object.attributes.Name?.some(({ v }) => sameValue(v, name))) {
      return object;
    }
  }
  return null;
}
