/** Adjust Attribute (KMIP 2.1: 6.1.3, 11.1): counts an attribute up or down, or turns it round. */
import { findRule } from "../attributes/rules";
import { storedFromItem } from "../attributes/values";
import { isVendorName } from "../attributes/vendor-names";
import { ATTRIBUTE_NAME } from "../attributes/wire";
import type { StoredAttribute, StoredValue } from "../ports";
import { AdjustmentType, Operation } from "../protocol/enumerations";
import {
  attributeNotFound,
  FAILURES,
  invalidMessage,
  KmipError,
  unsupportedAttribute,
} from "../protocol/errors";
import { asEnumeration, asItem, asText, one, optional, readFields, schema } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";
import { ItemType, text } from "../ttlv/item";
import { chooseInstance } from "./objects/attribute-instances";
import { type Attribute, addInstance, replaceInstance, writeAttribute } from "./objects/attribute-writes";
import { identifierOf } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({
  uniqueIdentifier: optional(Tag.UniqueIdentifier, asText),
  name: ATTRIBUTE_NAME,
  type: one(Tag.AdjustmentType, asEnumeration),
  value: optional(Tag.AdjustmentValue, asItem),
});

export const adjustAttribute: OperationDefinition = {
  code: Operation.AdjustAttribute,
  since: KmipVersion.V2_0,
  async handle(context, payload) {
    const request = readFields(REQUEST, payload, context);
    const { name, type } = request;
    if (name === undefined) {
      throw invalidMessage("Attribute Reference is missing");
    }
    const rule = findRule(name, context.version);
    if (rule === null && !isVendorName(name)) {
      throw unsupportedAttribute(`There is no attribute ${name}`);
    }
    const identifier = identifierOf(context, request.uniqueIdentifier);
    const attribute = { name, rule };
    const parameter = request.value === undefined ? undefined : storedFromItem(request.value);
    await writeAttribute(context, identifier, attribute, (present, object) => {
      const before = held(attribute, present, parameter);
      const value = adjusted(before.v, type, parameter);
      return present.length === 0
        ? addInstance(attribute, object, context, value)
        : replaceInstance(attribute, object, context, { present, written: { i: before.i, v: value } });
    });
    return {
      payload: [text(Tag.UniqueIdentifier, identifier)],
      changed: true,
      data: { attributes: [name] },
    };
  },
};

const noSuchType = () =>
  new KmipError(FAILURES.invalidDataType, "The attribute cannot be adjusted like this");

/** What stands for an attribute without a value: 0 or false. */
const NOTHING: ReadonlyMap<ItemType, StoredValue> = new Map<ItemType, StoredValue>([
  [ItemType.Integer, { t: "integer", v: 0 }],
  [ItemType.LongInteger, { t: "longInteger", v: "0" }],
  [ItemType.BigInteger, { t: "bigInteger", v: "0" }],
  [ItemType.Interval, { t: "interval", v: 0 }],
  [ItemType.Boolean, { t: "boolean", v: false }],
]);

/** The instance to adjust. @throws KmipError if there are several, or none and no type to start from */
function held(
  { name, rule }: Attribute,
  present: readonly StoredAttribute[],
  parameter: StoredValue | undefined,
): StoredAttribute {
  if (present.length > 0) {
    return chooseInstance(name, present, undefined);
  }
  // An attribute of a vendor has the type of what is added to it.
  const start =
    rule === null ? [...NOTHING.values()].find(({ t }) => t === parameter?.t) : NOTHING.get(rule.type);
  if (start === undefined) {
    throw attributeNotFound(`${name} has no value`);
  }
  return { i: 0, v: start };
}

/** Bounds of what a type holds. Big Integers: as much as anybody counts. */
const RANGES: ReadonlyMap<StoredValue["t"], readonly [least: bigint, most: bigint]> = new Map([
  ["integer", [-(2n ** 31n), 2n ** 31n - 1n]],
  ["longInteger", [-(2n ** 63n), 2n ** 63n - 1n]],
  ["bigInteger", [-(2n ** 4095n), 2n ** 4095n - 1n]],
  ["interval", [0n, 2n ** 32n - 1n]],
  ["dateTime", [-8_640_000_000_000n, 8_640_000_000_000n]],
  ["dateTimeExtended", [-(2n ** 63n), 2n ** 63n - 1n]],
]);

/** Types that an adjustment may be given in. */
const COUNTS: ReadonlySet<StoredValue["t"]> = new Set(["integer", "longInteger", "bigInteger", "interval"]);

/** @throws KmipError Invalid Data Type, Numeric Range */
function adjusted(value: StoredValue, type: number, parameter: StoredValue | undefined): StoredValue {
  if (type === AdjustmentType.Negate) {
    if (value.t === "boolean") {
      return { t: "boolean", v: !value.v };
    }
    if (value.t !== "integer" && value.t !== "longInteger" && value.t !== "bigInteger") {
      throw noSuchType();
    }
    return withNumber(value, -numberIn(value));
  }
  if (parameter !== undefined && !COUNTS.has(parameter.t)) {
    throw noSuchType();
  }
  const step = parameter === undefined ? 1n : numberIn(parameter);
  return withNumber(value, numberIn(value) + (type === AdjustmentType.Increment ? step : -step));
}

/** @throws KmipError Invalid Data Type */
function numberIn(value: StoredValue): bigint {
  if (!RANGES.has(value.t) || (typeof value.v !== "number" && typeof value.v !== "string")) {
    throw noSuchType();
  }
  return BigInt(value.v);
}

/** @throws KmipError Numeric Range */
function withNumber(value: StoredValue, number: bigint): StoredValue {
  const [least, most] = RANGES.get(value.t) ?? [0n, 0n];
  if (number < least || number > most) {
    throw new KmipError(FAILURES.numericRange, "The attribute cannot hold such a number");
  }
  switch (value.t) {
    case "integer":
    case "interval":
    case "dateTime":
      return { t: value.t, v: Number(number) };
    case "longInteger":
    case "bigInteger":
    case "dateTimeExtended":
      return { t: value.t, v: number.toString() };
    default:
      throw noSuchType();
  }
}
