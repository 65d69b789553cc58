/** Test cases in an older version of the protocol: the same messages without what the version does not have. */

import { type AttributeField, CRYPTOGRAPHIC_PARAMETERS, ruleNamed } from "@/lib/kmip/attributes/rules";
import { tagOfElement } from "@/lib/kmip/encoding/xml";
import type { XmlElement } from "@/lib/kmip/encoding/xml-reader";
import { ENUMERATION_OF_TAG, OPERATIONS } from "@/lib/kmip/protocol/enumerations";
import { TAGS, Tag } from "@/lib/kmip/protocol/tags";
import { formatVersion, type KmipVersion, SUPPORTED_VERSIONS } from "@/lib/kmip/protocol/versions";
import type { TestCase } from "./cases";

const textOf = (element: XmlElement | undefined): string => element?.attributes.get("value") ?? "";

/** The version of a name like "1.2". @throws Error if there is none */
function versionNamed(name: string): KmipVersion {
  const version = SUPPORTED_VERSIONS.find((candidate) => formatVersion(candidate) === name);
  if (version === undefined) {
    throw new Error(`${name} is no version of this server`);
  }
  return version;
}

/** Elements with a name, at any depth. */
export function* elementsNamed(element: XmlElement, name: string): Generator<XmlElement> {
  if (element.name === name) {
    yield element;
  }
  for (const child of element.children) {
    yield* elementsNamed(child, name);
  }
}

/** True if a version has the operations that a case asks for. */
export function isCaseOf({ exchanges }: TestCase, version: string): boolean {
  const known = versionNamed(version);
  return exchanges.every(({ request }) =>
    [...elementsNamed(request, "Operation")].every((element) => {
      const code = OPERATIONS.codeOf(textOf(element));
      return code === undefined || OPERATIONS.has(code, known);
    }),
  );
}

/** A message as another version of the protocol has it. */
export function inVersion(element: XmlElement, version: string): XmlElement {
  const [major = "", minor = ""] = version.split(".");
  const numbers = new Map([
    ["ProtocolVersionMajor", major],
    ["ProtocolVersionMinor", minor],
  ]);
  const known = versionNamed(version);
  const change = (part: XmlElement, fields: readonly AttributeField[] | undefined): XmlElement => {
    const value = numbers.get(part.name);
    const named = part.children.find(({ name }) => name === "AttributeName");
    return {
      name: part.name,
      attributes: value === undefined ? part.attributes : new Map(part.attributes).set("value", value),
      children: part.children
        .filter((child) => isIn(child, part, fields, known))
        .map((child) => change(child, fieldsOf(child, textOf(named)))),
    };
  };
  return change(element, undefined);
}

/** The fields of a structure that may be younger than it is. */
function fieldsOf({ name }: XmlElement, attributeName: string): readonly AttributeField[] | undefined {
  if (name === "CryptographicParameters") {
    return CRYPTOGRAPHIC_PARAMETERS;
  }
  return name === "AttributeValue" ? ruleNamed(attributeName)?.fields : undefined;
}

function isIn(
  child: XmlElement,
  parent: XmlElement,
  fields: readonly AttributeField[] | undefined,
  version: KmipVersion,
): boolean {
  const tag = tagOfElement(child);
  if (tag >> 16 === 0x42 && !TAGS.has(tag, version)) {
    return false;
  }
  if ((fields?.find((field) => field.tag === tag)?.since ?? 0) > version) {
    return false;
  }
  if (child.name === "Attribute") {
    return !isYounger(
      child.children.find(({ name }) => name === "AttributeName"),
      version,
    );
  }
  if (child.name === "AttributeName" && parent.name !== "Attribute") {
    return !isYounger(child, version);
  }
  // What Query answers.
  if (parent.name === "ResponsePayload" && (tag === Tag.Operation || tag === Tag.ObjectType)) {
    const table = ENUMERATION_OF_TAG.get(tag);
    const code = table?.codeOf(textOf(child));
    return code === undefined || table?.has(code, version) === true;
  }
  return true;
}

/** True for the name of an attribute of the specification that a version does not have. */
function isYounger(attributeName: XmlElement | undefined, version: KmipVersion): boolean {
  const rule = ruleNamed(textOf(attributeName));
  return rule !== null && rule.since > version;
}
