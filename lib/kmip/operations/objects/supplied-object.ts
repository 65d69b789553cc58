/** Objects that clients supply (KMIP 4.3, 4.41), and what is known of them from themselves. */
import { appliesTo, findRule } from "../../attributes/rules";
import { sameValue } from "../../attributes/values";
import { isVendorName } from "../../attributes/vendor-names";
import { type RequestedAttributes, readEnclosedAttributes } from "../../attributes/wire";
import type { StoredValue } from "../../ports";
import { KeyFormatType, ObjectType } from "../../protocol/enumerations";
import {
  invalidAttribute,
  invalidAttributeValue,
  invalidField,
  limitExceeded,
  wrongObjectType,
} from "../../protocol/errors";
import { asItem, optional } from "../../protocol/fields";
import { Tag } from "../../protocol/tags";
import { isSecondMajor, KmipVersion } from "../../protocol/versions";
import { wipe } from "../../ttlv/wipe";
import type { OperationContext } from "../context";
import { KEY_WRAPPING_DATA, WRAPPED_STRUCTURE } from "./key-wrapping-data";
import { checkRegistered } from "./material";
import type { ServerAttributes } from "./new-object";
import { type ObjectContent, readOpaqueObject, readSecretData, readSymmetricKey } from "./object-items";

/** Objects of types that are not kept here: it is the Object Type that is refused. */
const OTHER_OBJECTS = {
  certificate: optional(Tag.Certificate, asItem),
  publicKey: optional(Tag.PublicKey, asItem),
  privateKey: optional(Tag.PrivateKey, asItem),
  splitKey: optional(Tag.SplitKey, asItem),
  template: optional(Tag.Template, asItem, KmipVersion.V1_0, KmipVersion.V1_4),
  pgpKey: optional(Tag.PGPKey, asItem, KmipVersion.V1_2),
  certificateRequest: optional(Tag.CertificateRequest, asItem, KmipVersion.V2_0),
};

/** The fields of a request that may hold the object. */
export const SUPPLIED_OBJECT = {
  symmetricKey: optional(Tag.SymmetricKey, readSymmetricKey),
  secretData: optional(Tag.SecretData, readSecretData),
  opaqueObject: optional(Tag.OpaqueObject, readOpaqueObject),
  ...OTHER_OBJECTS,
};

type Given = { readonly [K in keyof typeof SUPPLIED_OBJECT]?: unknown } & {
  readonly symmetricKey: ObjectContent | undefined;
  readonly secretData: ObjectContent | undefined;
  readonly opaqueObject: ObjectContent | undefined;
};

/** An object that a client supplies. */
export type SuppliedObject = { readonly objectType: number; readonly content: ObjectContent };

/**
 * Works on the object of a request, whose material is zeroed afterwards.
 *
 * @param declared its Object Type; undefined where a version does not tell it
 * @throws KmipError for another type, another object, none or several; what `work` throws
 */
export async function withSuppliedObject<T>(
  given: Given,
  declared: number | undefined,
  work: (supplied: SuppliedObject) => Promise<T>,
): Promise<T> {
  const objects = [
    { objectType: ObjectType.SymmetricKey, content: given.symmetricKey },
    { objectType: ObjectType.SecretData, content: given.secretData },
    { objectType: ObjectType.OpaqueObject, content: given.opaqueObject },
  ].flatMap(({ objectType, content }) => (content === undefined ? [] : [{ objectType, content }]));
  try {
    const kept = [ObjectType.SymmetricKey, ObjectType.SecretData, ObjectType.OpaqueObject] as number[];
    const others = Object.keys(OTHER_OBJECTS).some((name) => given[name as keyof Given] !== undefined);
    if (declared === undefined ? others : !kept.includes(declared)) {
      throw wrongObjectType("Objects of this type are not kept here");
    }
    const [object] = objects;
    const alone = objects.length === 1 && !others;
    if (object === undefined || !alone || object.objectType !== (declared ?? object.objectType)) {
      throw invalidField("The object is not of the Object Type");
    }
    return await work(object);
  } finally {
    for (const { content } of objects) {
      wipe(content.material);
    }
  }
}

/** Refuses an object that is too large, and attributes that its type does not have. @throws KmipError */
export function checkSupplied(
  { limits, version }: OperationContext,
  { objectType, content }: SuppliedObject,
  requested: RequestedAttributes,
): void {
  if (content.material.length > limits.maxMaterialBytes) {
    throw limitExceeded(`The object is larger than ${limits.maxMaterialBytes} bytes`);
  }
  for (const name of requested.keys()) {
    if (!appliesTo(name, objectType, version)) {
      throw invalidAttribute(`${name} does not apply to objects of this type`);
    }
  }
}

/**
 * The attributes of a request together with those within the Key Value, which differ from them only by where they
 * stand (2.1.4).
 *
 * @param mayGive as for the attributes of the request
 * @throws KmipError for a value that is not that of the request
 */
export function withEnclosed(
  context: OperationContext,
  { content }: SuppliedObject,
  requested: RequestedAttributes,
  mayGive: "register" | "import",
): RequestedAttributes {
  const enclosed = readEnclosedAttributes(content.attributes ?? [], context, mayGive);
  if (enclosed.size === 0) {
    return requested;
  }
  const merged: RequestedAttributes = new Map(requested);
  for (const [name, instances] of enclosed) {
    const present = merged.get(name) ?? [];
    const added = instances.filter(({ v }) => !present.some((own) => sameValue(own.v, v)));
    if (added.length > 0 && present.length > 0 && !isMultiple(name, context.version)) {
      throw invalidAttributeValue(`${name} is not that of the Key Value`);
    }
    let next = present.reduce((highest, { i }) => Math.max(highest, i + 1), 0);
    merged.set(name, [...present, ...added.map(({ v }) => ({ i: next++, v }))]);
  }
  return merged;
}

const isMultiple = (name: string, version: KmipVersion): boolean =>
  findRule(name, version)?.multiple === true || isVendorName(name);

/** What is known of an object from itself, and what every object of its type has (Table 171). @throws KmipError */
export function attributesOfObject(
  { version }: OperationContext,
  { objectType, content }: SuppliedObject,
  requested: RequestedAttributes,
): ServerAttributes {
  const { format, secretDataType, opaqueDataType, material } = content;
  if (opaqueDataType !== undefined) {
    settle("Key Format Type", KeyFormatType.Opaque, requested);
    return { ...freshness(requested, version), "Opaque Data Type": { t: "enumeration", v: opaqueDataType } };
  }
  const algorithm = settle("Cryptographic Algorithm", content.algorithm, requested);
  const length = settle("Cryptographic Length", content.length, requested);
  // 2.1, Table 293: neither of them is needed for secret data, which mostly has no algorithm.
  const isSecret = objectType === ObjectType.SecretData;
  if (isSecret ? algorithm !== null && length === null : (algorithm === null) !== (length === null)) {
    throw invalidAttributeValue("Cryptographic Algorithm and Cryptographic Length come together");
  }
  const usageMask = requested.get("Cryptographic Usage Mask")?.[0]?.v.v;
  if (objectType === ObjectType.SymmetricKey) {
    if (algorithm === null || length === null) {
      throw invalidAttributeValue("Cryptographic Algorithm is missing");
    }
    if (usageMask === undefined) {
      throw invalidAttributeValue("Cryptographic Usage Mask is missing");
    }
    // Of what is wrapped or opaque, only the client knows the length.
    const known = content.wrapping === undefined && format !== KeyFormatType.Opaque;
    checkRegistered(algorithm, length, known ? material.length : null);
  }
  if (typeof usageMask === "number" && usageMask < 0) {
    throw invalidAttributeValue("Cryptographic Usage Mask has unknown bits");
  }
  const own: { [name: string]: StoredValue } = freshness(requested, version);
  if (algorithm !== null) {
    own["Cryptographic Algorithm"] = { t: "enumeration", v: algorithm };
  }
  const bits = length ?? secretLength(content);
  if (bits !== null) {
    own["Cryptographic Length"] = { t: "integer", v: bits };
  }
  // 3.19: always has a value; a password is used for nothing that the mask knows.
  if (usageMask === undefined) {
    own["Cryptographic Usage Mask"] = { t: "integer", v: 0 };
  }
  if (settle("Key Format Type", format, requested) !== null && format !== undefined) {
    own["Key Format Type"] = { t: "enumeration", v: format };
  }
  if (content.wrapping !== undefined) {
    own[KEY_WRAPPING_DATA] = content.wrapping;
    if (content.structured === true) {
      own[WRAPPED_STRUCTURE] = { t: "boolean", v: true };
    }
  }
  if (secretDataType !== undefined) {
    own["Secret Data Type"] = { t: "enumeration", v: secretDataType };
  }
  return own;
}

/** Secret data always has a Cryptographic Length (2.1: 4.15); of what is wrapped, only the client knows it. */
const secretLength = ({ wrapping, material }: ObjectContent): number | null =>
  wrapping === undefined ? material.length * 8 : null;

/** A client that supplies an object may say that it has been served before (2.1: 4.24). */
function freshness(requested: RequestedAttributes, version: KmipVersion): { [name: string]: StoredValue } {
  const fresh = requested.get("Fresh")?.[0]?.v;
  return isSecondMajor(version) && fresh?.v === false ? { Fresh: fresh } : {};
}

/** A value that may be in the Key Block, among the attributes, or in both and the same. @throws KmipError */
function settle(name: string, inBlock: number | undefined, requested: RequestedAttributes): number | null {
  const value = requested.get(name)?.[0]?.v.v;
  const asked = typeof value === "number" ? value : undefined;
  if (inBlock !== undefined && asked !== undefined && inBlock !== asked) {
    throw invalidAttributeValue(`${name} is not that of the Key Block`);
  }
  const settled = inBlock ?? asked ?? null;
  if (name === "Cryptographic Length" && settled !== null && settled <= 0) {
    throw invalidAttributeValue(`${name} is not positive`);
  }
  return settled;
}
