/**
 * Import (KMIP 4.41): an object under the identifier and with the attributes that it had elsewhere. The server makes up
 * none of them, but for what every object has and the client leaves out.
 */

import { isDestroyed, stateAt, toSeconds } from "../attributes/lifecycle";
import { sameValue } from "../attributes/values";
import { IMPORTED_ATTRIBUTES, type RequestedAttributes, readEnclosedAttributes } from "../attributes/wire";
import type { ManagedObject, StoredAttribute, StoredAttributes, StoredValue } from "../ports";
import { KeyWrapType, ObjectType, Operation, State } from "../protocol/enumerations";
import {
  invalidAttributeValue,
  invalidField,
  objectAlreadyExists,
  permissionDenied,
  wrongState,
} from "../protocol/errors";
import {
  asBoolean,
  asCode,
  asEnumeration,
  asText,
  one,
  optional,
  readFields,
  schema,
} from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { wipe } from "../ttlv/wipe";
import type { OperationContext } from "./context";
import {
  checkApplicationData,
  checkDateOrder,
  checkQuantumSafe,
  checkRotation,
  checkSize,
  normalValue,
} from "./objects/attribute-changes";
import { unwrapKeyValue } from "./objects/key-wrapping";
import { checkNames, digestsOf, managedObject, refusingNames } from "./objects/new-object";
import { digestOf, formatOf } from "./objects/object-items";
import {
  attributesOfObject,
  checkSupplied,
  SUPPLIED_OBJECT,
  type SuppliedObject,
  withEnclosed,
  withSuppliedObject,
} from "./objects/supplied-object";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({
  uniqueIdentifier: one(Tag.UniqueIdentifier, asText),
  // Required in 2.x; but as in 1.4, the object itself tells it.
  objectType: optional(Tag.ObjectType, asCode, KmipVersion.V2_0),
  replaceExisting: optional(Tag.ReplaceExisting, asBoolean),
  keyWrapType: optional(Tag.KeyWrapType, asEnumeration),
  attributes: IMPORTED_ATTRIBUTES,
  ...SUPPLIED_OBJECT,
});

const MAX_IDENTIFIER_LENGTH = 255;

export const importObject: OperationDefinition = {
  code: Operation.Import,
  since: KmipVersion.V1_4,
  handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const { uniqueIdentifier, keyWrapType } = request;
    return withSuppliedObject(request, request.objectType, async (given) => {
      if (uniqueIdentifier.length === 0 || uniqueIdentifier.length > MAX_IDENTIFIER_LENGTH) {
        throw invalidField("Unique Identifier is empty or too long");
      }
      context.subjects = [uniqueIdentifier];
      const existing = await replaceable(context, uniqueIdentifier, request.replaceExisting === true);
      const plain = keyWrapType === KeyWrapType.NotWrapped;
      const supplied = plain ? await unwrapped(context, given) : given;
      const { objectType, content } = supplied;
      try {
        const asked = readEnclosedAttributes(request.attributes, context, "import");
        const requested = withEnclosed(context, supplied, asked, "import");
        checkIdentity(uniqueIdentifier, objectType, requested);
        checkSupplied(context, supplied, requested);
        const attributes = await importedAttributes(context, supplied, requested, existing);
        const state = importedState(context, requested, attributes);
        const createdAt = initialDate(requested);
        const object = {
          ...managedObject(uniqueIdentifier, objectType, state, attributes),
          ...(createdAt === null ? {} : { createdAt }),
        };
        const { store, tenant } = context;
        await refusingNames(() =>
          existing === null
            ? store.create(tenant, object, content.material)
            : store.replace(tenant, existing, object, content.material),
        );
      } finally {
        if (content !== given.content) {
          wipe(content.material);
        }
      }
      context.idPlaceholder = uniqueIdentifier;
      return {
        payload: [text(Tag.UniqueIdentifier, uniqueIdentifier)],
        changed: true,
        data: { objectType, replaced: existing !== null },
      };
    });
  },
};

/**
 * The object that an import takes the place of, or null if there is none of that identifier.
 *
 * @throws KmipError Object Already Exists; Permission Denied for one that the console blocks
 */
async function replaceable(
  context: OperationContext,
  identifier: string,
  replace: boolean,
): Promise<ManagedObject | null> {
  const existing = await context.store.find(context.tenant, identifier);
  if (existing === null) {
    return null;
  }
  if (!replace) {
    throw objectAlreadyExists("An object with this Unique Identifier exists");
  }
  if (!existing.served) {
    throw permissionDenied("The key has been revoked by the key owner");
  }
  return existing;
}

/** The object without the wrapping that it came in. @throws KmipError */
async function unwrapped(context: OperationContext, given: SuppliedObject): Promise<SuppliedObject> {
  const { wrapping, structured = false, ...content } = given.content;
  if (wrapping === undefined || content.format === undefined) {
    return given;
  }
  const { format, material } = content;
  const plain = await unwrapKeyValue(context, { wrapping, structured, format, wrapped: material });
  return { ...given, content: { ...content, ...plain } };
}

/** Refuses attributes that tell of another object. @throws KmipError */
function checkIdentity(identifier: string, objectType: number, requested: RequestedAttributes): void {
  const other = (name: string, own: StoredValue["v"]) => {
    const value = requested.get(name)?.[0]?.v.v;
    return value !== undefined && value !== own;
  };
  if (other("Unique Identifier", identifier)) {
    throw invalidAttributeValue("Unique Identifier is not that of the object");
  }
  if (other("Object Type", objectType)) {
    throw invalidAttributeValue("Object Type is not that of the object");
  }
}

/** What is not kept as an attribute: it is the object's own, or says how this server keeps it. */
const NOT_KEPT: ReadonlySet<string> = new Set([
  "Unique Identifier",
  "Object Type",
  "State",
  "Initial Date",
  "Protection Storage Mask",
]);

async function importedAttributes(
  context: OperationContext,
  supplied: SuppliedObject,
  requested: RequestedAttributes,
  existing: ManagedObject | null,
): Promise<StoredAttributes> {
  const attributes: { [name: string]: readonly StoredAttribute[] } = {};
  const set = (name: string, v: StoredValue) => {
    attributes[name] = [{ i: 0, v }];
  };
  set("Fresh", { t: "boolean", v: true });
  set("Last Change Date", { t: "dateTime", v: toSeconds(context.now) });
  for (const [name, v] of Object.entries(attributesOfObject(context, supplied, requested))) {
    set(name, v);
  }
  for (const [name, instances] of requested) {
    if (NOT_KEPT.has(name)) {
      continue;
    }
    for (const { v } of instances) {
      checkApplicationData(name, v);
      checkRotation(name, v);
    }
    attributes[name] = instances.map(({ i, v }) => ({ i, v: counted(name, v) }));
  }
  const { Digest: given = [], ...others } = attributes;
  const digests = importedDigests(supplied, others, given);
  const kept = digests.length === 0 ? others : { ...others, Digest: digests };
  // Activate and Revoke set dates whatever the others say: what has been through them comes as it is.
  const state = requested.get("State")?.[0]?.v.v ?? State.PreActive;
  if (state === State.PreActive) {
    checkDateOrder(kept, requested);
  }
  checkQuantumSafe(kept);
  checkSize(context, kept);
  await checkNames(context, requested, existing?.uniqueIdentifier ?? null);
  return kept;
}

/** Usage Limits whose Count is not told start at the Total. */
const counted = (name: string, value: StoredValue): StoredValue =>
  value.t === "structure" && value.v.some(({ tag }) => tag === Tag.UsageLimitsCount)
    ? value
    : normalValue(name, value);

/**
 * The Digests to keep: those given, and that of the key in the format that it came in. Of objects whose values may be
 * few enough to be guessed none is kept.
 *
 * @throws KmipError for a Digest that is not that of the object
 */
function importedDigests(
  { objectType, content }: SuppliedObject,
  attributes: StoredAttributes,
  given: readonly StoredAttribute[],
): readonly StoredAttribute[] {
  const isKey = objectType === ObjectType.SymmetricKey;
  if (content.wrapping !== undefined) {
    return isKey ? given : [];
  }
  const computed = isKey
    ? digestsOf(content.material, attributes)
    : [{ i: 0, v: digestOf(content.material, formatOf(objectType, attributes)) }];
  for (const { v } of given) {
    const about = aboutDigest(v);
    const own = computed.find((digest) => aboutDigest(digest.v) === about);
    if (own !== undefined && !sameValue(own.v, v)) {
      throw invalidAttributeValue("Digest is not that of the object");
    }
  }
  if (!isKey) {
    return [];
  }
  const missing = computed.filter(({ v }) => !given.some((digest) => sameValue(digest.v, v)));
  return [...missing, ...given].map(({ v }, i) => ({ i, v }));
}

/** What a Digest is a digest of. */
function aboutDigest(digest: StoredValue): string {
  const fields = digest.t === "structure" ? digest.v : [];
  return JSON.stringify(fields.filter(({ tag }) => tag !== Tag.DigestValue));
}

/** The state given, or the one that the dates make. @throws KmipError for an object without material */
function importedState(
  context: OperationContext,
  requested: RequestedAttributes,
  attributes: StoredAttributes,
): number {
  const given = requested.get("State")?.[0]?.v.v;
  const state = typeof given === "number" ? given : State.PreActive;
  const now = stateAt({ state, attributes }, context.now);
  if (isDestroyed(now)) {
    throw wrongState("A destroyed object has nothing that could be imported");
  }
  return now;
}

/** The first second of the calendar's first year: earlier ones are not written alike everywhere. */
const FIRST_SECOND = -62_135_596_800;

function initialDate(requested: RequestedAttributes): Date | null {
  const seconds = requested.get("Initial Date")?.[0]?.v.v;
  if (typeof seconds !== "number") {
    return null;
  }
  if (seconds < FIRST_SECOND) {
    throw invalidAttributeValue("Initial Date is out of range");
  }
  return new Date(seconds * 1000);
}
