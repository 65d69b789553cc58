/** Activate (KMIP 4.19). */

import { activation, stateAt } from "../attributes/lifecycle";
import { appliesTo } from "../attributes/rules";
import type { ManagedObject } from "../ports";
import { Operation, State } from "../protocol/enumerations";
import { wrongObjectType, wrongState } from "../protocol/errors";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import type { OperationContext } from "./context";
import { changeObject, findObject, identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ uniqueIdentifier: optional(Tag.UniqueIdentifier, asText) });

export const activate: OperationDefinition = {
  code: Operation.Activate,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const done = { payload: [text(Tag.UniqueIdentifier, identifier)] };
    // Where objects are made Active, clients that activate what they made ask for what is so already.
    if (context.tenant.policy.activateOnCreate) {
      const object = await findObject(context, identifier);
      if (isActivatable(object, context) && stateAt(object, context.now) === State.Active) {
        return done;
      }
    }
    await changeObject(context, identifier, (object) => {
      if (!isActivatable(object, context)) {
        throw wrongObjectType("Objects of this type have no state");
      }
      if (stateAt(object, context.now) !== State.PreActive) {
        throw wrongState("The object is not in the Pre-Active state");
      }
      return { change: activation(object, context.now) };
    });
    return { ...done, changed: true };
  },
};

const isActivatable = ({ objectType }: ManagedObject, { version }: OperationContext): boolean =>
  appliesTo("State", objectType, version);
