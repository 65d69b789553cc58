/** Create (KMIP 4.1): a new symmetric key. */

import { findRule } from "../attributes/rules";
import { termsOf } from "../attributes/terms";
import { attributeItem, type RequestedAttributes, readTemplateAttribute } from "../attributes/wire";
import { invalidField } from "../errors";
import { stateAt, toSeconds } from "../lifecycle";
import { KeyStoreError, type StoredAttribute, type StoredAttributes, type StoredValue } from "../ports";
import { ObjectType, Operation, State } from "../protocol/enumerations";
import { asCode, asItem, one, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { enumeration, structure, text } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import {
  checkApplicationData,
  checkDateOrder,
  checkSize,
  isNameTaken,
  normalValue,
} from "./attribute-changes";
import { digestOf, lengthFor, makeMaterial, RANDOM_NUMBER_GENERATOR } from "./material";
import type { OperationContext, OperationDefinition, OperationResult } from "./operation";

const REQUEST = schema({
  objectType: one(Tag.ObjectType, asCode),
  templateAttribute: one(Tag.TemplateAttribute, asItem),
});

export const create: OperationDefinition = {
  code: Operation.Create,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    if (request.objectType !== ObjectType.SymmetricKey) {
      throw invalidField("Only symmetric keys can be created");
    }
    return createKey(context, readTemplateAttribute(request.templateAttribute, context));
  },
};

async function createKey(
  context: OperationContext,
  requested: RequestedAttributes,
): Promise<OperationResult> {
  const key = keyParameters(requested);
  const attributes = await initialAttributes(context, requested, key.length);
  const uniqueIdentifier = context.random.uuid();
  context.subjects = [uniqueIdentifier];
  const material = makeMaterial(context.random, key.algorithm, key.length);
  try {
    const kept: StoredAttributes = { ...attributes, Digest: [{ i: 0, v: digestOf(material) }] };
    await context.store.create(
      context.tenant,
      {
        uniqueIdentifier,
        objectType: ObjectType.SymmetricKey,
        state: stateAt({ state: State.PreActive, attributes: kept }, context.now),
        attributes: kept,
        terms: termsOf(kept),
        cryptographicAlgorithm: key.algorithm,
        cryptographicLength: key.length,
        cryptographicUsageMask: key.usageMask,
      },
      material,
    );
  } catch (error) {
    // 11.2 has another reason for it than 11.15.
    if (error instanceof KeyStoreError && error.failure === "duplicate") {
      throw invalidField("Another object has this Name", { cause: error });
    }
    throw error;
  } finally {
    wipe(material);
  }
  context.idPlaceholder = uniqueIdentifier;
  return {
    payload: [
      enumeration(Tag.ObjectType, ObjectType.SymmetricKey),
      text(Tag.UniqueIdentifier, uniqueIdentifier),
      ...implicitAttributes(context, requested, key.length),
    ],
    changed: true,
    data: { cryptographicAlgorithm: key.algorithm, cryptographicLength: key.length },
  };
}

/** What kind of key is asked for (Table 165). @throws KmipError Invalid Field */
function keyParameters(requested: RequestedAttributes): {
  algorithm: number;
  length: number;
  usageMask: number;
} {
  const numberOf = (name: string): number | null => {
    const value = requested.get(name)?.[0]?.v;
    return value !== undefined && typeof value.v === "number" ? value.v : null;
  };
  const algorithm = numberOf("Cryptographic Algorithm");
  const usageMask = numberOf("Cryptographic Usage Mask");
  if (algorithm === null) throw invalidField("Cryptographic Algorithm is missing");
  if (usageMask === null) throw invalidField("Cryptographic Usage Mask is missing");
  if (usageMask < 0) throw invalidField("Cryptographic Usage Mask has unknown bits");
  return { algorithm, length: lengthFor(algorithm, numberOf("Cryptographic Length")), usageMask };
}

async function initialAttributes(
  context: OperationContext,
  requested: RequestedAttributes,
  length: number,
): Promise<StoredAttributes> {
  const attributes: { [name: string]: readonly StoredAttribute[] } = {};
  const set = (name: string, v: StoredValue) => {
    attributes[name] = [{ i: 0, v }];
  };
  for (const [name, instances] of requested) {
    for (const { v } of instances) checkApplicationData(name, v);
    attributes[name] = instances.map(({ i, v }) => ({ i, v: normalValue(name, v) }));
  }
  const policy = requested.get("Operation Policy Name")?.[0]?.v;
  if (policy !== undefined && policy.v !== "default") throw invalidField("There is no such operation policy");
  const date: StoredValue = { t: "dateTime", v: toSeconds(context.now) };
  if (context.tenant.policy.activateOnCreate && !requested.has("Activation Date")) {
    set("Activation Date", date);
  }
  set("Cryptographic Length", { t: "integer", v: length });
  set("Fresh", { t: "boolean", v: true });
  set("Last Change Date", date);
  set("Original Creation Date", date);
  set("Random Number Generator", RANDOM_NUMBER_GENERATOR);
  if (requested.get("Sensitive")?.[0]?.v.v === true) set("Always Sensitive", { t: "boolean", v: true });
  if (requested.get("Extractable")?.[0]?.v.v === false) set("Never Extractable", { t: "boolean", v: true });
  checkDateOrder(attributes);
  checkSize(context, attributes);
  for (const { v } of requested.get("Name") ?? []) {
    if (await isNameTaken(context, v, null)) throw invalidField("Another object has this Name");
  }
  return attributes;
}

/** Attributes that the server chose a value for although the client could have (Table 164). */
function implicitAttributes(context: OperationContext, requested: RequestedAttributes, length: number) {
  if (requested.has("Cryptographic Length")) return [];
  const name = "Cryptographic Length";
  const rule = findRule(name, context.version);
  return [
    structure(Tag.TemplateAttribute, [
      attributeItem(name, 0, { t: "integer", v: length }, rule, context.version),
    ]),
  ];
}
