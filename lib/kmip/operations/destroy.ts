/** Destroy (KMIP 4.21). */

import { destruction, isDestroyable, isDestroyed, stateAt } from "../attributes/lifecycle";
import { Operation } from "../protocol/enumerations";
import { objectDestroyed, wrongState } from "../protocol/errors";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { changeObject, identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ uniqueIdentifier: optional(Tag.UniqueIdentifier, asText) });

export const destroy: OperationDefinition = {
  code: Operation.Destroy,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    await changeObject(
      context,
      identifier,
      (object) => {
        const state = stateAt(object, context.now);
        if (isDestroyed(state)) {
          throw objectDestroyed("The object has already been destroyed");
        }
        if (!isDestroyable(state)) {
          throw wrongState("The object is active: it has to be revoked first");
        }
        return { change: destruction(object, context.now) };
      },
      { write: "destroy" },
    );
    return { payload: [text(Tag.UniqueIdentifier, identifier)], changed: true };
  },
};
