/** Archive (KMIP 4.22): the object is off-line until Recover; its material stays where it is. */
import { archival } from "../attributes/lifecycle";
import { Operation } from "../protocol/enumerations";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { changeObject, identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ uniqueIdentifier: optional(Tag.UniqueIdentifier, asText) });

export const archive: OperationDefinition = {
  code: Operation.Archive,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    await changeObject(context, identifier, (object) => ({ change: archival(object, context.now) }));
    return { payload: [text(Tag.UniqueIdentifier, identifier)], changed: true };
  },
};
