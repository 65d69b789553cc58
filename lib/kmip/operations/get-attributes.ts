/** Get Attributes (KMIP 4.12). */
import { findRule, isVisible } from "../attributes/rules";
import { instancesOf, visibleAttributes } from "../attributes/view";
import { attributeItem } from "../attributes/wire";
import { invalidMessage } from "../errors";
import { withAttribute } from "../lifecycle";
import type { ManagedObject } from "../ports";
import { Operation } from "../protocol/enumerations";
import { asText, many, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { type Item, text } from "../ttlv/item";
import { computeDigest, hasComputedDigest } from "./computed-digest";
import { findObject, identifierOf, type OperationContext, type OperationDefinition } from "./operation";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  names: many(Tag.AttributeName, asText),
});

export const getAttributes: OperationDefinition = {
  code: Operation.GetAttributes,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    if (new Set(request.names).size !== request.names.length) {
      throw invalidMessage("An Attribute Name is present more than once");
    }
    const kept = await findObject(context, identifier);
    const wantsDigest = request.names.length === 0 || request.names.includes("Digest");
    const object =
      wantsDigest && hasComputedDigest(context, kept)
        ? {
            ...kept,
            attributes: withAttribute(kept.attributes, "Digest", await computeDigest(context, kept)),
          }
        : kept;
    const attributes =
      request.names.length === 0
        ? allAttributes(context, object)
        : request.names.flatMap((name) => namedAttribute(context, object, name));
    return { payload: [text(Tag.UniqueIdentifier, identifier), ...attributes] };
  },
};

function allAttributes(context: OperationContext, object: ManagedObject): Item[] {
  return visibleAttributes(object, context.version, context.now).flatMap(({ name, rule, instances }) =>
    instances.map(({ i, v }) => attributeItem(name, i, v, rule, context.version)),
  );
}

/** The instances of one attribute; none, and no error, for a name without a value. */
export function namedAttribute(context: OperationContext, object: ManagedObject, name: string): Item[] {
  const { version, now } = context;
  if (!isVisible(name, version)) return [];
  const rule = findRule(name, version);
  return instancesOf(object, name, now).map(({ i, v }) => attributeItem(name, i, v, rule, version));
}
