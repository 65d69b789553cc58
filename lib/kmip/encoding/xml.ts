/**
 * TTLV items as XML (KMIP Profiles 1.4, 5.5): one element for each item, named as its tag, with attributes `type` and
 * `value`; structures hold elements. An item without a name is a TTLV element with its tag in hexadecimal.
 */
import { Tag } from "../protocol/tags";
import { type Item, ItemType } from "../ttlv/item";
import { EncodingError } from "./errors";
import { DEFAULT_ENCODING_LIMITS, type EncodingLimits } from "./limits";
import { quote, tagFromName, tagHex, tagName, typeFromName, typeName } from "./names";
import { attributeNameIn, isOfSecondMajor, nameTagOf, scalarFromText, scalarText } from "./scalars";
import { isXmlText, readXml, type XmlElement } from "./xml-reader";

const ESCAPES: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#x9;",
  "\n": "&#xa;",
  "\r": "&#xd;",
};

/** The name of the element for items whose tag has none. */
const UNNAMED = "TTLV";

/**
 * Writes an item and all that it holds.
 *
 * @throws EncodingError for a Text String with characters that XML cannot hold
 */
export function encodeXml(item: Item): string {
  const lines: string[] = [];
  write(item, { attributeName: null, second: isOfSecondMajor(item) }, "", lines);
  return `${lines.join("\n")}\n`;
}

/** What the scalars of an element are written by: the attribute beside them, and the major version. */
type ElementContext = { readonly attributeName: string | null; readonly second: boolean };

function write(item: Item, { attributeName, second }: ElementContext, indent: string, lines: string[]): void {
  const name = tagName(item.tag);
  const start = name === undefined ? `${UNNAMED} tag="${tagHex(item.tag)}"` : name;
  if (item.type === ItemType.Structure) {
    if (item.value.length === 0) {
      lines.push(`${indent}<${start}/>`);
      return;
    }
    lines.push(`${indent}<${start}>`);
    const inside = { attributeName: attributeNameIn(item.value), second };
    for (const child of item.value) {
      write(child, inside, `${indent}  `, lines);
    }
    lines.push(`${indent}</${name ?? UNNAMED}>`);
    return;
  }
  const value = scalarText(item, { nameTag: nameTagOf(item.tag, attributeName), separator: " ", second });
  if (!isXmlText(value)) {
    throw new EncodingError("XML has no way to write a text of the message");
  }
  const escaped = value.replace(/[&<>"\t\n\r]/g, (character) => ESCAPES[character] ?? character);
  lines.push(`${indent}<${start} type="${typeName(item.type)}" value="${escaped}"/>`);
}

/**
 * Reads one item and all that it holds.
 *
 * @throws EncodingError
 */
export function decodeXml(text: string, limits: EncodingLimits = DEFAULT_ENCODING_LIMITS): Item {
  return itemFromElement(readXml(text, limits), limits);
}

/** The item that an element stands for. @throws EncodingError */
export const itemFromElement = (
  element: XmlElement,
  limits: EncodingLimits = DEFAULT_ENCODING_LIMITS,
): Item => toItem(element, null, limits.maxDepth);

/** The tag that an element stands for. @throws EncodingError */
export function tagOfElement(element: XmlElement): number {
  if (element.name !== UNNAMED) {
    return tagFromName(element.name);
  }
  const tag = element.attributes.get("tag");
  if (tag === undefined) {
    throw new EncodingError("a TTLV element has no tag");
  }
  return tagFromName(tag);
}

/** The item type of an element; one without is a structure. @throws EncodingError */
export function typeOfElement(element: XmlElement): ItemType {
  const type = element.attributes.get("type");
  return type === undefined ? ItemType.Structure : typeFromName(type);
}

/** The Attribute Name among the elements of a structure, or null. @throws EncodingError */
export function attributeNameInElements(elements: readonly XmlElement[]): string | null {
  for (const element of elements) {
    const value = element.attributes.get("value");
    if (value === undefined || tagOfElement(element) !== Tag.AttributeName) {
      continue;
    }
    if (typeOfElement(element) === ItemType.TextString) {
      return value;
    }
  }
  return null;
}

/** Attributes of an element that say nothing about its item: names for people, and those of XML itself. */
const isSilent = (name: string): boolean => name === "name" || name.startsWith("xmlns") || name.includes(":");

function toItem(element: XmlElement, attributeName: string | null, depthLeft: number): Item {
  for (const name of element.attributes.keys()) {
    const known = name === "type" || name === "value" || (name === "tag" && element.name === UNNAMED);
    if (!known && !isSilent(name)) {
      throw new EncodingError(`unknown attribute ${quote(name)}`);
    }
  }
  const tag = tagOfElement(element);
  const type = typeOfElement(element);
  const value = element.attributes.get("value");
  if (type === ItemType.Structure) {
    if (value !== undefined) {
      throw new EncodingError(`${quote(element.name)} is a structure with a value`);
    }
    if (depthLeft <= 0) {
      throw new EncodingError("nested too deeply");
    }
    const name = attributeNameInElements(element.children);
    return { tag, type, value: element.children.map((child) => toItem(child, name, depthLeft - 1)) };
  }
  if (value === undefined) {
    throw new EncodingError(`${quote(element.name)} has no value`);
  }
  if (element.children.length > 0) {
    throw new EncodingError(`${quote(element.name)} is no structure`);
  }
  return scalarFromText(tag, type, value, { nameTag: nameTagOf(tag, attributeName), separator: " " });
}
