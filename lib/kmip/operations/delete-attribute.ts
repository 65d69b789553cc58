/** Delete Attribute (KMIP 4.16). */
import { findRule, isClientCustomName, isVisible } from "../attributes/rules";
import { instancesOf } from "../attributes/view";
import { attributeItem } from "../attributes/wire";
import { itemNotFound, permissionDenied } from "../errors";
import { changeOf, stateAt } from "../lifecycle";
import type { StoredAttributes } from "../ports";
import { Operation } from "../protocol/enumerations";
import { asCount, asText, one, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import { lifecycleAllows } from "./attribute-changes";
import { changeObject, identifierOf, type OperationDefinition } from "./operation";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  name: one(Tag.AttributeName, asText),
  index: optional(Tag.AttributeIndex, asCount),
});

export const deleteAttribute: OperationDefinition = {
  code: Operation.DeleteAttribute,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const { name } = request;
    const index = request.index ?? 0;
    const identifier = identifierOf(context, request.uniqueIdentifier);
    if (!isVisible(name, context.version)) throw itemNotFound(`There is no attribute ${name}`);
    const rule = findRule(name, context.version);
    const { deleted } = await changeObject(context, identifier, (object) => {
      if (rule === null ? !isClientCustomName(name) : rule.remove === "never") {
        throw permissionDenied(`${name} cannot be deleted`);
      }
      if (rule !== null && !lifecycleAllows(rule.remove, rule, object, context.now)) {
        throw permissionDenied(`${name} cannot be deleted in the state of the object`);
      }
      const present = instancesOf(object, name, context.now);
      const found = present.find(({ i }) => i === index);
      if (found === undefined) throw itemNotFound(`${name} has no instance ${index}`);
      const attributes = withoutInstance(object.attributes, name, index);
      const state = stateAt({ state: object.state, attributes }, context.now);
      return { deleted: found.v, change: changeOf(object, context.now, state, attributes) };
    });
    return {
      payload: [
        text(Tag.UniqueIdentifier, identifier),
        attributeItem(name, index, deleted, rule, context.version),
      ],
      changed: true,
      data: { attributes: [name] },
    };
  },
};

/** The indices of the other instances stay (2.1.1). */
function withoutInstance(attributes: StoredAttributes, name: string, index: number): StoredAttributes {
  const { [name]: present = [], ...others } = attributes;
  const left = present.filter(({ i }) => i !== index);
  return left.length === 0 ? others : { ...attributes, [name]: left };
}
