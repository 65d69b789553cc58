/**
 * Response messages as a KMIP client reads them, in 1.x and in 2.x.
 */

import { storedFromItem } from "../attributes/values";
import { asAttribute } from "../attributes/wire-1";
import { asAttributeReference, readAttributes } from "../attributes/wire-2";
import type { StoredValue } from "../ports";
import { ResultStatus } from "../protocol/enumerations";
import { Tag } from "../protocol/tags";
import { KmipVersion, NEWEST_VERSION } from "../protocol/versions";
import { decodeTtlv } from "../ttlv/decoder";
import { type Item, ItemType } from "../ttlv/item";

/** An attribute by its name in 1.x ("x-Product"; "Acme:Product" for vendors in 2.x); only 1.x has an index, and none is 0. */
export type ClientAttribute = { readonly name: string; readonly index?: number; readonly value: StoredValue };

/** The answer to one operation of a batch. */
export type BatchResponse = {
  readonly operation: number | null;
  readonly uniqueBatchItemId: Uint8Array | null;
  /** Result Status enumeration. */
  readonly status: number;
  /** Result Reason enumeration of a failure. */
  readonly resultReason: number | null;
  readonly message: string | null;
  /** Fields of the Response Payload; empty for a failure. */
  readonly payload: readonly Item[];
};

/** A whole response message. */
export type ResponseMessage = {
  readonly version: { readonly major: number; readonly minor: number };
  readonly items: readonly BatchResponse[];
  readonly header: readonly Item[];
};

/** The first item of a tag. */
export const find = (items: readonly Item[], tag: number): Item | undefined =>
  items.find((item) => item.tag === tag);

/** The items of a structure; none of anything else. */
export const childrenOf = (item: Item | undefined): readonly Item[] =>
  item?.type === ItemType.Structure ? item.value : [];

/** The first Integer, Enumeration or Interval of a tag, or null. */
export function numberIn(items: readonly Item[], tag: number): number | null {
  const item = find(items, tag);
  return item !== undefined && typeof item.value === "number" ? item.value : null;
}

/** The first Text String of a tag, or null. */
export function textIn(items: readonly Item[], tag: number): string | null {
  const item = find(items, tag);
  return item?.type === ItemType.TextString ? item.value : null;
}

/** The first Byte String of a tag, or null: a view. */
export function bytesIn(items: readonly Item[], tag: number): Uint8Array | null {
  const item = find(items, tag);
  return item?.type === ItemType.ByteString ? item.value : null;
}

/** Reads a response message. @throws TtlvError, Error */
export function readResponse(message: Uint8Array): ResponseMessage {
  const root = decodeTtlv(message);
  if (root.tag !== Tag.ResponseMessage) {
    throw new Error("The server did not send a response message");
  }
  const header = childrenOf(find(childrenOf(root), Tag.ResponseHeader));
  const version = childrenOf(find(header, Tag.ProtocolVersion));
  const items = childrenOf(root).filter(({ tag }) => tag === Tag.BatchItem);
  return {
    version: {
      major: numberIn(version, Tag.ProtocolVersionMajor) ?? -1,
      minor: numberIn(version, Tag.ProtocolVersionMinor) ?? -1,
    },
    header,
    items: items.map((item) => {
      const fields = childrenOf(item);
      return {
        operation: numberIn(fields, Tag.Operation),
        uniqueBatchItemId: bytesIn(fields, Tag.UniqueBatchItemID),
        status: numberIn(fields, Tag.ResultStatus) ?? ResultStatus.OperationFailed,
        resultReason: numberIn(fields, Tag.ResultReason),
        message: textIn(fields, Tag.ResultMessage),
        payload: childrenOf(find(fields, Tag.ResponsePayload)),
      };
    }),
  };
}

/** Attributes of a Response Payload. */
export function attributesIn(payload: readonly Item[]): ClientAttribute[] {
  const second = find(payload, Tag.Attributes);
  if (second !== undefined) {
    return readAttributes(second, { version: NEWEST_VERSION, newer: true }, true).map(({ name, item }) => ({
      name,
      value: storedFromItem(item),
    }));
  }
  return payload
    .filter(({ tag }) => tag === Tag.Attribute)
    .map((item) => {
      const { name, index, value } = asAttribute(item, { version: KmipVersion.V1_4, newer: true });
      if (value === undefined) {
        throw new Error(`The server sent ${name} without a value`);
      }
      return { name, ...((index ?? 0) === 0 ? {} : { index }), value: storedFromItem(value) };
    });
}

/** Names of attributes in a Response Payload. */
export const attributeNamesIn = (payload: readonly Item[]): string[] =>
  payload.flatMap((item) => {
    if (item.tag === Tag.AttributeName && item.type === ItemType.TextString) {
      return [item.value];
    }
    if (item.tag !== Tag.AttributeReference) {
      return [];
    }
    return [asAttributeReference(item, { version: NEWEST_VERSION, newer: true })];
  });
