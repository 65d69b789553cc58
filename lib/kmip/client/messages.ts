/**
 * Messages as a KMIP client writes and reads them, in 1.x and in 2.x.
 */

import { ruleNamed } from "../attributes/rules";
import { itemFromStored, storedFromItem } from "../attributes/values";
import { asAttribute } from "../attributes/wire-1";
import { asAttributeReference, attributeItem2, readAttributes, referenceItem } from "../attributes/wire-2";
import type { StoredValue } from "../ports";
import {
  BatchErrorContinuationOption,
  CryptographicAlgorithm,
  CryptographicUsageMask,
  NameType,
  ObjectType,
  Operation,
  ResultStatus,
} from "../protocol/enumerations";
import { Tag } from "../protocol/tags";
import { isSecondMajor, KmipVersion, NEWEST_VERSION } from "../protocol/versions";
import { decodeTtlv } from "../ttlv/decoder";
import { encodeTtlv } from "../ttlv/encoder";
import {
  boolean,
  bytes,
  dateTime,
  enumeration,
  type Item,
  ItemType,
  integer,
  structure,
  text,
} from "../ttlv/item";

export type KmipVersionName = "1.0" | "1.1" | "1.2" | "1.3" | "1.4" | "2.0" | "2.1";

/** An attribute by its name in 1.x ("x-Product"; "Acme:Product" for vendors in 2.x); only 1.x has an index. */
export type ClientAttribute = { readonly name: string; readonly index?: number; readonly value: StoredValue };

/** What Create is asked for. */
export type CreateRequest = {
  /** Cryptographic Algorithm enumeration; default AES. */
  readonly algorithm?: number;
  /** Bits; default 256. */
  readonly length?: number;
  /** Cryptographic Usage Mask; default Encrypt | Decrypt. */
  readonly usageMask?: number;
  readonly name?: string;
  readonly attributes?: readonly ClientAttribute[];
};

/** One operation of a batch: its code and the fields of its Request Payload. */
export type BatchRequest = {
  readonly operation: number;
  readonly payload: readonly Item[];
  /** The fields in 2.x, where they are others. */
  readonly payload2?: readonly Item[];
  /** Default: none for a single operation, and its place in the batch for one of several (Table 283). */
  readonly uniqueBatchItemId?: Uint8Array;
};

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

export type BatchOptions = {
  readonly continuation?: "stop" | "continue" | "undo";
  readonly order?: boolean;
  readonly maximumResponseSize?: number;
  /** Further header fields, written before Batch Count. */
  readonly header?: readonly Item[];
};

const VERSIONS: { readonly [K in KmipVersionName]: KmipVersion } = {
  "1.0": KmipVersion.V1_0,
  "1.1": KmipVersion.V1_1,
  "1.2": KmipVersion.V1_2,
  "1.3": KmipVersion.V1_3,
  "1.4": KmipVersion.V1_4,
  "2.0": KmipVersion.V2_0,
  "2.1": KmipVersion.V2_1,
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

/** One attribute as 2.x writes it. */
const attribute2 = ({ name, value }: ClientAttribute): Item =>
  attributeItem2(name, value, ruleNamed(name), NEWEST_VERSION);

/** Attributes in a structure of their own: a Template-Attribute in 1.x. */
const attributes = (list: readonly ClientAttribute[], version: KmipVersion): Item =>
  isSecondMajor(version)
    ? structure(Tag.Attributes, list.map(attribute2))
    : structure(Tag.TemplateAttribute, list.map(attribute));

/** The attribute that an operation writes. */
const newAttribute = (written: ClientAttribute, version: KmipVersion): Item =>
  isSecondMajor(version) ? structure(Tag.NewAttribute, [attribute2(written)]) : attribute(written);

/** The value that it has, where 2.x tells instances apart by it. */
const currentAttribute = (held: ClientAttribute | undefined): Item[] =>
  held === undefined ? [] : [structure(Tag.CurrentAttribute, [attribute2(held)])];

const reference = (name: string, version: KmipVersion): Item =>
  isSecondMajor(version) ? referenceItem(name) : text(Tag.AttributeName, name);

const attribute = ({ name, index, value }: ClientAttribute): Item =>
  structure(Tag.Attribute, [
    text(Tag.AttributeName, name),
    ...(index === undefined ? [] : [integer(Tag.AttributeIndex, index)]),
    itemFromStored(Tag.AttributeValue, value),
  ]);

/** The Name attribute. */
export const nameAttribute = (name: string): ClientAttribute => ({
  name: "Name",
  value: {
    t: "structure",
    v: [
      { tag: Tag.NameValue, value: { t: "text", v: name } },
      { tag: Tag.NameType, value: { t: "enumeration", v: NameType.UninterpretedTextString } },
    ],
  },
});

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
      return { name, ...(index === undefined ? {} : { index }), value: storedFromItem(value) };
    });
}

/** The fields of a payload that is another in 2.x. */
const inBoth = (fields: (version: KmipVersion) => Item[]): Pick<BatchRequest, "payload" | "payload2"> => ({
  payload: fields(KmipVersion.V1_4),
  payload2: fields(NEWEST_VERSION),
});

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

/** Payloads of requests, for `batch`. A missing identifier means the ID Placeholder. */
export const requests = {
  create(request: CreateRequest = {}): BatchRequest {
    const wanted: ClientAttribute[] = [
      {
        name: "Cryptographic Algorithm",
        value: { t: "enumeration", v: request.algorithm ?? CryptographicAlgorithm.AES },
      },
      {
        name: "Cryptographic Usage Mask",
        value: {
          t: "integer",
          v: request.usageMask ?? CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt,
        },
      },
      { name: "Cryptographic Length", value: { t: "integer", v: request.length ?? 256 } },
      ...(request.name === undefined ? [] : [nameAttribute(request.name)]),
      ...(request.attributes ?? []),
    ];
    return {
      operation: Operation.Create,
      ...inBoth((version) => [
        enumeration(Tag.ObjectType, ObjectType.SymmetricKey),
        attributes(wanted, version),
      ]),
    };
  },
  get: (identifier?: string): BatchRequest => ({ operation: Operation.Get, payload: identify(identifier) }),
  getAttributes: (identifier?: string, names: readonly string[] = []): BatchRequest => ({
    operation: Operation.GetAttributes,
    ...inBoth((version) => [...identify(identifier), ...names.map((name) => reference(name, version))]),
  }),
  getAttributeList: (identifier?: string): BatchRequest => ({
    operation: Operation.GetAttributeList,
    payload: identify(identifier),
  }),
  addAttribute: (identifier: string | undefined, added: ClientAttribute): BatchRequest => ({
    operation: Operation.AddAttribute,
    ...inBoth((version) => [...identify(identifier), newAttribute(added, version)]),
  }),
  /** @param current the value to change, where an attribute has several (2.x) */
  modifyAttribute: (
    identifier: string | undefined,
    changed: ClientAttribute,
    current?: ClientAttribute,
  ): BatchRequest => ({
    operation: Operation.ModifyAttribute,
    ...inBoth((version) => [
      ...identify(identifier),
      ...currentAttribute(current),
      newAttribute(changed, version),
    ]),
  }),
  /** One instance by its index (1.x); in 2.x all of them. */
  deleteAttribute: (identifier: string | undefined, name: string, index?: number): BatchRequest => ({
    operation: Operation.DeleteAttribute,
    ...inBoth((version) => [
      ...identify(identifier),
      reference(name, version),
      ...(index === undefined || isSecondMajor(version) ? [] : [integer(Tag.AttributeIndex, index)]),
    ]),
  }),
  /** One instance by its value (2.x). */
  deleteAttributeValue: (identifier: string | undefined, current: ClientAttribute): BatchRequest => ({
    operation: Operation.DeleteAttribute,
    payload: [...identify(identifier), ...currentAttribute(current)],
  }),
  /** 2.x */
  setAttribute: (identifier: string | undefined, value: ClientAttribute): BatchRequest => ({
    operation: Operation.SetAttribute,
    ...inBoth((version) => [...identify(identifier), newAttribute(value, version)]),
  }),
  /** 2.x. @param type Adjustment Type enumeration */
  adjustAttribute: (
    identifier: string | undefined,
    name: string,
    type: number,
    value?: StoredValue,
  ): BatchRequest => ({
    operation: Operation.AdjustAttribute,
    payload: [
      ...identify(identifier),
      referenceItem(name),
      enumeration(Tag.AdjustmentType, type),
      ...(value === undefined ? [] : [itemFromStored(Tag.AdjustmentValue, value)]),
    ],
  }),
  /** 2.1 */
  ping: (): BatchRequest => ({ operation: Operation.Ping, payload: [] }),
  locate: (wanted: readonly ClientAttribute[] = [], maximumItems?: number): BatchRequest => ({
    operation: Operation.Locate,
    ...inBoth((version) => [
      ...(maximumItems === undefined ? [] : [integer(Tag.MaximumItems, maximumItems)]),
      ...(isSecondMajor(version) ? [attributes(wanted, version)] : wanted.map(attribute)),
    ]),
  }),
  activate: (identifier?: string): BatchRequest => ({
    operation: Operation.Activate,
    payload: identify(identifier),
  }),
  revoke: (identifier: string | undefined, reasonCode: number, occurred?: Date): BatchRequest => ({
    operation: Operation.Revoke,
    payload: [
      ...identify(identifier),
      structure(Tag.RevocationReason, [enumeration(Tag.RevocationReasonCode, reasonCode)]),
      ...(occurred === undefined
        ? []
        : [dateTime(Tag.CompromiseOccurrenceDate, BigInt(Math.floor(occurred.getTime() / 1000)))]),
    ],
  }),
  destroy: (identifier?: string): BatchRequest => ({
    operation: Operation.Destroy,
    payload: identify(identifier),
  }),
  query: (functions: readonly number[]): BatchRequest => ({
    operation: Operation.Query,
    payload: functions.map((code) => enumeration(Tag.QueryFunction, code)),
  }),
  discoverVersions: (versions: readonly KmipVersionName[] = []): BatchRequest => ({
    operation: Operation.DiscoverVersions,
    payload: versions.map((name) => protocolVersion(VERSIONS[name])),
  }),
};

const identify = (identifier: string | undefined): Item[] =>
  identifier === undefined ? [] : [text(Tag.UniqueIdentifier, identifier)];

const protocolVersion = (version: KmipVersion): Item =>
  structure(Tag.ProtocolVersion, [
    integer(Tag.ProtocolVersionMajor, Math.trunc(version / 10)),
    integer(Tag.ProtocolVersionMinor, version % 10),
  ]);

const CONTINUATION = {
  stop: BatchErrorContinuationOption.Stop,
  continue: BatchErrorContinuationOption.Continue,
  undo: BatchErrorContinuationOption.Undo,
} as const;

/** The place of an operation in its batch, from 1 on, in four bytes. */
function placeOf(index: number): Uint8Array {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(index + 1);
  return id;
}

/** Encodes a request message. */
export function writeRequest(
  version: KmipVersionName,
  batch: readonly BatchRequest[],
  options: BatchOptions = {},
): Buffer {
  const { continuation, order, maximumResponseSize, header = [] } = options;
  const second = isSecondMajor(VERSIONS[version]);
  return encodeTtlv(
    structure(Tag.RequestMessage, [
      structure(Tag.RequestHeader, [
        protocolVersion(VERSIONS[version]),
        ...(maximumResponseSize === undefined ? [] : [integer(Tag.MaximumResponseSize, maximumResponseSize)]),
        ...(continuation === undefined
          ? []
          : [enumeration(Tag.BatchErrorContinuationOption, CONTINUATION[continuation])]),
        ...(order === undefined ? [] : [boolean(Tag.BatchOrderOption, order)]),
        ...header,
        integer(Tag.BatchCount, batch.length),
      ]),
      ...batch.map(({ operation, uniqueBatchItemId, payload, payload2 }, index) => {
        const id = uniqueBatchItemId ?? (batch.length > 1 ? placeOf(index) : undefined);
        return structure(Tag.BatchItem, [
          enumeration(Tag.Operation, operation),
          ...(id === undefined ? [] : [bytes(Tag.UniqueBatchItemID, id)]),
          structure(Tag.RequestPayload, (second ? payload2 : undefined) ?? payload),
        ]);
      }),
    ]),
  );
}
