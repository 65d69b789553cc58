/** Register (KMIP 4.3): an object that a client brings: a symmetric key, secret data, an opaque object or a template. */
import { appliesTo } from "../attributes/rules";
import { checkStorageMasks, PERMITTED_STORAGE } from "../attributes/storage-masks";
import { mergedAttributes, REQUESTED_ATTRIBUTES, type RequestedAttributes } from "../attributes/wire";
import {
  invalidAttribute,
  invalidAttributeValue,
  invalidField,
  limitExceeded,
  wrongObjectType,
} from "../errors";
import type { StoredValue } from "../ports";
import { KeyFormatType, ObjectType, Operation } from "../protocol/enumerations";
import { asCode, asItem, one, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { isSecondMajor, KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import { checkRegistered } from "./material";
import { initialAttributes, keepObject, type ServerAttributes } from "./new-object";
import { type ObjectContent, readOpaqueObject, readSecretData, readSymmetricKey } from "./object-items";
import type { OperationContext, OperationDefinition, OperationResult } from "./operation";
import { keepTemplate, requestedAttributes } from "./templates";

/** Objects of types that are not kept here: it is the Object Type that is refused. */
const OTHER_OBJECTS = {
  certificate: optional(Tag.Certificate, asItem),
  publicKey: optional(Tag.PublicKey, asItem),
  privateKey: optional(Tag.PrivateKey, asItem),
  splitKey: optional(Tag.SplitKey, asItem),
  pgpKey: optional(Tag.PGPKey, asItem, KmipVersion.V1_2),
  certificateRequest: optional(Tag.CertificateRequest, asItem, KmipVersion.V2_0),
};

const REQUEST = schema({
  objectType: one(Tag.ObjectType, asCode),
  attributes: REQUESTED_ATTRIBUTES,
  symmetricKey: optional(Tag.SymmetricKey, readSymmetricKey),
  secretData: optional(Tag.SecretData, readSecretData),
  opaqueObject: optional(Tag.OpaqueObject, readOpaqueObject),
  ...OTHER_OBJECTS,
  storage: PERMITTED_STORAGE,
  template: optional(Tag.Template, asItem, KmipVersion.V1_0, KmipVersion.V1_4),
});

export const register: OperationDefinition = {
  code: Operation.Register,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const objects = new Map([
      [ObjectType.SymmetricKey, request.symmetricKey],
      [ObjectType.SecretData, request.secretData],
      [ObjectType.OpaqueObject, request.opaqueObject],
    ] as const);
    const given = [...objects.values()].filter((content) => content !== undefined);
    try {
      if (
        request.objectType === ObjectType.Template &&
        request.template !== undefined &&
        given.length === 0
      ) {
        const own = await requestedAttributes(context, request.attributes, "register");
        return registered(ObjectType.Template, await keepTemplate(context, request.template, own));
      }
      const objectType = [...objects.keys()].find((code) => code === request.objectType);
      if (objectType === undefined) throw wrongObjectType("Objects of this type cannot be registered");
      const content = objects.get(objectType);
      if (content === undefined || given.length !== 1 || request.template !== undefined) {
        throw invalidField("The object is not of the Object Type");
      }
      checkStorageMasks(request.storage);
      const requested = await requestedAttributes(context, request.attributes, "register");
      const all = mergedAttributes(content.attributes ?? new Map(), requested);
      return await registerObject(context, objectType, content, all);
    } finally {
      for (const { material } of given) wipe(material);
    }
  },
};

async function registerObject(
  context: OperationContext,
  objectType: number,
  content: ObjectContent,
  requested: RequestedAttributes,
): Promise<OperationResult> {
  const { material } = content;
  if (material.length > context.limits.maxMaterialBytes) {
    throw limitExceeded(`The object is larger than ${context.limits.maxMaterialBytes} bytes`);
  }
  for (const name of requested.keys()) {
    if (!appliesTo(name, objectType, context.version)) {
      throw invalidAttribute(`${name} does not apply to objects of this type`);
    }
  }
  const own = serverAttributes(context, objectType, content, requested);
  const attributes = await initialAttributes(context, requested, own);
  return registered(objectType, await keepObject(context, { objectType, attributes, material }));
}

const registered = (objectType: number, uniqueIdentifier: string): OperationResult => ({
  payload: [text(Tag.UniqueIdentifier, uniqueIdentifier)],
  changed: true,
  data: { objectType },
});

/** What is known of the object from itself, and what every object of its type has (Table 171). @throws KmipError */
function serverAttributes(
  { version }: OperationContext,
  objectType: number,
  content: ObjectContent,
  requested: RequestedAttributes,
): ServerAttributes {
  const { format, secretDataType, opaqueDataType, material } = content;
  if (opaqueDataType !== undefined) {
    settle("Key Format Type", KeyFormatType.Opaque, requested);
    return { ...freshness(requested, version), "Opaque Data Type": { t: "enumeration", v: opaqueDataType } };
  }
  const algorithm = settle("Cryptographic Algorithm", content.algorithm, requested);
  const length = settle("Cryptographic Length", content.length, requested);
  if ((algorithm === null) !== (length === null)) {
    throw invalidAttributeValue("Cryptographic Algorithm and Cryptographic Length come together");
  }
  const usageMask = requested.get("Cryptographic Usage Mask")?.[0]?.v.v;
  if (objectType === ObjectType.SymmetricKey) {
    if (algorithm === null || length === null)
      throw invalidAttributeValue("Cryptographic Algorithm is missing");
    if (usageMask === undefined) throw invalidAttributeValue("Cryptographic Usage Mask is missing");
    checkRegistered(algorithm, length, material.length);
  }
  if (typeof usageMask === "number" && usageMask < 0) {
    throw invalidAttributeValue("Cryptographic Usage Mask has unknown bits");
  }
  const own: { [name: string]: StoredValue } = freshness(requested, version);
  if (algorithm !== null && length !== null) {
    own["Cryptographic Algorithm"] = { t: "enumeration", v: algorithm };
    own["Cryptographic Length"] = { t: "integer", v: length };
  }
  // 3.19: always has a value; a password is used for nothing that the mask knows.
  if (usageMask === undefined) own["Cryptographic Usage Mask"] = { t: "integer", v: 0 };
  if (settle("Key Format Type", format, requested) !== null && format !== undefined) {
    own["Key Format Type"] = { t: "enumeration", v: format };
  }
  if (secretDataType !== undefined) own["Secret Data Type"] = { t: "enumeration", v: secretDataType };
  return own;
}

/** A client that brings an object may say that it has been served before (2.1: 4.24). */
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
