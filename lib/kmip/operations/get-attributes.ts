/** Get Attributes (KMIP 4.12). */
import { namedAttributes, visibleAttributes } from "../attributes/view";
import { ATTRIBUTE_NAMES, attributesAnswer } from "../attributes/wire";
import { Operation } from "../protocol/enumerations";
import { invalidMessage } from "../protocol/errors";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { withComputedDigest } from "./objects/computed-digest";
import { findObject, identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  names: ATTRIBUTE_NAMES,
});

export const getAttributes: OperationDefinition = {
  code: Operation.GetAttributes,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    if (new Set(request.names).size !== request.names.length) {
      throw invalidMessage("An attribute is asked for more than once");
    }
    const kept = await findObject(context, identifier);
    const wantsDigest = request.names.length === 0 || request.names.includes("Digest");
    const object = wantsDigest ? await withComputedDigest(context, kept) : kept;
    const attributes =
      request.names.length === 0
        ? visibleAttributes(object, context.version, context.now)
        : namedAttributes(context, object, request.names);
    return {
      payload: [text(Tag.UniqueIdentifier, identifier), ...attributesAnswer(attributes, context.version)],
    };
  },
};
