/** Payloads of requests beyond those of the client, and an engine to send them to. */

import { itemFromStored } from "@/lib/kmip/attributes/values";
import type { BatchRequest, BatchResponse, ClientAttribute, KmipVersionName } from "@/lib/kmip/client/client";
import { requests } from "@/lib/kmip/client/requests";
import { attributesIn, bytesIn, childrenOf, find, textIn } from "@/lib/kmip/client/responses";
import type { StoredValue, Tenant } from "@/lib/kmip/ports";
import {
  CryptographicAlgorithm,
  CryptographicUsageMask,
  KeyFormatType,
  ObjectType,
  Operation,
  SecretDataType,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import { bytes, enumeration, type Item, integer, structure, text } from "@/lib/kmip/ttlv";
import { EngineHarness } from "./harness";

export const hex = (value: string): Buffer => Buffer.from(value, "hex");

/** The Unique Identifier field; none for the ID Placeholder. */
export const identify = (identifier?: string): Item[] =>
  identifier === undefined ? [] : [text(Tag.UniqueIdentifier, identifier)];

/** An Attribute structure of 1.x. */
export const attributeOf = ({ name, value }: ClientAttribute): Item =>
  structure(Tag.Attribute, [text(Tag.AttributeName, name), itemFromStored(Tag.AttributeValue, value)]);

export const template = (attributes: readonly ClientAttribute[]): Item =>
  structure(Tag.TemplateAttribute, attributes.map(attributeOf));

export const usageMask = (mask: number): ClientAttribute => ({
  name: "Cryptographic Usage Mask",
  value: { t: "integer", v: mask },
});

export const date = (name: string, seconds: number): ClientAttribute => ({
  name,
  value: { t: "dateTime", v: seconds },
});

export type KeyBlockFields = {
  readonly format?: number;
  readonly material?: Item;
  /** Default: a structure with the material. */
  readonly value?: Item;
  /** Attributes within the Key Value. */
  readonly attributes?: readonly Item[];
  readonly algorithm?: number | null;
  readonly length?: number | null;
  readonly extra?: readonly Item[];
};

/** A Key Block; default: Raw, AES, the material's length. */
export function keyBlock(key: Uint8Array, fields: KeyBlockFields = {}): Item {
  const { format = KeyFormatType.Raw, material = bytes(Tag.KeyMaterial, key), extra = [] } = fields;
  const { algorithm = CryptographicAlgorithm.AES, length = key.length * 8, attributes = [] } = fields;
  const { value = structure(Tag.KeyValue, [material, ...attributes]) } = fields;
  return structure(Tag.KeyBlock, [
    enumeration(Tag.KeyFormatType, format),
    value,
    ...(algorithm === null ? [] : [enumeration(Tag.CryptographicAlgorithm, algorithm)]),
    ...(length === null ? [] : [integer(Tag.CryptographicLength, length)]),
    ...extra,
  ]);
}

const registration = (objectType: number, attributes: readonly ClientAttribute[], object: Item) => ({
  operation: Operation.Register,
  payload: [enumeration(Tag.ObjectType, objectType), template(attributes), object],
});

export const registerKey = (
  key: Uint8Array,
  attributes: readonly ClientAttribute[] = [
    usageMask(CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt),
  ],
  fields: KeyBlockFields = {},
): BatchRequest =>
  registration(ObjectType.SymmetricKey, attributes, structure(Tag.SymmetricKey, [keyBlock(key, fields)]));

export const registerSecret = (
  secret: Uint8Array,
  attributes: readonly ClientAttribute[] = [],
  format: number = KeyFormatType.Opaque,
): BatchRequest =>
  registration(
    ObjectType.SecretData,
    attributes,
    structure(Tag.SecretData, [
      enumeration(Tag.SecretDataType, SecretDataType.Password),
      keyBlock(secret, { format, algorithm: null, length: null }),
    ]),
  );

export const OPAQUE_TYPE = 0x8000_0001;

export const registerOpaque = (
  value: Uint8Array,
  attributes: readonly ClientAttribute[] = [],
): BatchRequest =>
  registration(
    ObjectType.OpaqueObject,
    attributes,
    structure(Tag.OpaqueObject, [
      enumeration(Tag.OpaqueDataType, OPAQUE_TYPE),
      bytes(Tag.OpaqueDataValue, value),
    ]),
  );

/** The object of an answer to Get or Export, as Import takes it. */
export const objectIn = (payload: readonly Item[]): Item | undefined =>
  payload.find(({ tag }) => tag === Tag.SymmetricKey || tag === Tag.SecretData || tag === Tag.OpaqueObject);

/** Any operation on one object. */
export const on = (
  operation: number,
  identifier: string | undefined,
  fields: readonly Item[] = [],
): BatchRequest => ({ operation, payload: [...identify(identifier), ...fields] });

/** The path of tags from a payload down to an item. */
export function dig(payload: readonly Item[], ...tags: number[]): Item | undefined {
  let items = payload;
  let found: Item | undefined;
  for (const tag of tags) {
    found = find(items, tag);
    items = childrenOf(found);
  }
  return found;
}

/** An engine with short ways to do and to ask. */
export class Objects extends EngineHarness {
  version: KmipVersionName = "1.4";
  readonly stranger: Tenant = this.tenants.pin("instance-b", "bb".repeat(32));

  /** Sends an operation that has to succeed; answers its payload. */
  async ok(request: BatchRequest): Promise<readonly Item[]> {
    const item = await this.one(this.version, request);
    if (item.resultReason !== null) {
      throw new Error(`${item.resultReason}: ${item.message}`);
    }
    return item.payload;
  }

  /** Sends an operation; answers the Result Reason of its failure, or null. */
  async reason(request: BatchRequest, tenant?: Tenant): Promise<number | null> {
    return (await this.one(this.version, request, tenant)).resultReason;
  }

  result(request: BatchRequest): Promise<BatchResponse> {
    return this.one(this.version, request);
  }

  /** Sends an operation that makes an object; answers its identifier. */
  async make(request: BatchRequest): Promise<string> {
    return textIn(await this.ok(request), Tag.UniqueIdentifier) ?? "";
  }

  /** A registered key that is Active. */
  async activeKey(key: Uint8Array, ...[attributes, fields]: ActiveKeyOptions): Promise<string> {
    const identifier = await this.make(registerKey(key, attributes, fields));
    await this.ok(requests.activate(identifier));
    return identifier;
  }

  async attribute(identifier: string, name: string): Promise<StoredValue["v"] | undefined> {
    const payload = await this.ok(requests.getAttributes(identifier, [name]));
    return attributesIn(payload)[0]?.value.v;
  }

  /** The material of a symmetric key. */
  async key(identifier: string): Promise<Buffer> {
    const payload = await this.ok(requests.get(identifier));
    const value = dig(payload, Tag.SymmetricKey, Tag.KeyBlock, Tag.KeyValue);
    return Buffer.from(bytesIn(childrenOf(value), Tag.KeyMaterial) ?? []);
  }

  now = (offset = 0): number => Math.floor(this.clock.now().getTime() / 1000) + offset;
}

type ActiveKeyOptions = [attributes?: readonly ClientAttribute[], fields?: KeyBlockFields];
