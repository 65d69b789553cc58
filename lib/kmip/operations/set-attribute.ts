/** Set Attribute (KMIP 2.1: 6.1.51): adds an attribute, or changes the only instance that there is. */
import { NEW_ATTRIBUTE, readAttribute } from "../attributes/wire";
import { Operation } from "../protocol/enumerations";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { chooseInstance } from "./objects/attribute-instances";
import { addInstance, replaceInstance, valueToKeep, writeAttribute } from "./objects/attribute-writes";
import { identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  attribute: NEW_ATTRIBUTE,
});

export const setAttribute: OperationDefinition = {
  code: Operation.SetAttribute,
  since: KmipVersion.V2_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const attribute = readAttribute(request.attribute, context);
    const value = valueToKeep(attribute);
    await writeAttribute(context, identifier, attribute, (present, object) => {
      if (present.length === 0) {
        return addInstance(attribute, object, context, value);
      }
      const { i } = chooseInstance(attribute.name, present, undefined);
      return replaceInstance(attribute, object, context, { present, written: { i, v: value } });
    });
    return {
      payload: [text(Tag.UniqueIdentifier, identifier)],
      changed: true,
      data: { attributes: [attribute.name] },
    };
  },
};
