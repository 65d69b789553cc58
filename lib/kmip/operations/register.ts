/** Register (KMIP 4.3): an object that a client brings: a symmetric key, secret data, an opaque object or a template. */
import { checkStorageMasks, PERMITTED_STORAGE } from "../attributes/storage-masks";
import { REQUESTED_ATTRIBUTES } from "../attributes/wire";
import { ObjectType, Operation } from "../protocol/enumerations";
import { asCode, one, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { initialAttributes, keepObject } from "./new-object";
import type { OperationDefinition, OperationResult } from "./operation";
import {
  attributesOfObject,
  BROUGHT,
  checkBrought,
  withBroughtObject,
  withEnclosed,
} from "./supplied-object";
import { keepTemplate, requestedAttributes } from "./templates";

const REQUEST = schema({
  objectType: one(Tag.ObjectType, asCode),
  attributes: REQUESTED_ATTRIBUTES,
  ...BROUGHT,
  storage: PERMITTED_STORAGE,
});

export const register: OperationDefinition = {
  code: Operation.Register,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const { symmetricKey, secretData, opaqueObject, template } = request;
    const alone = (symmetricKey ?? secretData ?? opaqueObject) === undefined;
    if (request.objectType === ObjectType.Template && template !== undefined && alone) {
      const own = await requestedAttributes(context, request.attributes, "register");
      return registered(ObjectType.Template, await keepTemplate(context, template, own));
    }
    return withBroughtObject(request, request.objectType, async (brought) => {
      const { objectType, content } = brought;
      checkStorageMasks(request.storage);
      const asked = await requestedAttributes(context, request.attributes, "register");
      const requested = withEnclosed(context, brought, asked, "register");
      checkBrought(context, brought, requested);
      const own = attributesOfObject(context, brought, requested);
      const attributes = await initialAttributes(context, requested, own);
      const { material } = content;
      return registered(objectType, await keepObject(context, { objectType, attributes, material }));
    });
  },
};

const registered = (objectType: number, uniqueIdentifier: string): OperationResult => ({
  payload: [text(Tag.UniqueIdentifier, uniqueIdentifier)],
  changed: true,
  data: { objectType },
});
