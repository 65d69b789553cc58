/**
 * Messages as a KMIP 1.x client writes and reads them.
 */
import { itemFromStored, storedFromItem } from "./attributes/values";
import { asAttribute } from "./attributes/wire-1";
import type { StoredValue } from "./ports";
import {
  BatchErrorContinuationOption,
  CryptographicAlgorithm,
  CryptographicUsageMask,
  NameType,
  ObjectType,
  Operation,
  ResultStatus,
} from "./protocol/enumerations";
import { Tag } from "./protocol/tags";
import { KmipVersion } from "./protocol/versions";
import { decodeTtlv } from "./ttlv/decoder";
import { encodeTtlv } from "./ttlv/encoder";
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
} from "./ttlv/item";

export type KmipVersionName = "1.0" | "1.1" | "1.2" | "1.3" | "1.4";

/** An attribute as KMIP 1.x writes it. */
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
  /** Default: what `batchItemId` of the options makes. */
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
  if (root.tag !== Tag.ResponseMessage) throw new Error("The server did not send a response message");
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
  return payload
    .filter(({ tag }) => tag === Tag.Attribute)
    .map((item) => {
      const { name, index, value } = asAttribute(item, { version: KmipVersion.V1_4, newer: true });
      if (value === undefined) throw new Error(`The server sent ${name} without a value`);
      return { name, ...(index === undefined ? {} : { index }), value: storedFromItem(value) };
    });
}

/** Payloads of requests, for `batch`. A missing identifier means the ID Placeholder. */
export const requests = {
  create(request: CreateRequest = {}): BatchRequest {
    const attributes: ClientAttribute[] = [
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
      payload: [
        enumeration(Tag.ObjectType, ObjectType.SymmetricKey),
        structure(Tag.TemplateAttribute, attributes.map(attribute)),
      ],
    };
  },
  get: (identifier?: string): BatchRequest => ({ operation: Operation.Get, payload: identify(identifier) }),
  getAttributes: (identifier?: string, names: readonly string[] = []): BatchRequest => ({
    operation: Operation.GetAttributes,
    payload: [...identify(identifier), ...names.map((name) => text(Tag.AttributeName, name))],
  }),
  getAttributeList: (identifier?: string): BatchRequest => ({
    operation: Operation.GetAttributeList,
    payload: identify(identifier),
  }),
  addAttribute: (identifier: string | undefined, added: ClientAttribute): BatchRequest => ({
    operation: Operation.AddAttribute,
    payload: [...identify(identifier), attribute(added)],
  }),
  modifyAttribute: (identifier: string | undefined, changed: ClientAttribute): BatchRequest => ({
    operation: Operation.ModifyAttribute,
    payload: [...identify(identifier), attribute(changed)],
  }),
  deleteAttribute: (identifier: string | undefined, name: string, index?: number): BatchRequest => ({
    operation: Operation.DeleteAttribute,
    payload: [
      ...identify(identifier),
      text(Tag.AttributeName, name),
      ...(index === undefined ? [] : [integer(Tag.AttributeIndex, index)]),
    ],
  }),
  locate: (attributes: readonly ClientAttribute[] = [], maximumItems?: number): BatchRequest => ({
    operation: Operation.Locate,
    payload: [
      ...(maximumItems === undefined ? [] : [integer(Tag.MaximumItems, maximumItems)]),
      ...attributes.map(attribute),
    ],
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

/** Encodes a request message. */
export function writeRequest(
  version: KmipVersionName,
  batch: readonly BatchRequest[],
  options: BatchOptions = {},
): Buffer {
  const { continuation, order, maximumResponseSize, header = [] } = options;
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
      ...batch.map(({ operation, uniqueBatchItemId, payload }) =>
        structure(Tag.BatchItem, [
          enumeration(Tag.Operation, operation),
          ...(uniqueBatchItemId === undefined ? [] : [bytes(Tag.UniqueBatchItemID, uniqueBatchItemId)]),
          structure(Tag.RequestPayload, payload),
        ]),
      ),
    ]),
  );
}
