/**
 * A small KMIP client for tests, the console's "test connection" and demonstrations. KMIP 1.0 to 1.4.
 */
import type { StoredValue } from "./ports";

export type KmipVersionName = "1.0" | "1.1" | "1.2" | "1.3" | "1.4";

export type KmipClientOptions = {
  readonly host: string;
  readonly port: number;
  /** PEM of the client certificate and its key. Leave out to connect without one. */
  readonly cert?: string;
  readonly key?: string;
  /** PEM of the authority (or self-signed certificate) that the server must prove; default: any server certificate. */
  readonly ca?: string;
  /** SHA-256 of the server certificate's DER, lower-case hexadecimal: anything else is refused. */
  readonly serverSha256?: string;
  /** Default "1.4". */
  readonly version?: KmipVersionName;
  /** True: a new connection for every message, as vCenter does at times. Default: one kept-alive connection. */
  readonly connectPerMessage?: boolean;
  /** For connecting and for each answer. Default 10 000. */
  readonly timeoutMs?: number;
  /** Make each batch item's Unique Batch Item ID (vCenter: "QLKC" and a counter). Default: only in batches. */
  readonly batchItemId?: (index: number) => Uint8Array;
};

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

export type GetResponse = {
  readonly uniqueIdentifier: string;
  readonly objectType: number;
  readonly keyFormatType: number;
  readonly algorithm: number | null;
  readonly length: number | null;
  /** The key in plaintext: zero it after use. */
  readonly material: Uint8Array;
};

/** An operation of a batch that the server answered with failure. */
export class KmipOperationError extends Error {
  /** Result Reason enumeration. */
  readonly resultReason: number;

  constructor(resultReason: number, message: string) {
    super(message);
    this.name = "KmipOperationError";
    this.resultReason = resultReason;
  }
}
