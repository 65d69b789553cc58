/** Modify Attribute (KMIP 4.15). */
import { isClientCustomName } from "../attributes/rules";
import { sameValue, storedFromItem } from "../attributes/values";
import { instancesOf, isSet } from "../attributes/view";
import { asAttribute, attributeItem, checkAttribute, type IncomingAttribute } from "../attributes/wire";
import { illegalOperation, invalidField, itemNotFound, permissionDenied } from "../errors";
import { changeOf, stateAt, withAttribute } from "../lifecycle";
import type { ManagedObject, StoredAttribute, StoredAttributes, StoredValue } from "../ports";
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

export const modifyAttribute: OperationDefinition = {
  code: Operation.ModifyAttribute,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const attribute = checkAttribute(request.attribute, context);
    if (attribute === null)
      throw invalidField(`${request.attribute.name} is not an attribute of this server`);
    const { name, rule } = attribute;
    const index = attribute.index ?? 0;
    const value = normalValue(name, storedFromItem(attribute.item));
    checkApplicationData(name, value);
    await changeObject(context, identifier, async (object) => {
      refuseModification(attribute, object, context.now);
      const present = instancesOf(object, name, context.now);
      const instances = replaceInstance(name, present, index, value);
      if (name === "Name" && (await isNameTaken(context, value, identifier))) {
        throw illegalOperation("Another object has this Name");
      }
      const attributes = withDerived(
        object,
        { ...object.attributes, [name]: instances },
        name,
        value,
        context.now,
      );
      checkDateOrder(attributes);
      checkSize(context, attributes);
      const state = stateAt({ state: object.state, attributes }, context.now);
      return { change: changeOf(object, context.now, state, attributes) };
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

/** @throws KmipError Permission Denied (11.16) */
function refuseModification({ name, rule }: IncomingAttribute, object: ManagedObject, now: Date): void {
  if (rule === null) {
    if (!isClientCustomName(name)) throw permissionDenied(`${name} is read-only`);
    return;
  }
  if (rule.modify === "never") throw permissionDenied(`${name} is read-only`);
  if (!lifecycleAllows(rule.modify, rule, object, now)) {
    throw permissionDenied(`${name} cannot be changed in the state of the object`);
  }
}

/** @throws KmipError Invalid Field for an attribute without a value, Item Not Found for an instance without one */
function replaceInstance(
  name: string,
  present: readonly StoredAttribute[],
  index: number,
  value: StoredValue,
): readonly StoredAttribute[] {
  if (present.length === 0) {
    // Some appliances set the date of a fresh key with Modify Attribute rather than Add Attribute.
    if (name === "Activation Date" && index === 0) return [{ i: 0, v: value }];
    throw invalidField(`${name} has no value: it has to be added first`);
  }
  if (!present.some(({ i }) => i === index)) throw itemNotFound(`${name} has no instance ${index}`);
  if (present.some(({ i, v }) => i !== index && sameValue(v, value))) {
    throw illegalOperation(`${name} already has this value`);
  }
  return present.map((instance) => (instance.i === index ? { i: index, v: value } : instance));
}

/** Always Sensitive and Never Extractable follow what they watch, and never turn back (3.49, 3.51). */
function withDerived(
  object: ManagedObject,
  attributes: StoredAttributes,
  name: string,
  value: StoredValue,
  now: Date,
): StoredAttributes {
  if (name === "Sensitive") {
    const still = value.v === true && isSet(object, "Always Sensitive", now);
    return withAttribute(attributes, "Always Sensitive", { t: "boolean", v: still });
  }
  if (name === "Extractable") {
    const still = value.v === false && isSet(object, "Never Extractable", now);
    return withAttribute(attributes, "Never Extractable", { t: "boolean", v: still });
  }
  return attributes;
}
