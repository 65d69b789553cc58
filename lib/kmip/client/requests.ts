/**
 * Request messages as a KMIP client writes them, in 1.x and in 2.x.
 */

import { ruleNamed } from "../attributes/rules";
import { itemFromStored } from "../attributes/values";
import { attributeItem2, referenceItem } from "../attributes/wire-2";
import type { StoredValue } from "../ports";
import {
  BatchErrorContinuationOption,
  CryptographicAlgorithm,
  CryptographicUsageMask,
  NameType,
  ObjectType,
  Operation,
} from "../protocol/enumerations";
import { Tag } from "../protocol/tags";
import { isSecondMajor, KmipVersion, NEWEST_VERSION } from "../protocol/versions";
import { encodeTtlv } from "../ttlv/encoder";
import { boolean, bytes, dateTime, enumeration, type Item, integer, structure, text } from "../ttlv/item";
import type { ClientAttribute } from "./responses";

export type KmipVersionName = "1.0" | "1.1" | "1.2" | "1.3" | "1.4" | "2.0" | "2.1";

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
  /** Default: none for a single operation, and its number in the batch for one of several (Table 283). */
  readonly uniqueBatchItemId?: Uint8Array;
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

/** The fields of a payload that is another in 2.x. */
const inBoth = (fields: (version: KmipVersion) => Item[]): Pick<BatchRequest, "payload" | "payload2"> => ({
  payload: fields(KmipVersion.V1_4),
  payload2: fields(NEWEST_VERSION),
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

/** The number of an operation in its batch, from 1 on, in four bytes. */
function numberOf(index: number): Uint8Array {
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
        const id = uniqueBatchItemId ?? (batch.length > 1 ? numberOf(index) : undefined);
        return structure(Tag.BatchItem, [
          enumeration(Tag.Operation, operation),
          ...(id === undefined ? [] : [bytes(Tag.UniqueBatchItemID, id)]),
          structure(Tag.RequestPayload, (second ? payload2 : undefined) ?? payload),
        ]);
      }),
    ]),
  );
}
