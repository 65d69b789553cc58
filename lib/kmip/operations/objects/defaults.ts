/**
 * Values of mandatory attributes that the server supplies where a client of 2.x leaves them out (2.1: Table 28); Query
 * tells them (7.11).
 */
import { CryptographicAlgorithm, CryptographicUsageMask, ObjectType } from "../../protocol/enumerations";

export type ObjectDefaults = {
  readonly objectType: number;
  /** Cryptographic Algorithm enumeration; null for objects that have none. */
  readonly algorithm: number | null;
  /** Cryptographic Length in bits. */
  readonly length: number;
  readonly usageMask: number;
};

export const SYMMETRIC_KEY_DEFAULTS = {
  objectType: ObjectType.SymmetricKey,
  algorithm: CryptographicAlgorithm.AES,
  length: 256,
  usageMask: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt,
} as const satisfies ObjectDefaults;

/** Secret data is used for nothing that the mask knows, unless the client says so. */
export const SECRET_DATA_DEFAULTS = {
  objectType: ObjectType.SecretData,
  algorithm: null,
  length: 256,
  usageMask: 0,
} as const satisfies ObjectDefaults;

export const OBJECT_DEFAULTS: readonly ObjectDefaults[] = [SYMMETRIC_KEY_DEFAULTS, SECRET_DATA_DEFAULTS];
