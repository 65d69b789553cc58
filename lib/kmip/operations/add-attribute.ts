/** Add Attribute (KMIP 4.14). */
import { changedAnswer, NEW_ATTRIBUTE, readAttribute } from "../attributes/wire";
import { Operation } from "../protocol/enumerations";
import { invalidField } from "../protocol/errors";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { addInstance, valueToKeep, writeAttribute } from "./objects/attribute-writes";
import { identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  attribute: NEW_ATTRIBUTE,
});

export const addAttribute: OperationDefinition = {
  code: Operation.AddAttribute,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const attribute = readAttribute(request.attribute, context);
    // Some clients write index 0 with whatever they add: it says nothing that the server would not do by itself.
    if ((attribute.index ?? 0) !== 0) {
      throw invalidField("Attribute Index is assigned by the server");
    }
    const value = valueToKeep(attribute);
    const added = await writeAttribute(context, identifier, attribute, (_, object) =>
      addInstance(attribute, object, context, value),
    );
    return {
      payload: [text(Tag.UniqueIdentifier, identifier), ...changedAnswer(attribute, added, context.version)],
      changed: true,
      data: { attributes: [attribute.name] },
    };
  },
};
