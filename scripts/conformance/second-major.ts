/** Messages of KMIP 1.x in the form that 2.x has for them, so that the cases of the one can be replayed in the other. */
import type { XmlElement } from "@/lib/kmip/encoding/xml-reader";
import { OPERATIONS, RESULT_REASONS } from "@/lib/kmip/protocol/enumerations";
import { FAILURES, reasonIn } from "@/lib/kmip/protocol/errors";
import { KmipVersion } from "@/lib/kmip/protocol/versions";

const element = (
  name: string,
  children: readonly XmlElement[],
  attributes: ReadonlyMap<string, string> = new Map(),
): XmlElement => ({ name, attributes, children });

const text = (name: string, value: string): XmlElement =>
  element(
    name,
    [],
    new Map([
      ["type", "TextString"],
      ["value", value],
    ]),
  );

const childOf = (parent: XmlElement, name: string): XmlElement | undefined =>
  parent.children.find((child) => child.name === name);
const textOf = (parent: XmlElement, name: string): string =>
  childOf(parent, name)?.attributes.get("value") ?? "";

/** Attributes that 2.x does not have. */
const DROPPED: ReadonlySet<string> = new Set(["Operation Policy Name"]);

/** "x-ID" is the attribute ID of the vendor x (2.1: 4.60). */
const vendorFields = (name: string): XmlElement[] | null =>
  /^[xy]-/.test(name)
    ? [text("VendorIdentification", name.slice(0, 1)), text("AttributeName", name.slice(2))]
    : null;

/** An Attribute structure as the field that 2.x has in its place; none for what 2.x does not have. */
function attribute(given: XmlElement): XmlElement[] {
  const name = textOf(given, "AttributeName");
  if (DROPPED.has(name)) {
    return [];
  }
  const value = childOf(given, "AttributeValue");
  const vendor = vendorFields(name);
  if (vendor !== null) {
    return [element("Attribute", value === undefined ? vendor : [...vendor, value])];
  }
  return [element(name.replace(/[ -]/g, ""), value?.children ?? [], value?.attributes)];
}

function reference(name: string): XmlElement[] {
  if (DROPPED.has(name)) {
    return [];
  }
  const vendor = vendorFields(name);
  if (vendor !== null) {
    return [element("AttributeReference", vendor)];
  }
  const tag = new Map([
    ["type", "Enumeration"],
    ["value", name.replace(/[ -]/g, "")],
  ]);
  return [element("AttributeReference", [], tag)];
}

/** Operations whose payload holds the one attribute that they write. */
const WRITING: ReadonlySet<string> = new Set(["AddAttribute", "ModifyAttribute"]);
/** Where the attributes of an answer come before its object. */
const BEFORE_OBJECT: ReadonlySet<string> = new Set(["Export", "Import"]);
const OBJECTS: ReadonlySet<string> = new Set(["SymmetricKey", "SecretData", "OpaqueObject"]);

function payload(given: XmlElement, operation: string): XmlElement {
  const isRequest = given.name === "RequestPayload";
  const fields: XmlElement[] = [];
  const attributes: XmlElement[] = [];
  for (const child of given.children) {
    if (child.name.endsWith("TemplateAttribute")) {
      // 2.x does not answer what the server chose.
      if (isRequest) {
        fields.push(element("Attributes", child.children.flatMap(attribute)));
      }
    } else if (child.name === "Attribute") {
      if (!WRITING.has(operation)) {
        attributes.push(...attribute(child));
      } else if (isRequest) {
        fields.push(element("NewAttribute", attribute(child)));
      }
    } else if (child.name === "AttributeName") {
      fields.push(...reference(child.attributes.get("value") ?? ""));
    } else if (child.name !== "AttributeIndex") {
      fields.push(child);
    }
  }
  const holds = attributes.length > 0 && operation !== "DeleteAttribute";
  const always = isRequest ? operation === "Locate" : operation === "GetAttributes";
  if (holds || always) {
    const object = BEFORE_OBJECT.has(operation) ? fields.findIndex(({ name }) => OBJECTS.has(name)) : -1;
    fields.splice(object < 0 ? fields.length : object, 0, element("Attributes", attributes));
  }
  return element(given.name, fields, given.attributes);
}

/** A message of 1.x with the payloads of 2.x; its header is left as it is. */
export const toSecondMajor = (message: XmlElement): XmlElement =>
  element(
    message.name,
    message.children.map((item) => {
      if (item.name !== "BatchItem") {
        return item;
      }
      const operation = textOf(item, "Operation");
      const children = item.children.map((child) =>
        child.name.endsWith("Payload") ? payload(child, operation) : child,
      );
      return element(item.name, children, item.attributes);
    }),
    message.attributes,
  );

/** The Result Reasons that 2.x may have for what an operation of 1.x answers with one. */
export function reasonsInSecondMajor(reason: string, operation: string | null): ReadonlySet<string> {
  const code = operation === null ? null : (OPERATIONS.codeOf(operation) ?? null);
  const reasons = Object.values(FAILURES)
    .filter((failure) => RESULT_REASONS.nameOf(reasonIn(failure, KmipVersion.V1_4, code)) === reason)
    .map((failure) => RESULT_REASONS.nameOf(reasonIn(failure, KmipVersion.V2_1, code)) ?? "");
  return new Set(reasons);
}
