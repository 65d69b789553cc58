/** Modify Attribute (KMIP 4.15). */
import type { IncomingAttribute } from "../attributes/incoming";
import { CURRENT_ATTRIBUTE, changedAnswer, NEW_ATTRIBUTE, readAttribute } from "../attributes/wire";
import type { StoredAttribute } from "../ports";
import { Operation } from "../protocol/enumerations";
import { attributeNotFound } from "../protocol/errors";
import { asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { isSecondMajor, KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import type { OperationContext } from "./context";
import { chooseInstance, readCurrent } from "./objects/attribute-instances";
import { replaceInstance, valueToKeep, type Written, writeAttribute } from "./objects/attribute-writes";
import { identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  current: CURRENT_ATTRIBUTE,
  attribute: NEW_ATTRIBUTE,
});

export const modifyAttribute: OperationDefinition = {
  code: Operation.ModifyAttribute,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const attribute = readAttribute(request.attribute, context);
    const current = readCurrent(request.current, attribute.name, context);
    const value = valueToKeep(attribute);
    const modified = await writeAttribute(context, identifier, attribute, (present, object): Written => {
      const index = indexOf(attribute, current, present, context);
      const held = present.length === 0 ? [{ i: index, v: value }] : present;
      return replaceInstance(attribute, object, context, { present: held, written: { i: index, v: value } });
    });
    return {
      payload: [
        text(Tag.UniqueIdentifier, identifier),
        ...changedAnswer(attribute, modified, context.version),
      ],
      changed: true,
      data: { attributes: [attribute.name] },
    };
  },
};

/** The instance to change. @throws KmipError if there is none */
function indexOf(
  { name, index }: IncomingAttribute,
  current: IncomingAttribute | undefined,
  present: readonly StoredAttribute[],
  { version }: OperationContext,
): number {
  if (isSecondMajor(version)) {
    return chooseInstance(name, present, current).i;
  }
  const asked = index ?? 0;
  if (present.length === 0) {
    // Some appliances set the date of a fresh key with Modify Attribute rather than Add Attribute.
    if (name === "Activation Date" && asked === 0) {
      return 0;
    }
    throw attributeNotFound(`${name} has no value: it has to be added first`);
  }
  return chooseInstance(name, present, asked).i;
}
