/** Activate (KMIP 4.19). */

import { activation, stateAt } from "../attributes/lifecycle";
import { appliesTo } from "../attributes/rules";
import { Operation, State } from "../protocol/enumerations";
import { wrongObjectType, wrongState } from "../protocol/errors";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { changeObject, identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ uniqueIdentifier: optional(Tag.UniqueIdentifier, asText) });

export const activate: OperationDefinition = {
  code: Operation.Activate,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    await changeObject(context, identifier, (object) => {
      if (!appliesTo("State", object.objectType, context.version)) {
        throw wrongObjectType("Objects of this type have no state");
      }
      if (stateAt(object, context.now) !== State.PreActive) {
        throw wrongState("The object is not in the Pre-Active state");
      }
      return { change: activation(object, context.now) };
    });
    return { payload: [text(Tag.UniqueIdentifier, identifier)], changed: true };
  },
};
