/** Get (KMIP 4.11): a managed object with its material. The hot path of the server. */
import { isSet } from "../attributes/view";
import { featureNotSupported, KmipError, permissionDenied } from "../errors";
import { changeOf, destruction, isDestroyed, stateAt, withAttribute } from "../lifecycle";
import { KeyStoreError, type ManagedObject } from "../ports";
import { KeyFormatType, ObjectType, Operation, ResultReason, State } from "../protocol/enumerations";
import { asEnumeration, asItem, asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { bytes, enumeration, type Item, integer, structure, text } from "../ttlv/item";
import {
  findObject,
  identifierOf,
  type OperationContext,
  type OperationDefinition,
  refuseDestroyed,
} from "./operation";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  keyFormatType: optional(Tag.KeyFormatType, asEnumeration),
  keyWrapType: optional(Tag.KeyWrapType, asEnumeration, KmipVersion.V1_4),
  keyCompressionType: optional(Tag.KeyCompressionType, asEnumeration),
  keyWrappingSpecification: optional(Tag.KeyWrappingSpecification, asItem),
});

export const get: OperationDefinition = {
  code: Operation.Get,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const object = await findObject(context, identifier);
    refuseUnserved(context, object);
    if (request.keyFormatType !== undefined && request.keyFormatType !== KeyFormatType.Raw) {
      throw new KmipError(ResultReason.KeyFormatTypeNotSupported, "Only the Raw key format is served");
    }
    if (request.keyCompressionType !== undefined) {
      throw new KmipError(ResultReason.KeyCompressionTypeNotSupported, "Symmetric keys are not compressed");
    }
    if (request.keyWrappingSpecification !== undefined) {
      throw featureNotSupported("Key wrapping is not supported");
    }
    const material = await readMaterial(context, object);
    await markServed(context, object);
    return {
      payload: [
        enumeration(Tag.ObjectType, object.objectType),
        text(Tag.UniqueIdentifier, identifier),
        structure(Tag.SymmetricKey, [keyBlock(object, material)]),
      ],
      material,
    };
  },
};

/** Everything that forbids handing out the material. @throws KmipError */
function refuseUnserved(context: OperationContext, object: ManagedObject): void {
  const { now, version } = context;
  refuseDestroyed(object, now);
  if (!object.served) throw permissionDenied("The key has been revoked by the key owner");
  if (stateAt(object, now) === State.Compromised && !context.tenant.policy.serveCompromised) {
    throw permissionDenied("The key is compromised");
  }
  if (object.objectType !== ObjectType.SymmetricKey) {
    throw featureNotSupported("Objects of this type are not served");
  }
  // 3.48, 3.50; the Result Reasons are younger than the clients that may ask.
  const reason = (own: ResultReason) => (version >= KmipVersion.V1_4 ? own : ResultReason.PermissionDenied);
  if (isSet(object, "Sensitive", now)) {
    throw new KmipError(reason(ResultReason.Sensitive), "The key is sensitive: it is served only wrapped");
  }
  if (!isSet(object, "Extractable", now)) {
    throw new KmipError(reason(ResultReason.NotExtractable), "The key is not extractable");
  }
}

async function readMaterial(context: OperationContext, object: ManagedObject): Promise<Uint8Array> {
  try {
    return await context.store.readMaterial(context.tenant, object);
  } catch (error) {
    if (error instanceof KeyStoreError && error.failure === "gone") await markDestroyed(context, object);
    throw error;
  }
}

/** The key manager has no material any more: the object is destroyed, whoever did it. */
async function markDestroyed(context: OperationContext, object: ManagedObject): Promise<void> {
  try {
    const current = await context.store.find(context.tenant, object.uniqueIdentifier);
    if (current === null || isDestroyed(stateAt(current, context.now))) return;
    const change = destruction(current, context.now);
    await context.store.update(context.tenant, object.uniqueIdentifier, change);
  } catch (error) {
    context.logger.warn(
      { err: error, uniqueIdentifier: object.uniqueIdentifier },
      "An object whose material is gone could not be marked as destroyed",
    );
  }
}

/**
 * Fresh turns false with the first Get (3.34). The key matters more than the mark: a failure to set it is logged.
 */
async function markServed(context: OperationContext, object: ManagedObject): Promise<void> {
  if (object.attributes.Fresh?.[0]?.v.v !== true) return;
  const attributes = withAttribute(object.attributes, "Fresh", { t: "boolean", v: false });
  const { "Last Change Date": before } = object.attributes;
  const change = changeOf(object, context.now, object.state as State, attributes);
  // Being served is no change of the object (Table 136 does not name Get).
  const unchanged =
    before === undefined ? change.attributes : { ...change.attributes, "Last Change Date": before };
  try {
    await context.store.update(context.tenant, object.uniqueIdentifier, {
      ...change,
      attributes: unchanged,
    });
  } catch (error) {
    if (error instanceof KeyStoreError && error.failure === "conflict") return;
    context.logger.warn(
      { err: error, uniqueIdentifier: object.uniqueIdentifier },
      "A served object could not be marked as no longer fresh",
    );
  }
}

/** Table 7. No attributes within the Key Value: some clients reject them. */
function keyBlock(object: ManagedObject, material: Uint8Array): Item {
  const fields: Item[] = [
    enumeration(Tag.KeyFormatType, KeyFormatType.Raw),
    structure(Tag.KeyValue, [bytes(Tag.KeyMaterial, material)]),
  ];
  const algorithm = object.attributes["Cryptographic Algorithm"]?.[0]?.v;
  const length = object.attributes["Cryptographic Length"]?.[0]?.v;
  if (algorithm?.t === "enumeration" && length?.t === "integer") {
    fields.push(
      enumeration(Tag.CryptographicAlgorithm, algorithm.v),
      integer(Tag.CryptographicLength, length.v),
    );
  }
  return structure(Tag.KeyBlock, fields);
}
