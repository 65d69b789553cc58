/** Add Attribute (KMIP 4.14). */
import { appliesTo, isClientCustomName } from "../attributes/rules";
import { sameValue, storedFromItem } from "../attributes/values";
import { asAttribute, attributeItem, checkAttribute, type IncomingAttribute } from "../attributes/wire";
import { illegalOperation, invalidField, permissionDenied } from "../errors";
import { changeOf, stateAt } from "../lifecycle";
import type { ManagedObject, StoredAttributes } from "../ports";
import { Operation } from "../protocol/enumerations";
import { asText, one, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import {
  checkApplicationData,
  checkDateOrder,
  checkSize,
  isNameTaken,
  lifecycleAllows,
  normalValue,
} from "./attribute-changes";
import { changeObject, identifierOf, type OperationDefinition } from "./operation";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  attribute: one(Tag.Attribute, asAttribute),
});

export const addAttribute: OperationDefinition = {
  code: Operation.AddAttribute,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const attribute = checkAttribute(request.attribute, context);
    if (attribute === null)
      throw permissionDenied(`${request.attribute.name} is not supported for this object`);
    if (attribute.index !== undefined) throw invalidField("Attribute Index is assigned by the server");
    const { name, rule } = attribute;
    const value = normalValue(name, storedFromItem(attribute.item));
    checkApplicationData(name, value);
    const { index } = await changeObject(context, identifier, async (object) => {
      refuseAddition(attribute, object, context.now);
      const present = object.attributes[name] ?? [];
      if (present.some(({ v }) => sameValue(v, value)))
        throw illegalOperation(`${name} already has this value`);
      if (name === "Name" && (await isNameTaken(context, value, identifier))) {
        throw illegalOperation("Another object has this Name");
      }
      const next = present.reduce((highest, { i }) => Math.max(highest, i + 1), 0);
      const attributes: StoredAttributes = {
        ...object.attributes,
        [name]: [...present, { i: next, v: value }],
      };
      checkDateOrder(attributes);
      checkSize(context, attributes);
      const state = stateAt({ state: object.state, attributes }, context.now);
      return { index: next, change: changeOf(object, context.now, state, attributes) };
    });
    return {
      payload: [
        text(Tag.UniqueIdentifier, identifier),
        attributeItem(name, index, value, rule, context.version),
      ],
      changed: true,
      data: { attributes: [name] },
    };
  },
};

/** @throws KmipError Permission Denied, Illegal Operation (11.15) */
function refuseAddition({ name, rule }: IncomingAttribute, object: ManagedObject, now: Date): void {
  if (rule === null ? !isClientCustomName(name) : rule.client !== "add") {
    throw permissionDenied(`${name} is read-only`);
  }
  if (!appliesTo(name, object.objectType)) {
    throw permissionDenied(`${name} does not apply to objects of this type`);
  }
  const present = object.attributes[name]?.length ?? 0;
  if (rule !== null && rule.multiple !== true && present > 0)
    throw illegalOperation(`${name} already exists`);
  if (rule !== null && !lifecycleAllows(rule.modify, rule, object, now)) {
    throw permissionDenied(`${name} cannot be set in the state of the object`);
  }
}
