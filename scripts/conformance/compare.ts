/** Compares an actual response with the one that a case expects, and learns the values of the case's variables. */
import { enumerationText } from "@/lib/kmip/encoding/names";
import { attributeNameIn, nameTagOf, scalarFromText, scalarText } from "@/lib/kmip/encoding/scalars";
import { attributeNameInElements, tagOfElement, typeOfElement } from "@/lib/kmip/encoding/xml";
import type { XmlElement } from "@/lib/kmip/encoding/xml-reader";
import { TAGS, Tag } from "@/lib/kmip/protocol/tags";
import { encodeTtlv } from "@/lib/kmip/ttlv/encoder";
import { type Item, ItemType, type StructureItem } from "@/lib/kmip/ttlv/item";
import * as rules from "./rules";
import { reasonsInSecondMajor } from "./second-major";
import { isVariable, secondsFromNow, type Variables } from "./variables";

/** The first thing in which a response is not as expected. */
export type Difference = { readonly path: string; readonly expected: string; readonly got: string };

/** What a comparison has to know of the case besides the two messages. */
export type Context = {
  readonly family: string;
  readonly variables: Variables;
  /** Byte Strings that requests carried, as hexadecimal: key material of the family, everything of the case. */
  readonly sentKeys: ReadonlySet<string>;
  readonly sentBytes: ReadonlySet<string>;
  /** Dates that requests of the case have named, as they are written. */
  readonly sentDates: ReadonlySet<string>;
  /** True if the server makes the keys of the case. */
  readonly generatesKeys: boolean;
  /** True for a case of 1.x that is replayed in 2.x. */
  readonly secondMajor: boolean;
  /** True where dates of an answer that no request has sent are those of an earlier day. */
  readonly datesAreOld: boolean;
  /** Values that a case writes down for what the server chose, with what it did choose. */
  readonly chosen: Map<string, string>;
};

/** Where the comparison stands. */
type Location = {
  readonly path: string;
  /** Attribute Name beside the value, in 1.x. */
  readonly attributeName: string | null;
  /** Name of the batch item's operation. */
  readonly operation: string | null;
  /** True where the request named the attributes that it wants. */
  readonly named: boolean;
  /** True in a payload that answers the IV that the server chose. */
  readonly chosenIv: boolean;
};

/** Compares a response message. @returns null if it is as expected */
export function compareResponse(
  expected: XmlElement,
  actual: Item,
  request: Item,
  context: Context,
): Difference | null {
  const comparison = new Comparison(context, request);
  return comparison.item(expected, actual, {
    path: "ResponseMessage",
    attributeName: null,
    operation: null,
    named: false,
    chosenIv: false,
  });
}

const nameOf = (tag: number): string => TAGS.nameOf(tag) ?? `0x${tag.toString(16)}`;
const textOf = (element: XmlElement): string => element.attributes.get("value") ?? "";
const childrenOf = (item: Item): readonly Item[] => (item.type === ItemType.Structure ? item.value : []);

class Comparison {
  readonly #context: Context;
  /** For each batch item of the request: does it name attributes? */
  readonly #namesAttributes: readonly boolean[];
  #batchItem = -1;

  constructor(context: Context, request: Item) {
    this.#context = context;
    this.#namesAttributes = childrenOf(request)
      .filter(({ tag }) => tag === Tag.BatchItem)
      .map((item) => childrenOf(item).flatMap(childrenOf))
      .map((payload) =>
        payload.some(({ tag }) => tag === Tag.AttributeName || tag === Tag.AttributeReference),
      );
  }

  item(expected: XmlElement, actual: Item, location: Location): Difference | null {
    const type = typeOfElement(expected);
    // A case of 2.0 writes its Result Message as an Enumeration.
    if (type !== actual.type && !rules.FREE_TYPES.has(actual.tag)) {
      return { path: location.path, expected: tell(expected), got: show(actual, location) };
    }
    if (actual.type === ItemType.Structure) {
      return this.#structure(expected, actual, location);
    }
    return this.#scalar(expected, actual, location);
  }

  #structure(expected: XmlElement, actual: StructureItem, outer: Location): Difference | null {
    if (rules.OPAQUE_STRUCTURES.has(actual.tag)) {
      return null;
    }
    if (outer.attributeName !== null && rules.FREE_ATTRIBUTES.has(outer.attributeName)) {
      return null;
    }
    const location = this.#enter(expected, actual, outer);
    const remaining = [...actual.value];
    const unordered: XmlElement[] = [];
    const counts = new Map<number, number>();
    let last = -1;
    for (const child of expected.children) {
      const tag = tagOfElement(child);
      if (isUnordered(tag, actual.tag)) {
        unordered.push(child);
        continue;
      }
      const count = counts.get(tag) ?? 0;
      counts.set(tag, count + 1);
      const path = `${location.path}/${nameOf(tag)}${tag === Tag.BatchItem ? `[${count}]` : ""}`;
      const found = remaining.findIndex((candidate) => candidate.tag === tag);
      const candidate = remaining[found];
      if (candidate === undefined) {
        if (rules.OPTIONAL_ITEMS.has(tag)) {
          continue;
        }
        return { path, expected: tell(child), got: "nothing" };
      }
      const position = actual.value.indexOf(candidate, last + 1);
      if (position < 0) {
        return { path, expected: "in the order of the specification", got: "earlier" };
      }
      last = position;
      remaining.splice(found, 1);
      const difference = this.item(child, candidate, { ...location, path });
      if (difference !== null) {
        return difference;
      }
    }
    const missed = this.#unordered(unordered, remaining, actual.tag, location);
    if (missed !== null) {
      return missed;
    }
    const extra = remaining.find((item) => !this.#mayBeMore(item, actual.tag, location));
    if (extra === undefined) {
      return null;
    }
    return { path: `${location.path}/${nameOf(extra.tag)}`, expected: "nothing", got: show(extra, location) };
  }

  /** The location of the children of a structure. */
  #enter(expected: XmlElement, actual: StructureItem, outer: Location): Location {
    const attributeName = attributeNameIn(actual.value);
    if (actual.tag === Tag.Attribute) {
      return { ...outer, attributeName };
    }
    if (actual.tag === Tag.ResponsePayload) {
      const chosenIv = expected.children.some((child) => child.name === "IVCounterNonce");
      return { ...outer, attributeName: null, chosenIv };
    }
    if (actual.tag !== Tag.BatchItem) {
      return { ...outer, attributeName: null };
    }
    this.#batchItem += 1;
    const operation = expected.children.find((child) => child.name === "Operation");
    return {
      ...outer,
      attributeName: null,
      operation: operation === undefined ? null : textOf(operation),
      named: this.#namesAttributes[this.#batchItem] ?? false,
    };
  }

  /** Pairs items whose order says nothing; takes what it pairs out of `remaining`. */
  #unordered(
    expected: readonly XmlElement[],
    remaining: Item[],
    parent: number,
    location: Location,
  ): Difference | null {
    // What is known finds its like first; what has still to be learned takes what is left, in order.
    const isOpen = (child: XmlElement): boolean =>
      isVariable(textOf(child)) && this.#context.variables.get(textOf(child)) === undefined;
    const sorted = [...expected.filter((child) => !isOpen(child)), ...expected.filter(isOpen)];
    for (const child of sorted) {
      const tag = tagOfElement(child);
      const name = tag === Tag.Attribute ? attributeNameInElements(child.children) : null;
      const path = `${location.path}/${nameOf(tag)}${name === null ? "" : `[${name}]`}`;
      let nearest: Difference | null = null;
      const found = remaining.findIndex((candidate) => {
        if (candidate.tag !== tag) {
          return false;
        }
        if (name !== null && attributeNameIn(childrenOf(candidate)) !== name) {
          return false;
        }
        const difference = this.item(child, candidate, { ...location, path });
        nearest ??= difference;
        return difference === null;
      });
      if (found >= 0) {
        remaining.splice(found, 1);
      } else if (!this.#mayBeMissing(child, tag, location)) {
        // A list names what is missing; of an attribute, what is different in it is worth more.
        if (name !== null || parent === Tag.Attributes) {
          return nearest ?? { path, expected: tell(child), got: "nothing" };
        }
        return { path, expected: tell(child), got: listOf(remaining, tag, location) };
      }
    }
    return null;
  }

  #mayBeMissing(child: XmlElement, tag: number, location: Location): boolean {
    if (rules.OPTIONAL_ITEMS.has(tag)) {
      return true;
    }
    if (location.operation !== "Query") {
      return false;
    }
    // A server claims the profiles that it has.
    if (tag === Tag.ProfileInformation) {
      return true;
    }
    const baselineOnly = rules.QUERY_BASELINE_FAMILIES.has(this.#context.family);
    if (tag === Tag.Operation) {
      const operation = textOf(child);
      return rules.TEST_OPERATIONS.has(operation) || (baselineOnly && !rules.QUERY_BASELINE.has(operation));
    }
    if (tag === Tag.ObjectType) {
      return baselineOnly || rules.QUERY_OPTIONAL_OBJECTS.has(textOf(child));
    }
    return false;
  }

  #mayBeMore(item: Item, parent: number, location: Location): boolean {
    if (rules.OPTIONAL_ITEMS.has(item.tag)) {
      return true;
    }
    // 1.x: the first instance may or may not say that it is number 0.
    if (item.tag === Tag.AttributeIndex) {
      return item.value === 0;
    }
    if (rules.ATTRIBUTE_STRUCTURES.has(parent) || item.tag === Tag.Attribute) {
      return !location.named;
    }
    return rules.UNORDERED_ITEMS.has(item.tag);
  }

  #scalar(expected: XmlElement, actual: Exclude<Item, StructureItem>, location: Location): Difference | null {
    const { tag, type } = actual;
    const nameTag = nameTagOf(tag, location.attributeName);
    const isFreeAttribute =
      tag === Tag.AttributeValue && rules.FREE_ATTRIBUTES.has(location.attributeName ?? "");
    // In 2.x a Vendor Identification is part of an attribute's name as well.
    const isName = tag === Tag.VendorIdentification && location.operation !== "Query";
    if ((rules.FREE_VALUES.has(tag) && !isName) || isFreeAttribute) {
      return null;
    }
    const want = textOf(expected);
    const different = { path: location.path, expected: concealed(tag, want), got: show(actual, location) };

    const offset = secondsFromNow(want);
    if (offset !== null) {
      if (type !== ItemType.DateTime) {
        return different;
      }
      const apart = actual.value - BigInt(Math.floor(Date.now() / 1000)) - offset;
      const near = apart <= rules.DATE_TOLERANCE_SECONDS && -apart <= rules.DATE_TOLERANCE_SECONDS;
      return near ? null : different;
    }
    if (this.#context.datesAreOld && type === ItemType.DateTime && !this.#context.sentDates.has(want)) {
      return null;
    }
    const got = scalarText(actual, { nameTag, separator: " " });
    if (tag === Tag.ResultReason && this.#context.secondMajor) {
      return reasonsInSecondMajor(want, location.operation).has(got) ? null : different;
    }
    if (isVariable(want)) {
      const bound = this.#context.variables.get(want);
      if (bound === undefined) {
        this.#context.variables.bind(want, got);
      }
      return bound === undefined || bound === got ? null : { ...different, expected: `${want} = ${bound}` };
    }
    const wanted = scalarFromText(tag, type, want, { nameTag, separator: " " });
    if (encodeTtlv(wanted).equals(encodeTtlv(actual))) {
      return null;
    }
    if (!this.#isChosen(tag, want, location) || want.length !== got.length) {
      return different;
    }
    // What the case says twice has to be the same both times.
    const before = this.#context.chosen.get(want.toLowerCase());
    if (before === undefined) {
      this.#context.chosen.set(want.toLowerCase(), got);
    }
    return before === undefined || before === got ? null : { ...different, expected: concealed(tag, before) };
  }

  /** True for bytes that the server makes up: a case writes down what one server once answered. */
  #isChosen(tag: number, want: string, { operation, chosenIv }: Location): boolean {
    const { sentKeys, sentBytes, generatesKeys } = this.#context;
    const bytes = want.toLowerCase();
    if (rules.GENERATED_BYTES.has(tag)) {
      return !sentKeys.has(bytes);
    }
    if (operation !== null && rules.RANDOM_OPERATIONS.has(operation)) {
      return tag === Tag.Data;
    }
    if (chosenIv) {
      return rules.CRYPTOGRAPHIC_RESULTS.has(tag);
    }
    return generatesKeys && rules.CRYPTOGRAPHIC_RESULTS.has(tag) && !sentBytes.has(bytes);
  }
}

const isUnordered = (tag: number, parent: number): boolean => {
  if (rules.ATTRIBUTE_STRUCTURES.has(parent)) {
    return true;
  }
  // Inside of an Attribute, its name is a field like others.
  if (parent === Tag.Attribute || parent === Tag.BatchItem) {
    return false;
  }
  return (
    rules.UNORDERED_ITEMS.has(tag) || (parent === Tag.ResponsePayload && rules.UNORDERED_EXACT_ITEMS.has(tag))
  );
};

/** Key material stays out of reports. */
const concealed = (tag: number, text: string): string =>
  tag === Tag.KeyMaterial && !isVariable(text) ? `${text.length / 2} bytes` : text.slice(0, 100);

function tell(element: XmlElement): string {
  const value = element.attributes.get("value");
  if (value !== undefined) {
    return `${element.attributes.get("type")} ${concealed(tagOfElement(element), value)}`;
  }
  const names = element.children.map((child) => child.name);
  return `structure of ${names.length === 0 ? "nothing" : names.join(", ")}`;
}

function show(item: Item, { attributeName }: Location): string {
  if (item.type === ItemType.Structure) {
    const names = item.value.map(({ tag }) => nameOf(tag));
    const name = attributeNameIn(item.value);
    return `structure of ${names.join(", ")}${name === null ? "" : ` (${name})`}`;
  }
  const text = scalarText(item, { nameTag: nameTagOf(item.tag, attributeName), separator: " " });
  return concealed(item.tag, text);
}

function listOf(items: readonly Item[], tag: number, location: Location): string {
  const list = items.filter((item) => item.tag === tag).map((item) => show(item, location));
  return list.length === 0 ? "nothing" : list.join(", ").slice(0, 200);
}

/** What a failed batch item says, for the report: "OperationFailed, ItemNotFound: no such object"; null if none failed. */
export function failureIn(response: Item): string | null {
  for (const item of childrenOf(response)) {
    const fields = new Map(childrenOf(item).map((field) => [field.tag, field.value]));
    const reason = fields.get(Tag.ResultReason);
    if (typeof reason !== "number") {
      continue;
    }
    const message = fields.get(Tag.ResultMessage);
    return `${enumerationText(Tag.ResultReason, reason)}${typeof message === "string" ? `: ${message}` : ""}`;
  }
  return null;
}
