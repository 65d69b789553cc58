/** Get (KMIP 4.11): a managed object with its material. The hot path of the server. */
import { Operation } from "../protocol/enumerations";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { enumeration, text } from "../ttlv/item";
import { identifierOf, readObject } from "./objects/lookup";
import { serveObject, WANTED } from "./objects/serve-object";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({ uniqueIdentifier: optional(Tag.UniqueIdentifier, asText), ...WANTED });

export const get: OperationDefinition = {
  code: Operation.Get,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    return readObject(context, identifier, async (object) => {
      const { item, material } = await serveObject(context, object, request);
      return {
        payload: [
          enumeration(Tag.ObjectType, object.objectType),
          text(Tag.UniqueIdentifier, identifier),
          item,
        ],
        ...(material === undefined ? {} : { material }),
      };
    });
  },
};
