/**
 * Export (KMIP 4.40): a managed object with its material and all of its attributes. What forbids Get forbids it too; of
 * a destroyed object it answers the attributes.
 */

import { isDestroyed, stateAt } from "../attributes/lifecycle";
import { visibleAttributes } from "../attributes/view";
import { attributesAnswer } from "../attributes/wire";
import { Operation } from "../protocol/enumerations";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { enumeration, text } from "../ttlv/item";
import { withComputedDigest } from "./objects/computed-digest";
import { identifierOf, readObject } from "./objects/lookup";
import { emptyItem, formatOf } from "./objects/object-items";
import { serveObject, WANTED } from "./objects/serve-object";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ uniqueIdentifier: optional(Tag.UniqueIdentifier, asText), ...WANTED });

export const exportObject: OperationDefinition = {
  code: Operation.Export,
  since: KmipVersion.V1_4,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const { now, version } = context;
    return readObject(context, identifier, async (object) => {
      const described = await withComputedDigest(context, object);
      const destroyed = isDestroyed(stateAt(object, now));
      const served = destroyed ? null : await serveObject(context, object, request);
      context.idPlaceholder = identifier;
      return {
        payload: [
          enumeration(Tag.ObjectType, object.objectType),
          text(Tag.UniqueIdentifier, identifier),
          ...attributesAnswer(visibleAttributes(described, version, now), version),
          served?.item ?? emptyItem(object, formatOf(object.objectType, object.attributes)),
        ],
        ...(served === null ? {} : { material: served.material }),
      };
    });
  },
};
