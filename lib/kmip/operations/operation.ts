/**
 * What an operation is to the engine: a code, the versions that have it, and a handler.
 */

import type { Item, StructureItem } from "../ttlv/item";
import type { OperationContext, SupportedOperation } from "./context";

/** What an operation did. */
export type OperationResult = {
  /** The fields of the Response Payload. */
  readonly payload: readonly Item[];
  /** True if something was changed. */
  readonly changed?: boolean;
  /** Key material in `payload`, to be zeroed once it is encoded. */
  readonly material?: Uint8Array;
  /** Other bytes of `payload` that are confidential (plaintext, random numbers), zeroed as well. */
  readonly confidential?: Uint8Array;
  /** Called if the answer cannot be given after all. */
  readonly withheld?: () => void;
  /** Facts for the audit; never values of secret kind. */
  readonly data?: { readonly [key: string]: string | number | boolean | readonly string[] };
};

export type OperationDefinition = SupportedOperation & {
  /** Carries the operation out. @throws KmipError, KeyStoreError */
  handle(context: OperationContext, payload: StructureItem): OperationResult | Promise<OperationResult>;
};

export type OperationRegistry = ReadonlyMap<number, OperationDefinition>;
