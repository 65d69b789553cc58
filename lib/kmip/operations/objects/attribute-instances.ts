/**
 * Which instance of an attribute an operation means: by Attribute Index in 1.x (2.1.1), by its value in 2.x
 * (2.1: 6.1.13, 6.1.34).
 */
import type { IncomingAttribute } from "../../attributes/incoming";
import { sameValue, storedFromItem } from "../../attributes/values";
import { readAttribute } from "../../attributes/wire";
import type { StoredAttribute, StoredValue } from "../../ports";
import {
  attributeInstanceNotFound,
  attributeNotFound,
  FAILURES,
  invalidAttribute,
  KmipError,
} from "../../protocol/errors";
import type { ReadContext } from "../../protocol/fields";
import { Tag } from "../../protocol/tags";
import type { Item } from "../../ttlv/item";

/** Reads a Current Attribute, which has to be the attribute that the operation is about. @throws KmipError */
export function readCurrent(
  item: Item | undefined,
  name: string,
  context: ReadContext,
): IncomingAttribute | undefined {
  if (item === undefined) {
    return undefined;
  }
  const current = readAttribute(item, context);
  if (current.name !== name) {
    throw invalidAttribute("Current Attribute and New Attribute differ");
  }
  return current;
}

/**
 * The instance that is meant.
 *
 * @param selector Attribute Index; or the present value, or undefined for the only instance
 * @throws KmipError if there is none, or if the only one is meant and there are several
 */
export function chooseInstance(
  name: string,
  present: readonly StoredAttribute[],
  selector: number | IncomingAttribute | undefined,
): StoredAttribute {
  const [first, second] = present;
  if (typeof selector === "number") {
    const found = present.find(({ i }) => i === selector);
    if (found === undefined) {
      throw attributeInstanceNotFound(`${name} has no instance ${selector}`);
    }
    return found;
  }
  if (first === undefined) {
    throw attributeNotFound(`${name} has no value`);
  }
  if (selector === undefined) {
    if (second === undefined) {
      return first;
    }
    throw new KmipError(FAILURES.multiValuedAttribute, `${name} has more than one value`);
  }
  const value = storedFromItem(selector.item);
  const found = present.find(({ v }) => sameValue(comparable(v), comparable(value)));
  if (found === undefined) {
    throw attributeInstanceNotFound(`${name} has no such value`);
  }
  return found;
}

/** Usage Limits are known by what the client gave of them: it cannot know the count. */
const comparable = (value: StoredValue): StoredValue =>
  value.t === "structure"
    ? { t: "structure", v: value.v.filter(({ tag }) => tag !== Tag.UsageLimitsCount) }
    : value;
