/**
 * What a batch item of KMIP 2.x takes from the answers of items before it: Unique Identifiers and Data may be an
 * Enumeration (of the operation that answered it last) or an Integer (which of those in the response) instead of a
 * value (2.1: 4.31, 4.58, 7.9, 11.13, 11.58). Operations see the values alone.
 */

import type { OperationContext } from "../operations/context";
import { Data, Operation, UniqueIdentifier } from "../protocol/enumerations";
import { FAILURES, KmipError, limitExceeded, objectNotFound } from "../protocol/errors";
import type { RequestItem } from "../protocol/requests";
import { Tag } from "../protocol/tags";
import { bytes, type Item, ItemType, type StructureItem, structure, text } from "../ttlv/item";

/** What an item before answered. */
export type Answer = { readonly operation: number | null; readonly payload: readonly Item[] };

/** What references can refer to. */
type ReferenceContext = { readonly answers: readonly Answer[]; readonly idPlaceholder: string | null };

const IDENTIFIERS: ReadonlySet<number> = new Set([Tag.UniqueIdentifier, Tag.LinkedObjectIdentifier]);

/** The operation that an enumeration stands for. Key pairs and splits are made by no operation of this server. */
const IDENTIFYING: ReadonlyMap<number, number> = new Map([
  [UniqueIdentifier.Create, Operation.Create],
  [UniqueIdentifier.DeriveKey, Operation.DeriveKey],
  [UniqueIdentifier.Import, Operation.Import],
  [UniqueIdentifier.Locate, Operation.Locate],
  [UniqueIdentifier.Register, Operation.Register],
  [UniqueIdentifier.ReKey, Operation.ReKey],
]);

/** The operation that an enumeration stands for, and the field that its output is in. */
const PUTTING_OUT: ReadonlyMap<number, readonly [operation: number, tag: number]> = new Map([
  [Data.Decrypt, [Operation.Decrypt, Tag.Data]],
  [Data.Encrypt, [Operation.Encrypt, Tag.Data]],
  [Data.Hash, [Operation.Hash, Tag.Data]],
  [Data.MACMACData, [Operation.MAC, Tag.MACData]],
  [Data.RNGRetrieve, [Operation.RNGRetrieve, Tag.Data]],
]);

/** Output that Ephemeral keeps back (2.1: 8.3). */
const OUTPUT: ReadonlySet<number> = new Set([Tag.Data, Tag.MACData]);

/** The fields of an answer without the data that the operation put out. */
export const withoutOutput = (payload: readonly Item[]): readonly Item[] =>
  payload.filter(({ tag }) => !OUTPUT.has(tag));

const isReference = ({ type }: Item): boolean => type === ItemType.Enumeration || type === ItemType.Integer;

/** True if a request refers to data that earlier items put out, which has to be kept for it. */
export const refersToData = (items: readonly RequestItem[]): boolean =>
  items.some(({ payload }) => payload?.value.some((item) => item.tag === Tag.Data && isReference(item)));

/**
 * The batch items that an item stands for, with values in the place of references: itself, or one for each of the
 * objects that its Unique Identifier refers to (2.1: 11.58). A reference to nothing fails the item.
 *
 * @param done how many items have been carried out
 */
export function resolveItem(
  item: RequestItem,
  { idPlaceholder, limits }: Pick<OperationContext, "idPlaceholder" | "limits">,
  answers: readonly Answer[],
  done: number,
): readonly RequestItem[] {
  const { payload } = item;
  const context = { answers, idPlaceholder };
  if (item.error !== null || payload === null || !hasReference(payload)) {
    return [item];
  }
  try {
    const target = payload.value.find((field) => field.tag === Tag.UniqueIdentifier && isReference(field));
    if (target === undefined) {
      return [{ ...item, payload: filled(payload, null, context) }];
    }
    const identifiers = identifiersOf(target, context);
    // However the items refer to one another, a message stays as bounded as its items are.
    if (identifiers.length > 1 && done + identifiers.length > limits.maxBatchItems) {
      throw limitExceeded(`More than ${limits.maxBatchItems} operations in one message`);
    }
    // An operation zeroes the data that it was given: all but the last one get copies.
    return identifiers.map((identifier, at) => {
      const own = at === identifiers.length - 1 ? payload : withOwnBytes(payload);
      return { ...item, payload: filled(own, identifier, context) };
    });
  } catch (error) {
    if (error instanceof KmipError) {
      return [{ ...item, error }];
    }
    throw error;
  }
}

const withOwnBytes = ({ tag, value }: StructureItem): StructureItem =>
  structure(
    tag,
    value.map((item) => {
      if (item.type === ItemType.Structure) {
        return withOwnBytes(item);
      }
      return item.type === ItemType.ByteString ? bytes(item.tag, Uint8Array.from(item.value)) : item;
    }),
  );

/** Values of attributes that are not of the specification may hold whatever they like. */
const isSearched = ({ tag }: Item): boolean => tag !== Tag.AttributeValue;

function hasReference(parent: StructureItem): boolean {
  return parent.value.some((item) => {
    if (item.type === ItemType.Structure) {
      return isSearched(item) && hasReference(item);
    }
    return isReference(item) && (IDENTIFIERS.has(item.tag) || item.tag === Tag.Data);
  });
}

/** @param identifier what the payload's own Unique Identifier refers to */
function filled(parent: StructureItem, identifier: string | null, context: ReferenceContext): StructureItem {
  const fill = (item: Item): Item => {
    if (item.type === ItemType.Structure) {
      return isSearched(item) ? filled(item, null, context) : item;
    }
    if (!isReference(item)) {
      return item;
    }
    if (item.tag === Tag.Data) {
      return bytes(Tag.Data, Uint8Array.from(dataOf(item, context)));
    }
    if (!IDENTIFIERS.has(item.tag)) {
      return item;
    }
    if (identifier !== null && item.tag === Tag.UniqueIdentifier) {
      return text(item.tag, identifier);
    }
    return text(item.tag, onlyIdentifier(item, context));
  };
  return structure(parent.tag, parent.value.map(fill));
}

const nothing = () => objectNotFound("The Unique Identifier refers to no object");

/** @throws KmipError Object Not Found */
function identifiersOf(item: Item, context: ReferenceContext): readonly string[] {
  const { answers, idPlaceholder } = context;
  if (item.type === ItemType.Integer) {
    const all = answers.flatMap(({ payload }) => identifiersIn(payload));
    const found = all.at(item.value);
    if (found === undefined) {
      throw nothing();
    }
    return [found];
  }
  if (item.value === UniqueIdentifier.IDPlaceholder) {
    if (idPlaceholder === null) {
      throw nothing();
    }
    return [idPlaceholder];
  }
  const operation = typeof item.value === "number" ? IDENTIFYING.get(item.value) : undefined;
  const answer = operation === undefined ? undefined : lastOf(answers, operation);
  const found = answer === undefined ? [] : identifiersIn(answer.payload);
  if (found.length === 0) {
    throw nothing();
  }
  return found;
}

function onlyIdentifier(item: Item, context: ReferenceContext): string {
  const [first, second] = identifiersOf(item, context);
  if (first === undefined || second !== undefined) {
    throw objectNotFound("The Unique Identifier refers to more than one object");
  }
  return first;
}

const lastOf = (answers: readonly Answer[], operation: number): Answer | undefined =>
  answers.findLast((answer) => answer.operation === operation);

const identifiersIn = (payload: readonly Item[]): string[] =>
  payload.flatMap((item) =>
    item.tag === Tag.UniqueIdentifier && item.type === ItemType.TextString ? [item.value] : [],
  );

const bytesIn = (payload: readonly Item[], tag: number): Uint8Array[] =>
  payload.flatMap((item) => (item.tag === tag && item.type === ItemType.ByteString ? [item.value] : []));

/** @throws KmipError Missing Data */
function dataOf(item: Item, { answers }: ReferenceContext): Uint8Array {
  let found: Uint8Array | undefined;
  if (item.type === ItemType.Integer) {
    found = answers.flatMap(({ payload }) => bytesIn(payload, Tag.Data)).at(item.value);
  } else if (typeof item.value === "number") {
    const [operation, tag] = PUTTING_OUT.get(item.value) ?? [null, Tag.Data];
    const answer = operation === null ? undefined : lastOf(answers, operation);
    found = answer === undefined ? undefined : bytesIn(answer.payload, tag)[0];
  }
  if (found === undefined) {
    throw new KmipError(FAILURES.missingData, "Data refers to nothing");
  }
  return found;
}
