/** Get Attribute List (KMIP 4.13). */
import { visibleAttributes } from "../attributes/view";
import { namesAnswer } from "../attributes/wire";
import { Operation } from "../protocol/enumerations";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { hasComputedDigest } from "./objects/computed-digest";
import { findObject, identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ uniqueIdentifier: optional(Tag.UniqueIdentifier, asText) });

export const getAttributeList: OperationDefinition = {
  code: Operation.GetAttributeList,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const object = await findObject(context, identifier);
    const visible = visibleAttributes(object, context.version, context.now).map(({ name }) => name);
    const names = hasComputedDigest(context, object) ? [...visible, "Digest"] : visible;
    return { payload: [text(Tag.UniqueIdentifier, identifier), ...namesAnswer(names, context.version)] };
  },
};
