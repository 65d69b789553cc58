/** Create (KMIP 4.1): a new symmetric key. */

import { findRule } from "../attributes/rules";
import { checkStorageMasks, PERMITTED_STORAGE } from "../attributes/storage-masks";
import {
  implicitAnswer,
  REQUESTED_ATTRIBUTES,
  type RequestedAttributes,
  readRequestedAttributes,
} from "../attributes/wire";
import { invalidAttributeValue, wrongObjectType } from "../errors";
import { toSeconds } from "../lifecycle";
import type { StoredValue } from "../ports";
import { ObjectType, Operation } from "../protocol/enumerations";
import { asCode, one, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { enumeration, text } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import { lengthFor, makeMaterial, RANDOM_NUMBER_GENERATOR } from "./material";
import { initialAttributes, keepObject, type ServerAttributes } from "./new-object";
import type { OperationContext, OperationDefinition, OperationResult } from "./operation";

const REQUEST = schema({
  objectType: one(Tag.ObjectType, asCode),
  attributes: REQUESTED_ATTRIBUTES,
  storage: PERMITTED_STORAGE,
});

export const create: OperationDefinition = {
  code: Operation.Create,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    if (request.objectType !== ObjectType.SymmetricKey) {
      throw wrongObjectType("Only symmetric keys can be created");
    }
    checkStorageMasks(request.storage);
    return createKey(context, readRequestedAttributes(request.attributes, context));
  },
};

async function createKey(
  context: OperationContext,
  requested: RequestedAttributes,
): Promise<OperationResult> {
  const { algorithm, length } = keyParameters(requested);
  const attributes = await initialAttributes(
    context,
    requested,
    serverAttributes(context, requested, length),
  );
  const material = makeMaterial(context.random, algorithm, length);
  let uniqueIdentifier: string;
  try {
    uniqueIdentifier = await keepObject(context, {
      objectType: ObjectType.SymmetricKey,
      attributes,
      material,
    });
  } finally {
    wipe(material);
  }
  return {
    payload: [
      enumeration(Tag.ObjectType, ObjectType.SymmetricKey),
      text(Tag.UniqueIdentifier, uniqueIdentifier),
      ...implicitAttributes(context, requested, length),
    ],
    changed: true,
    data: { cryptographicAlgorithm: algorithm, cryptographicLength: length },
  };
}

/** What kind of key is asked for (Table 165). @throws KmipError Invalid Field */
function keyParameters(requested: RequestedAttributes): {
  algorithm: number;
  length: number;
} {
  const numberOf = (name: string): number | null => {
    const value = requested.get(name)?.[0]?.v;
    return value !== undefined && typeof value.v === "number" ? value.v : null;
  };
  const algorithm = numberOf("Cryptographic Algorithm");
  const usageMask = numberOf("Cryptographic Usage Mask");
  if (algorithm === null) throw invalidAttributeValue("Cryptographic Algorithm is missing");
  if (usageMask === null) throw invalidAttributeValue("Cryptographic Usage Mask is missing");
  if (usageMask < 0) throw invalidAttributeValue("Cryptographic Usage Mask has unknown bits");
  return { algorithm, length: lengthFor(algorithm, numberOf("Cryptographic Length")) };
}

/** What the server adds to a key that it makes. */
function serverAttributes(
  context: OperationContext,
  requested: RequestedAttributes,
  length: number,
): ServerAttributes {
  const now: StoredValue = { t: "dateTime", v: toSeconds(context.now) };
  const activate = context.tenant.policy.activateOnCreate && !requested.has("Activation Date");
  return {
    ...(activate ? { "Activation Date": now } : {}),
    "Cryptographic Length": { t: "integer", v: length },
    "Original Creation Date": now,
    "Random Number Generator": RANDOM_NUMBER_GENERATOR,
  };
}

/** Attributes that the server chose a value for although the client could have (Table 164). */
function implicitAttributes(context: OperationContext, requested: RequestedAttributes, length: number) {
  if (requested.has("Cryptographic Length")) return [];
  const name = "Cryptographic Length";
  const rule = findRule(name, context.version);
  const instances = [{ i: 0, v: { t: "integer", v: length } as const }];
  return implicitAnswer([{ name, rule, instances }], context.version);
}
