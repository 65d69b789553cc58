/** Register (KMIP 4.3): an object that a client supplies: a symmetric key, secret data, an opaque object or a template. */
import { checkStorageMasks, PERMITTED_STORAGE } from "../attributes/storage-masks";
import { REQUESTED_ATTRIBUTES } from "../attributes/wire";
import { ObjectType, Operation } from "../protocol/enumerations";
import { asCode, one, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { initialAttributes, keepObject } from "./objects/new-object";
import {
  attributesOfObject,
  checkSupplied,
  SUPPLIED_OBJECT,
  withEnclosed,
  withSuppliedObject,
} from "./objects/supplied-object";
import { keepTemplate, requestedAttributes } from "./objects/templates";
import type { OperationDefinition, OperationResult } from "./operation";

const REQUEST = schema({
  objectType: one(Tag.ObjectType, asCode),
  attributes: REQUESTED_ATTRIBUTES,
  ...SUPPLIED_OBJECT,
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
    return withSuppliedObject(request, request.objectType, async (supplied) => {
      const { objectType, content } = supplied;
      checkStorageMasks(request.storage);
      const asked = await requestedAttributes(context, request.attributes, "register");
      const requested = withEnclosed(context, supplied, asked, "register");
      checkSupplied(context, supplied, requested);
      const own = attributesOfObject(context, supplied, requested);
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
