/** Re-key (KMIP 4.4): a replacement for a symmetric key, which takes over its attributes and its names. */

import { changeOf, dateOf, destruction, isDestroyed, stateAt, toSeconds } from "../attributes/lifecycle";
import { checkStorageMasks, PERMITTED_STORAGE } from "../attributes/storage-masks";
import { termsOf } from "../attributes/terms";
import { fieldOf } from "../attributes/values";
import { numberOf } from "../attributes/view";
import { OPTIONAL_REQUESTED_ATTRIBUTES, type RequestedAttributes } from "../attributes/wire";
import type { ManagedObject, StoredAttribute, StoredAttributes, StoredValue } from "../ports";
import { KeyFormatType, LinkType, ObjectType, Operation } from "../protocol/enumerations";
import {
  illegalOperation,
  invalidAttributeValue,
  invalidMessage,
  objectDestroyed,
  permissionDenied,
  wrongObjectType,
} from "../protocol/errors";
import { asInterval, asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import type { OperationContext } from "./context";
import { KEY_WRAPPING_DATA, WRAPPED_STRUCTURE } from "./objects/key-wrapping-data";
import { changeObject, findObject, identifierOf } from "./objects/lookup";
import { checkGenerator, lengthFor, makeMaterial, RANDOM_NUMBER_GENERATOR } from "./objects/material";
import { initialAttributes, keepObject, type ServerAttributes } from "./objects/new-object";
import { checkFormat, formatOf } from "./objects/object-items";
import { requestedAttributes } from "./objects/templates";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  offset: optional(Tag.Offset, asInterval),
  attributes: OPTIONAL_REQUESTED_ATTRIBUTES,
  storage: PERMITTED_STORAGE,
});

/** What a replacement does not take over (Table 173), and what follows from its own making. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  "Destroy Date",
  "Compromise Occurrence Date",
  "Compromise Date",
  "Revocation Reason",
  "Name",
  "Digest",
  "Link",
  "Fresh",
  "Last Change Date",
  "Original Creation Date",
  "Random Number Generator",
  "Always Sensitive",
  "Never Extractable",
  "Key Format Type",
  KEY_WRAPPING_DATA,
  WRAPPED_STRUCTURE,
  "Rotate Date",
  "Rotate Generation",
  "Rotate Latest",
]);

const DATES = ["Activation Date", "Process Start Date", "Protect Stop Date", "Deactivation Date"] as const;

export const reKey: OperationDefinition = {
  code: Operation.ReKey,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const requested = await requestedAttributes(context, request.attributes);
    checkStorageMasks(request.storage);
    checkFormat(ObjectType.SymmetricKey, requested.get("Key Format Type")?.[0]?.v);
    if (request.offset !== undefined && DATES.some((name) => requested.has(name))) {
      throw invalidMessage("Offset and dates cannot be given together");
    }
    checkGenerator(requested);
    if (requested.has("Name")) {
      throw invalidAttributeValue("The replacement takes over the names of the key");
    }
    const existing = await findObject(context, identifier);
    if (existing.objectType !== ObjectType.SymmetricKey) {
      throw wrongObjectType("The object is not a symmetric key");
    }
    if (isDestroyed(stateAt(existing, context.now))) {
      throw objectDestroyed("The key has been destroyed");
    }
    refuseBlocked(existing);
    if (formatOf(existing.objectType, existing.attributes) === KeyFormatType.Opaque) {
      throw illegalOperation("The key was registered Opaque: the server cannot make another one like it");
    }
    const replacement = await makeReplacement(context, existing, requested, request.offset);
    context.subjects = [identifier, replacement];
    await handOver(context, identifier, replacement);
    return {
      payload: [text(Tag.UniqueIdentifier, replacement)],
      changed: true,
      data: { replacement },
    };
  },
};

/** Whoever has revoked a key in the console has not done it for a replacement to take its place. @throws KmipError */
function refuseBlocked({ served }: ManagedObject): void {
  if (!served) {
    throw permissionDenied("The key has been revoked by the key owner");
  }
}

const link = (type: number, identifier: string): StoredValue => ({
  t: "structure",
  v: [
    { tag: Tag.LinkType, value: { t: "enumeration", v: type } },
    { tag: Tag.LinkedObjectIdentifier, value: { t: "text", v: identifier } },
  ],
});

/** Makes and keeps the new key, still without names. @returns its Unique Identifier */
async function makeReplacement(
  context: OperationContext,
  existing: ManagedObject,
  requested: RequestedAttributes,
  offset: number | undefined,
): Promise<string> {
  const wanted: RequestedAttributes = new Map(requested);
  for (const [name, instances] of Object.entries(existing.attributes)) {
    if (!NOT_COPIED.has(name) && !wanted.has(name)) {
      wanted.set(name, [...instances]);
    }
  }
  for (const [name, v] of shiftedDates(context, existing.attributes, offset)) {
    wanted.set(name, [{ i: 0, v }]);
  }
  const now: StoredValue = { t: "dateTime", v: toSeconds(context.now) };
  const own: ServerAttributes = {
    "Original Creation Date": now,
    "Random Number Generator": RANDOM_NUMBER_GENERATOR,
    // 2.1: 4.50, 4.52
    "Rotate Generation": {
      t: "integer",
      v: (numberOf(existing.attributes, "Rotate Generation") ?? 0) + 1,
    },
    "Rotate Latest": { t: "boolean", v: true },
  };
  const attributes = await initialAttributes(context, wanted, own, requested);
  const links = [...(attributes.Link ?? [])];
  const kept: StoredAttributes = {
    ...attributes,
    Link: appended(links, link(LinkType.ReplacedObjectLink, existing.uniqueIdentifier)),
  };
  const algorithm = numberOf(kept, "Cryptographic Algorithm") ?? 0;
  if (algorithm !== numberOf(existing.attributes, "Cryptographic Algorithm")) {
    throw invalidAttributeValue("The replacement is of the same Cryptographic Algorithm");
  }
  const length = lengthFor(algorithm, numberOf(kept, "Cryptographic Length"));
  const material = makeMaterial(context.random, algorithm, length);
  try {
    return await keepObject(context, { objectType: ObjectType.SymmetricKey, attributes: kept, material });
  } finally {
    wipe(material);
  }
}

/** Table 172. @throws KmipError Illegal Operation if there is no Activation Date to count from */
function shiftedDates(
  context: OperationContext,
  existing: StoredAttributes,
  offset: number | undefined,
): [name: string, date: StoredValue][] {
  if (offset === undefined) {
    return [];
  }
  const activation = toSeconds(context.now) + offset;
  const before = dateOf(existing, "Activation Date");
  return DATES.flatMap((name): [string, StoredValue][] => {
    if (name === "Activation Date") {
      return [[name, { t: "dateTime", v: activation }]];
    }
    const date = dateOf(existing, name);
    if (date === null) {
      return [];
    }
    if (before === null) {
      throw illegalOperation("The key has no Activation Date that the others count from");
    }
    return [[name, { t: "dateTime", v: date + activation - before }]];
  });
}

const appended = (instances: readonly StoredAttribute[], v: StoredValue): readonly StoredAttribute[] => [
  ...instances,
  { i: instances.reduce((next, { i }) => Math.max(next, i + 1), 0), v },
];

/** Links the existing key to its replacement and gives its names away, the two never having them at the same time. */
async function handOver(context: OperationContext, existing: string, replacement: string): Promise<void> {
  let names: readonly StoredAttribute[];
  try {
    const done = await changeObject(context, existing, (object) => {
      // It may have been revoked while its replacement was made.
      refuseBlocked(object);
      const { Name = [], ...attributes } = object.attributes;
      // 3.35: there is one replacement, the newest.
      const others = (attributes.Link ?? []).filter(
        ({ v }) => fieldOf(v, Tag.LinkType)?.v !== LinkType.ReplacementObjectLink,
      );
      const linked = {
        ...attributes,
        Link: appended(others, link(LinkType.ReplacementObjectLink, replacement)),
        // 2.1: 4.49, 4.52
        "Rotate Date": [{ i: 0, v: { t: "dateTime", v: toSeconds(context.now) } }],
        "Rotate Latest": [{ i: 0, v: { t: "boolean", v: false } }],
      } satisfies StoredAttributes;
      const state = stateAt(object, context.now);
      return { names: Name, change: changeOf(object, context.now, state, linked) };
    });
    names = done.names;
  } catch (error) {
    await discard(context, replacement);
    throw error;
  }
  if (names.length === 0) {
    return;
  }
  await changeObject(context, replacement, (object) => {
    const attributes = { ...object.attributes, Name: names };
    return {
      change: { revision: object.revision, state: object.state, attributes, terms: termsOf(attributes) },
    };
  });
}

/** Destroys a replacement that nothing refers to. */
async function discard(context: OperationContext, replacement: string): Promise<void> {
  context.idPlaceholder = null;
  try {
    await changeObject(context, replacement, (object) => ({ change: destruction(object, context.now) }), {
      write: "destroy",
    });
  } catch (error) {
    context.logger.error(
      { err: error, uniqueIdentifier: replacement },
      "The replacement of a key that could not be re-keyed was left behind",
    );
  }
}
