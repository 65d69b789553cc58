/** Delete Attribute (KMIP 4.16). */
import type { IncomingAttribute } from "../attributes/incoming";
import { changeOf, stateAt } from "../attributes/lifecycle";
import { appliesTo, findRule } from "../attributes/rules";
import { isClientVendorName, isVendorName } from "../attributes/vendor-names";
import { visibleAttribute } from "../attributes/view";
import { ATTRIBUTE_NAME, CURRENT_ATTRIBUTE, changedAnswer, readAttribute } from "../attributes/wire";
import type { ManagedObject, StoredAttribute, StoredAttributes } from "../ports";
import { Operation } from "../protocol/enumerations";
import {
  attributeInstanceNotFound,
  attributeNotFound,
  invalidMessage,
  readOnlyAttribute,
  unsupportedAttribute,
  wrongState,
} from "../protocol/errors";
import { asCount, asText, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { isSecondMajor, KmipVersion } from "../protocol/versions";
import { text } from "../ttlv/item";
import type { OperationContext } from "./context";
import { lifecycleAllows } from "./objects/attribute-changes";
import { chooseInstance } from "./objects/attribute-instances";
import type { Attribute } from "./objects/attribute-writes";
import { changeObject, identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  current: CURRENT_ATTRIBUTE,
  name: ATTRIBUTE_NAME,
  index: optional(Tag.AttributeIndex, asCount, KmipVersion.V1_0, KmipVersion.V1_4),
});

export const deleteAttribute: OperationDefinition = {
  code: Operation.DeleteAttribute,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const current = request.current === undefined ? undefined : readAttribute(request.current, context);
    const name = current?.name ?? request.name;
    if (name === undefined) {
      throw invalidMessage("The attribute to delete is missing");
    }
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const rule = findRule(name, context.version);
    if (rule === null && !isVendorName(name)) {
      throw unsupportedAttribute(`There is no attribute ${name}`);
    }
    const attribute = { name, rule };
    const { deleted } = await changeObject(context, identifier, (object) => {
      refuseDeletion(attribute, object, context);
      const gone = instancesToDelete(attribute, object, context, current ?? request.index);
      const attributes = withoutInstances(object.attributes, name, gone);
      const state = stateAt({ state: object.state, attributes }, context.now);
      return { deleted: gone, change: changeOf(object, context.now, state, attributes) };
    });
    return {
      payload: [
        text(Tag.UniqueIdentifier, identifier),
        ...deleted.flatMap((instance) => changedAnswer(attribute, instance, context.version)),
      ],
      changed: true,
      data: { attributes: [name] },
    };
  },
};

/** @throws KmipError as 11.17 says (2.1: Table 204) */
function refuseDeletion({ name, rule }: Attribute, object: ManagedObject, context: OperationContext): void {
  if (!appliesTo(name, object.objectType, context.version)) {
    throw attributeNotFound(`${name} has no value`);
  }
  if (rule === null ? !isClientVendorName(name) : rule.remove === "never") {
    throw readOnlyAttribute(`${name} cannot be deleted`);
  }
  if (rule !== null && !lifecycleAllows(rule.remove, rule, object, context.now)) {
    throw wrongState(`${name} cannot be deleted in the state of the object`);
  }
}

/**
 * One instance; all of them for an Attribute Reference (2.1: 6.1.13).
 *
 * @param chosen by its value in 2.x, by its Attribute Index in 1.x
 * @throws KmipError if there is none
 */
function instancesToDelete(
  { name }: Attribute,
  object: ManagedObject,
  { version, now }: OperationContext,
  chosen: IncomingAttribute | number | undefined,
): readonly StoredAttribute[] {
  const present = visibleAttribute(object, name, version, now)?.instances ?? [];
  if (!isSecondMajor(version)) {
    if (present.length === 0) {
      throw attributeInstanceNotFound(`${name} has no value`);
    }
    return [chooseInstance(name, present, typeof chosen === "number" ? chosen : 0)];
  }
  if (typeof chosen === "object") {
    return [chooseInstance(name, present, chosen)];
  }
  if (present.length === 0) {
    throw attributeNotFound(`${name} has no value`);
  }
  return present;
}

/** The indices of the other instances stay (2.1.1). */
function withoutInstances(
  attributes: StoredAttributes,
  name: string,
  gone: readonly StoredAttribute[],
): StoredAttributes {
  const { [name]: present = [], ...others } = attributes;
  const left = present.filter(({ i }) => !gone.some((instance) => instance.i === i));
  return left.length === 0 ? others : { ...attributes, [name]: left };
}
