/** Get (KMIP 4.11): a managed object with its material. The hot path of the server. */
import { FAILURES, KmipError } from "../errors";
import { ObjectType, Operation } from "../protocol/enumerations";
import { asEnumeration, asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { enumeration, text } from "../ttlv/item";
import { asWrappingSpecification, getWrapped } from "./key-wrapping";
import { formatToServe, objectItem } from "./object-items";
import { findObject, identifierOf, type OperationDefinition } from "./operation";
import { markServed, readMaterial, refuseUnserved } from "./serving";
import { templateItem } from "./templates";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  keyFormatType: optional(Tag.KeyFormatType, asEnumeration),
  keyWrapType: optional(Tag.KeyWrapType, asEnumeration, KmipVersion.V1_4),
  keyCompressionType: optional(Tag.KeyCompressionType, asEnumeration),
  keyWrappingSpecification: optional(Tag.KeyWrappingSpecification, asWrappingSpecification),
});

export const get: OperationDefinition = {
  code: Operation.Get,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const object = await findObject(context, identifier);
    const specification = request.keyWrappingSpecification;
    refuseUnserved(context, object, specification !== undefined);
    const format = formatToServe(object, request.keyFormatType);
    if (request.keyCompressionType !== undefined) {
      throw new KmipError(FAILURES.keyCompressionTypeNotSupported, "Symmetric keys are not compressed");
    }
    if (specification !== undefined) return getWrapped(context, object, format, specification);
    const head = [enumeration(Tag.ObjectType, object.objectType), text(Tag.UniqueIdentifier, identifier)];
    if (object.objectType === ObjectType.Template) {
      return { payload: [...head, await templateItem(context, object)] };
    }
    const material = await readMaterial(context, object);
    await markServed(context, object);
    return {
      payload: [...head, objectItem(object, format, material)],
      material,
    };
  },
};
