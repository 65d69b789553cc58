/**
 * Reads the fields of a structure by a declaration of them.
 *
 * The rules are those of 11.1: a field that appears twice is an Invalid Message; an unknown field is an Invalid
 * Field, unless the client speaks a newer minor version, whose unknown fields are ignored. Fields with a tag of the
 * range that is left to vendors (9.1.3.1) are ignored as well: what a vendor needs to be understood, it says in a
 * critical Message Extension. Fields are accepted in any order: the specification orders them for senders and names no
 * error for receivers.
 */

import { type Item, ItemType, type StructureItem } from "../ttlv/item";
import { ENUMERATION_OF_TAG, isExtensionValue } from "./enumerations";
import {
  invalidField,
  invalidMessage,
  type KmipError,
  misplacedTag,
  unknownEnumeration,
  unknownTag,
} from "./errors";
import { TAGS } from "./tags";
import { type KmipVersion, NEWEST_VERSION, SUPPORTED_VERSIONS, KmipVersion as V } from "./versions";

/** The version a message is read in. */
export type ReadContext = {
  readonly version: KmipVersion;
  /** True if the client's minor version is newer than `version`. */
  readonly newer: boolean;
  /** True where unknown fields are refused in any case: a search without a condition of its own finds too much. */
  readonly exact?: boolean;
};

/** Tags of vendors (9.1.3.1): 0x540000 to 0x54FFFF. */
const isVendorTag = (tag: number): boolean => tag >> 16 === 0x54;

/** True if an unknown field is read past, false if it is refused. */
export const isIgnored = (tag: number, { newer, exact }: ReadContext): boolean =>
  exact !== true && (newer || isVendorTag(tag));

/** Reads the value of one item. @throws KmipError */
export type ItemReader<T> = (item: Item, context: ReadContext) => T;

type Cardinality = "one" | "optional" | "many";

/** How a structure carries one of its fields. */
export type Field<T> = {
  readonly tag: number;
  readonly cardinality: Cardinality;
  readonly read: ItemReader<unknown>;
  /** First and last version that have the field: in others it is unknown, and not missed. */
  readonly since: KmipVersion;
  readonly until: KmipVersion;
  /** What stands in its place in later versions, under the same name. */
  readonly next?: Field<T>;
  /** Carries the type of the value; never set. */
  readonly value?: T;
};

/** A required field. */
export const one = <T>(
  tag: number,
  read: ItemReader<T>,
  since: KmipVersion = V.V1_0,
  until: KmipVersion = NEWEST_VERSION,
): Field<T> => ({ tag, cardinality: "one", read, since, until });

/** A field that may be missing. */
export const optional = <T>(
  tag: number,
  read: ItemReader<T>,
  since: KmipVersion = V.V1_0,
  until: KmipVersion = NEWEST_VERSION,
): Field<T | undefined> => ({ tag, cardinality: "optional", read, since, until });

/** A field that may be missing and may be repeated. */
export const many = <T>(
  tag: number,
  read: ItemReader<T>,
  since: KmipVersion = V.V1_0,
  until: KmipVersion = NEWEST_VERSION,
): Field<readonly T[]> => ({ tag, cardinality: "many", read, since, until });

/**
 * A field that another one takes the place of in later versions: whoever reads the structure sees one name.
 *
 * @param earlier has a last version, before the first one of `later`
 */
export const inTurn = <T>(earlier: Field<T>, later: Field<T>): Field<T> => ({ ...earlier, next: later });

export type FieldMap = { readonly [name: string]: Field<unknown> };

/** The values of the fields of a declaration. */
export type FieldValues<F extends FieldMap> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

type NamedField = { readonly name: string; readonly field: Field<unknown>; readonly bit: number };

/** A declared structure. */
export type Schema<F extends FieldMap> = {
  readonly fields: F;
  readonly byTag: ReadonlyMap<number, NamedField>;
  /** The bits of the fields that must be there, by version. */
  readonly required: readonly number[];
  /** All values missing: copied by each reading, so that all readings have one shape. */
  readonly missing: { readonly [name: string]: unknown };
};

const NONE: readonly unknown[] = Object.freeze([]);
/** Fields that a bit each of a small integer can tell apart. */
const MAX_FIELDS = 30;

/** A field and those that take its place later. */
function* inAllVersions(field: Field<unknown>): Generator<Field<unknown>> {
  yield field;
  if (field.next !== undefined) {
    yield* inAllVersions(field.next);
  }
}

/** True if a version has the field. */
const isIn = ({ since, until }: Field<unknown>, version: KmipVersion): boolean =>
  since <= version && version <= until;

/** Declares a structure. @throws RangeError for more than thirty fields, or two of one tag */
export function schema<F extends FieldMap>(fields: F): Schema<F> {
  const named = Object.entries(fields)
    .flatMap(([name, declared]) => [...inAllVersions(declared)].map((field) => ({ name, field })))
    .map((entry, at): NamedField => ({ ...entry, bit: 1 << at }));
  if (named.length > MAX_FIELDS) {
    throw new RangeError("too many fields in one structure");
  }
  const byTag = new Map(named.map((entry) => [entry.field.tag, entry]));
  if (byTag.size !== named.length) {
    throw new RangeError("two fields of one tag");
  }
  const required: number[] = [];
  for (const version of SUPPORTED_VERSIONS) {
    required[version] = named.reduce(
      (bits, { field, bit }) => (field.cardinality === "one" && isIn(field, version) ? bits | bit : bits),
      0,
    );
  }
  return {
    fields,
    byTag,
    required,
    missing: Object.fromEntries(
      named.map(({ name, field }) => [name, field.cardinality === "many" ? NONE : undefined]),
    ),
  };
}

/** "Unique Identifier" for a tag, for messages to people. */
export function tagName(tag: number): string {
  return TAGS.nameOf(tag)?.replace(/(?<=[a-z])(?=[A-Z])/g, " ") ?? `tag ${tag.toString(16)}`;
}

/** Reads the fields of a structure. @throws KmipError Invalid Message, Invalid Field */
export function readFields<F extends FieldMap>(
  declared: Schema<F>,
  item: Item,
  context: ReadContext,
): FieldValues<F> {
  const values: { [name: string]: unknown } = { ...declared.missing };
  let seen = 0;
  for (const child of asStructure(item).value) {
    const known = declared.byTag.get(child.tag);
    if (known === undefined || !isIn(known.field, context.version)) {
      if (isIgnored(child.tag, context)) {
        continue;
      }
      throw unknownField(child.tag, item.tag, context.version);
    }
    const { name, field, bit } = known;
    const value = field.read(child, context);
    const first = (seen & bit) === 0;
    if (field.cardinality === "many") {
      if (first) {
        values[name] = [value];
      } else {
        (values[name] as unknown[]).push(value);
      }
    } else {
      // A field and what takes its place in later versions are one.
      if (values[name] !== undefined) {
        throw invalidMessage(`${tagName(child.tag)} appears more than once`);
      }
      values[name] = value;
    }
    seen |= bit;
  }
  const absent = (declared.required[context.version] ?? 0) & ~seen;
  if (absent !== 0) {
    for (const { field, bit } of declared.byTag.values()) {
      if ((absent & bit) !== 0) {
        throw invalidMessage(`${tagName(field.tag)} is missing`);
      }
    }
  }
  return values as FieldValues<F>;
}

/** A field that the structure does not have in a version. */
export function unknownField(tag: number, structure: number, version: KmipVersion): KmipError {
  const refuse = TAGS.has(tag, version) ? misplacedTag : unknownTag;
  return refuse(`Unknown field in ${tagName(structure)}: ${tagName(tag)}`);
}

const wrongType = (item: Item) => invalidMessage(`${tagName(item.tag)} has the wrong type`);

/** Reads a structure as it is. @throws KmipError Invalid Message */
export function asStructure(item: Item): StructureItem {
  if (item.type !== ItemType.Structure) {
    throw wrongType(item);
  }
  return item;
}

export const asInteger: ItemReader<number> = (item) => {
  if (item.type !== ItemType.Integer) {
    throw wrongType(item);
  }
  return item.value;
};

/** Signed 64 bits. */
export const asLongInteger: ItemReader<bigint> = (item) => {
  if (item.type !== ItemType.LongInteger) {
    throw wrongType(item);
  }
  return item.value;
};

/** Seconds. */
export const asInterval: ItemReader<number> = (item) => {
  if (item.type !== ItemType.Interval) {
    throw wrongType(item);
  }
  return item.value;
};

/** An Integer that counts something. */
export const asCount: ItemReader<number> = (item, context) => {
  const value = asInteger(item, context);
  if (value < 0) {
    throw invalidField(`${tagName(item.tag)} is negative`);
  }
  return value;
};

export const asBoolean: ItemReader<boolean> = (item) => {
  if (item.type !== ItemType.Boolean) {
    throw wrongType(item);
  }
  return item.value;
};

export const asText: ItemReader<string> = (item) => {
  if (item.type !== ItemType.TextString) {
    throw wrongType(item);
  }
  return item.value;
};

export const asBytes: ItemReader<Uint8Array> = (item) => {
  if (item.type !== ItemType.ByteString) {
    throw wrongType(item);
  }
  return item.value;
};

/** Date-Time in POSIX seconds. */
export const asDateTime: ItemReader<bigint> = (item) => {
  if (item.type !== ItemType.DateTime) {
    throw wrongType(item);
  }
  return item.value;
};

/** An Enumeration whose values the reader judges itself. */
export const asCode: ItemReader<number> = (item) => {
  if (item.type !== ItemType.Enumeration) {
    throw wrongType(item);
  }
  return item.value;
};

/** An Enumeration, which must have a value that the client's version defines. */
export const asEnumeration: ItemReader<number> = (item, context) => {
  const value = asCode(item, context);
  if (!isKnownEnumeration(item.tag, value, context.version)) {
    throw unknownEnumeration(`${tagName(item.tag)} has an unknown value: ${value}`);
  }
  return value;
};

/** An Enumeration of a field that clients also send under headers of before it was there: with the values of `since`. */
export const asEarlyEnumeration =
  (since: KmipVersion): ItemReader<number> =>
  (item, context) =>
    asEnumeration(item, context.version < since ? { ...context, version: since } : context);

/** True for a value that the version defines for the field, for vendors' values, and for fields without a table. */
export function isKnownEnumeration(tag: number, value: number, version: KmipVersion): boolean {
  const table = ENUMERATION_OF_TAG.get(tag);
  return table === undefined || table.has(value, version) || isExtensionValue(value);
}

/** The item as it is. */
export const asItem: ItemReader<Item> = (item) => item;

/** A structure with declared fields. */
export function asFields<F extends FieldMap>(declared: Schema<F>): ItemReader<FieldValues<F>> {
  return (item, context) => readFields(declared, item, context);
}
