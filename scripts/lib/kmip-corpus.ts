/**
 * Requests for the fuzzer of operations that the small client has no words for, and of whatever operation the engine
 * has besides: none is left out because somebody forgot it here.
 */
import { itemFromStored } from "@/lib/kmip/attributes/values";
import type { BatchRequest, ClientAttribute } from "@/lib/kmip/client/client";
import { OPERATION_REGISTRY } from "@/lib/kmip/operations";
import {
  BlockCipherMode,
  CryptographicAlgorithm,
  CryptographicUsageMask,
  HashingAlgorithm,
  KeyFormatType,
  ObjectType,
  Operation,
  PaddingMethod,
  SecretDataType,
  WrappingMethod,
} from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";
import {
  boolean,
  bytes,
  enumeration,
  type Item,
  integer,
  interval,
  longInteger,
  structure,
  text,
} from "@/lib/kmip/ttlv";

const KEY = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
const DATA = Buffer.from("fuzzed data, longer than a block of a cipher");
const IV = Buffer.alloc(16, 7);

const on = (operation: number, identifier: string, fields: readonly Item[] = []): BatchRequest => ({
  operation,
  payload: [text(Tag.UniqueIdentifier, identifier), ...fields],
});

const template = (attributes: readonly ClientAttribute[]): Item =>
  structure(
    Tag.TemplateAttribute,
    attributes.map(({ name, value }) =>
      structure(Tag.Attribute, [text(Tag.AttributeName, name), itemFromStored(Tag.AttributeValue, value)]),
    ),
  );

const usage = (mask: number): ClientAttribute => ({
  name: "Cryptographic Usage Mask",
  value: { t: "integer", v: mask },
});

const keyBlock = (format: number, material: Item, algorithm: number | null): Item =>
  structure(Tag.KeyBlock, [
    enumeration(Tag.KeyFormatType, format),
    structure(Tag.KeyValue, [material]),
    ...(algorithm === null
      ? []
      : [
          enumeration(Tag.CryptographicAlgorithm, algorithm),
          integer(Tag.CryptographicLength, KEY.length * 8),
        ]),
  ]);

const register = (
  objectType: number,
  attributes: readonly ClientAttribute[],
  object: Item,
): BatchRequest => ({
  operation: Operation.Register,
  payload: [enumeration(Tag.ObjectType, objectType), template(attributes), object],
});

function registerKey(algorithm: number, mask: number, more: readonly ClientAttribute[] = []): BatchRequest {
  const block = keyBlock(KeyFormatType.Raw, bytes(Tag.KeyMaterial, KEY), algorithm);
  return register(ObjectType.SymmetricKey, [usage(mask), ...more], structure(Tag.SymmetricKey, [block]));
}

const USAGE_LIMITS: ClientAttribute = {
  name: "Usage Limits",
  value: {
    t: "structure",
    v: [
      { tag: Tag.UsageLimitsTotal, value: { t: "longInteger", v: "1000" } },
      { tag: Tag.UsageLimitsCount, value: { t: "longInteger", v: "1000" } },
      { tag: Tag.UsageLimitsUnit, value: { t: "enumeration", v: 1 } },
    ],
  },
};

const { Encrypt, Decrypt, WrapKey, UnwrapKey, MACGenerate, MACVerify } = CryptographicUsageMask;

/** Makes what `otherOperations` work on: keys for ciphers, for MACs, for wrapping, and for a limited use. */
export const preparations: readonly BatchRequest[] = [
  registerKey(CryptographicAlgorithm.AES, Encrypt | Decrypt),
  registerKey(CryptographicAlgorithm.HMAC_SHA256, MACGenerate | MACVerify),
  registerKey(CryptographicAlgorithm.AES, WrapKey | UnwrapKey),
  registerKey(CryptographicAlgorithm.AES, Encrypt | Decrypt, [USAGE_LIMITS]),
];

const parameters = (...fields: Item[]): Item => structure(Tag.CryptographicParameters, fields);
const mode = (code: number): Item => enumeration(Tag.BlockCipherMode, code);
const padding = enumeration(Tag.PaddingMethod, PaddingMethod.PKCS5);
const sha256 = enumeration(Tag.HashingAlgorithm, HashingAlgorithm.SHA_256);
const data = bytes(Tag.Data, DATA);
const iv = bytes(Tag.IVCounterNonce, IV);

function registrations(): BatchRequest[] {
  const transparent = keyBlock(
    KeyFormatType.TransparentSymmetricKey,
    structure(Tag.KeyMaterial, [bytes(Tag.Key, KEY)]),
    CryptographicAlgorithm.AES,
  );
  const secret = keyBlock(KeyFormatType.Opaque, bytes(Tag.KeyMaterial, DATA), null);
  return [
    ...preparations,
    register(
      ObjectType.SymmetricKey,
      [usage(Encrypt), USAGE_LIMITS],
      structure(Tag.SymmetricKey, [transparent]),
    ),
    register(
      ObjectType.SecretData,
      [],
      structure(Tag.SecretData, [enumeration(Tag.SecretDataType, SecretDataType.Password), secret]),
    ),
    register(
      ObjectType.OpaqueObject,
      [],
      structure(Tag.OpaqueObject, [
        enumeration(Tag.OpaqueDataType, 0x8000_0001),
        bytes(Tag.OpaqueDataValue, DATA),
      ]),
    ),
  ];
}

function cryptography(cipher: string, mac: string): BatchRequest[] {
  const { CBC, CTR, GCM } = BlockCipherMode;
  const gcm = parameters(mode(GCM), integer(Tag.TagLength, 16));
  const additional = bytes(Tag.AuthenticatedEncryptionAdditionalData, DATA);
  const nonce = bytes(Tag.IVCounterNonce, IV.subarray(0, 12));
  return [
    on(Operation.Encrypt, cipher, [parameters(mode(CBC), padding), data, iv]),
    on(Operation.Encrypt, cipher, [parameters(mode(CTR), boolean(Tag.RandomIV, true)), data]),
    on(Operation.Encrypt, cipher, [gcm, data, nonce, additional]),
    // The beginning of an operation in parts, and the end of one that nobody began.
    on(Operation.Encrypt, cipher, [parameters(mode(CBC), padding), data, boolean(Tag.InitIndicator, true)]),
    on(Operation.Encrypt, cipher, [data, bytes(Tag.CorrelationValue, IV), boolean(Tag.FinalIndicator, true)]),
    on(Operation.Decrypt, cipher, [parameters(mode(CTR)), data, iv]),
    on(Operation.Decrypt, cipher, [parameters(mode(CBC), padding), data, iv]),
    on(Operation.Decrypt, cipher, [
      gcm,
      data,
      nonce,
      additional,
      bytes(Tag.AuthenticatedEncryptionTag, Buffer.alloc(16)),
    ]),
    on(Operation.MAC, mac, [data]),
    on(Operation.MAC, mac, [parameters(sha256), data, boolean(Tag.InitIndicator, true)]),
    on(Operation.MACVerify, mac, [data, bytes(Tag.MACData, Buffer.alloc(32))]),
    { operation: Operation.Hash, payload: [parameters(sha256), data] },
    { operation: Operation.RNGRetrieve, payload: [integer(Tag.DataLength, 32)] },
    { operation: Operation.RNGSeed, payload: [data] },
  ];
}

/** Requests that the client does not write, about the objects of `preparations` and one more. */
export function otherOperations(identifiers: readonly string[]): BatchRequest[] {
  const [cipher = "", mac = "", wrapping = "", limited = "", sacrifice = ""] = identifiers;
  const known = [
    ...registrations(),
    ...cryptography(cipher, mac),
    on(Operation.Get, cipher, [enumeration(Tag.KeyFormatType, KeyFormatType.TransparentSymmetricKey)]),
    on(Operation.Get, cipher, [
      structure(Tag.KeyWrappingSpecification, [
        enumeration(Tag.WrappingMethod, WrappingMethod.Encrypt),
        structure(Tag.EncryptionKeyInformation, [
          text(Tag.UniqueIdentifier, wrapping),
          parameters(mode(BlockCipherMode.NISTKeyWrap)),
        ]),
      ]),
    ]),
    on(Operation.ReKey, cipher),
    on(Operation.ReKey, sacrifice, [interval(Tag.Offset, 60)]),
    on(Operation.Check, cipher, [integer(Tag.CryptographicUsageMask, Encrypt)]),
    on(Operation.Check, cipher, [longInteger(Tag.UsageLimitsCount, 1n), interval(Tag.LeaseTime, 1)]),
    on(Operation.ObtainLease, cipher),
    on(Operation.Encrypt, limited, [parameters(mode(BlockCipherMode.CTR)), data, iv]),
    on(Operation.GetUsageAllocation, limited, [longInteger(Tag.UsageLimitsCount, 1n)]),
    on(Operation.Archive, sacrifice),
    on(Operation.Recover, sacrifice),
  ];
  const written = new Set(known.map(({ operation }) => operation));
  // Whatever else there is gets an identifier, which is what most operations take.
  const rest = [...OPERATION_REGISTRY.keys()].filter((operation) => !written.has(operation));
  return [...known, ...rest.map((operation) => on(operation, cipher))];
}

/** Cryptography, whole and in parts, and objects that come and go with all that belongs to them. */
export function operationsOnData(one: string, two: string): BatchRequest[] {
  const identify = (identifier: string) => text(Tag.UniqueIdentifier, identifier);
  const sixteen = Buffer.alloc(16, 7);
  const data = bytes(Tag.Data, sixteen);
  const begin = boolean(Tag.InitIndicator, true);
  const cipher = (mode: number, padding?: number) =>
    structure(Tag.CryptographicParameters, [
      enumeration(Tag.BlockCipherMode, mode),
      ...(padding === undefined ? [] : [enumeration(Tag.PaddingMethod, padding)]),
    ]);
  const iv = bytes(Tag.IVCounterNonce, sixteen);
  const tag = bytes(Tag.AuthenticatedEncryptionTag, sixteen);
  const { Encrypt, Decrypt, Export, Import, Hash, Register } = Operation;
  const about = (operation: number, identifier: string, ...fields: Item[]) =>
    on(operation, identifier, fields);
  const wrapping = structure(Tag.KeyWrappingData, [
    enumeration(Tag.WrappingMethod, 1),
    structure(Tag.EncryptionKeyInformation, [identify(one), cipher(BlockCipherMode.NISTKeyWrap)]),
  ]);
  const key = (value: Item, ...more: Item[]) =>
    structure(Tag.SymmetricKey, [
      structure(Tag.KeyBlock, [
        enumeration(Tag.KeyFormatType, 1),
        value,
        enumeration(Tag.CryptographicAlgorithm, 3),
        integer(Tag.CryptographicLength, 128),
        ...more,
      ]),
    ]);
  const plain = key(structure(Tag.KeyValue, [bytes(Tag.KeyMaterial, sixteen)]));
  const wrapped = key(bytes(Tag.KeyValue, Buffer.alloc(24, 9)), wrapping);
  const mask = structure(Tag.Attribute, [
    text(Tag.AttributeName, "Cryptographic Usage Mask"),
    integer(Tag.AttributeValue, 12),
  ]);
  const replace = boolean(Tag.ReplaceExisting, true);
  return [
    about(Encrypt, two, cipher(BlockCipherMode.CBC, PaddingMethod.ISO10126), data, iv),
    about(Encrypt, two, cipher(BlockCipherMode.GCM), data, iv, begin),
    about(Encrypt, two, data, bytes(Tag.CorrelationValue, sixteen)),
    about(Decrypt, two, cipher(BlockCipherMode.CBC, PaddingMethod.ANSIX9_23), data, iv),
    about(Decrypt, two, cipher(BlockCipherMode.GCM), data, iv, tag, begin),
    about(Decrypt, two, cipher(BlockCipherMode.NISTKeyWrap), data),
    {
      operation: Hash,
      payload: [structure(Tag.CryptographicParameters, [enumeration(Tag.HashingAlgorithm, 6)]), data, begin],
    },
    about(Export, one),
    about(Export, two, enumeration(Tag.KeyWrapType, 1)),
    about(Import, "fuzz/1", replace, mask, plain),
    about(Import, one, replace, mask, plain),
    about(Import, "fuzz/2", enumeration(Tag.KeyWrapType, 1), mask, wrapped),
    {
      operation: Register,
      payload: [enumeration(Tag.ObjectType, 2), structure(Tag.TemplateAttribute, [mask]), wrapped],
    },
  ];
}
