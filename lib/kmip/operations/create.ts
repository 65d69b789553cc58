/** Create (KMIP 4.1): a new symmetric key; since 2.0 new secret data as well (2.1: 6.1.8). */

import { toSeconds } from "../attributes/lifecycle";
import { findRule } from "../attributes/rules";
import { checkStorageMasks, PERMITTED_STORAGE } from "../attributes/storage-masks";
import { implicitAnswer, REQUESTED_ATTRIBUTES, type RequestedAttributes } from "../attributes/wire";
import type { StoredValue } from "../ports";
import { ObjectType, Operation, SecretDataType } from "../protocol/enumerations";
import { invalidAttribute, invalidAttributeValue, wrongObjectType } from "../protocol/errors";
import { asCode, one, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { isSecondMajor, KmipVersion } from "../protocol/versions";
import { enumeration, type Item, text } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import type { OperationContext } from "./context";
import { SECRET_DATA_DEFAULTS, SYMMETRIC_KEY_DEFAULTS } from "./objects/defaults";
import {
  checkGenerator,
  lengthFor,
  makeMaterial,
  makeSecret,
  RANDOM_NUMBER_GENERATOR,
} from "./objects/material";
import { initialAttributes, keepObject, type ServerAttributes } from "./objects/new-object";
import { checkFormat } from "./objects/object-items";
import { requestedAttributes } from "./objects/templates";
import type { OperationDefinition, OperationResult } from "./operation";

const REQUEST = schema({
  objectType: one(Tag.ObjectType, asCode),
  attributes: REQUESTED_ATTRIBUTES,
  storage: PERMITTED_STORAGE,
});

export const create: OperationDefinition = {
  code: Operation.Create,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const { objectType, attributes, storage } = readFields(REQUEST, payload, context);
    const isKey = objectType === ObjectType.SymmetricKey;
    if (!isKey && (objectType !== ObjectType.SecretData || !isSecondMajor(context.version))) {
      throw wrongObjectType("Objects of this type cannot be created");
    }
    checkStorageMasks(storage);
    const requested = await requestedAttributes(context, attributes);
    checkGenerator(requested);
    checkFormat(objectType, requested.get("Key Format Type")?.[0]?.v);
    return isKey ? createKey(context, requested) : createSecret(context, requested);
  },
};

async function createKey(
  context: OperationContext,
  requested: RequestedAttributes,
): Promise<OperationResult> {
  const { algorithm, length, usageMask } = keyParameters(context, requested);
  const material = makeMaterial(context.random, algorithm, length);
  const own: ServerAttributes = {
    ...serverAttributes(context, requested),
    "Cryptographic Algorithm": { t: "enumeration", v: algorithm },
    "Cryptographic Length": { t: "integer", v: length },
    "Cryptographic Usage Mask": { t: "integer", v: usageMask },
  };
  return {
    payload: [
      ...(await keep(context, requested, own, { objectType: ObjectType.SymmetricKey, material })),
      ...implicitAttributes(context, requested, length),
    ],
    changed: true,
    data: { cryptographicAlgorithm: algorithm, cryptographicLength: length },
  };
}

async function createSecret(
  context: OperationContext,
  requested: RequestedAttributes,
): Promise<OperationResult> {
  if (requested.has("Cryptographic Algorithm")) {
    throw invalidAttribute("Secret data that the server makes is of no Cryptographic Algorithm");
  }
  const length = numberIn(requested, "Cryptographic Length") ?? SECRET_DATA_DEFAULTS.length;
  const usageMask = usageMaskIn(requested) ?? SECRET_DATA_DEFAULTS.usageMask;
  const material = makeSecret(context, length);
  const own: ServerAttributes = {
    ...serverAttributes(context, requested),
    "Cryptographic Length": { t: "integer", v: length },
    "Cryptographic Usage Mask": { t: "integer", v: usageMask },
    "Secret Data Type": { t: "enumeration", v: SecretDataType.Seed },
  };
  return {
    payload: await keep(context, requested, own, { objectType: ObjectType.SecretData, material }),
    changed: true,
    data: { objectType: ObjectType.SecretData, cryptographicLength: length },
  };
}

/** Keeps the object and zeroes its material. @returns the fields that tell of it */
async function keep(
  context: OperationContext,
  requested: RequestedAttributes,
  own: ServerAttributes,
  { objectType, material }: { readonly objectType: number; readonly material: Uint8Array },
): Promise<Item[]> {
  try {
    const attributes = await initialAttributes(context, requested, own);
    const uniqueIdentifier = await keepObject(context, { objectType, attributes, material });
    return [enumeration(Tag.ObjectType, objectType), text(Tag.UniqueIdentifier, uniqueIdentifier)];
  } finally {
    wipe(material);
  }
}

function numberIn(requested: RequestedAttributes, name: string): number | null {
  const value = requested.get(name)?.[0]?.v;
  return value !== undefined && typeof value.v === "number" ? value.v : null;
}

/** @throws KmipError */
function usageMaskIn(requested: RequestedAttributes): number | null {
  const usageMask = numberIn(requested, "Cryptographic Usage Mask");
  if (usageMask !== null && usageMask < 0) {
    throw invalidAttributeValue("Cryptographic Usage Mask has unknown bits");
  }
  return usageMask;
}

/** What kind of key is asked for (Table 165): 2.x leaves it to the server's defaults. @throws KmipError */
function keyParameters(
  { version }: OperationContext,
  requested: RequestedAttributes,
): { algorithm: number; length: number; usageMask: number } {
  const defaults = isSecondMajor(version) ? SYMMETRIC_KEY_DEFAULTS : null;
  const algorithm = numberIn(requested, "Cryptographic Algorithm") ?? defaults?.algorithm;
  const usageMask = usageMaskIn(requested) ?? defaults?.usageMask;
  if (algorithm === undefined) {
    throw invalidAttributeValue("Cryptographic Algorithm is missing");
  }
  if (usageMask === undefined) {
    throw invalidAttributeValue("Cryptographic Usage Mask is missing");
  }
  return { algorithm, length: lengthFor(algorithm, numberIn(requested, "Cryptographic Length")), usageMask };
}

/** What the server adds to an object that it makes. */
function serverAttributes(context: OperationContext, requested: RequestedAttributes): ServerAttributes {
  const now: StoredValue = { t: "dateTime", v: toSeconds(context.now) };
  const activate = context.tenant.policy.activateOnCreate && !requested.has("Activation Date");
  return {
    ...(activate ? { "Activation Date": now } : {}),
    "Original Creation Date": now,
    "Random Number Generator": RANDOM_NUMBER_GENERATOR,
  };
}

/** Attributes that the server chose a value for although the client could have (Table 164). */
function implicitAttributes(
  context: OperationContext,
  requested: RequestedAttributes,
  length: number,
): Item[] {
  const name = "Cryptographic Length";
  if (requested.has(name)) {
    return [];
  }
  const rule = findRule(name, context.version);
  const instances = [{ i: 0, v: { t: "integer", v: length } as const }];
  return implicitAnswer([{ name, rule, instances }], context.version);
}
