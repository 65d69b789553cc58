import { ResultReason } from "./protocol/enumerations";
import type { Item } from "./ttlv/item";

export type KmipErrorOptions = {
  /** For the operator's audit and log; never sent to the client. */
  readonly detail?: string;
  readonly cause?: unknown;
  /** Response Payload of the failure, where the operation has one (4.10). */
  readonly payload?: readonly Item[];
};

/** Messages name what the client sent, which may be of any length. */
const MAX_MESSAGE_LENGTH = 300;

/**
 * Failure of an operation or of a whole message: what the client is told, and what only the operator is told.
 */
export class KmipError extends Error {
  /** Result Reason enumeration (KMIP 6.10, 11). */
  readonly resultReason: ResultReason;
  /** For the operator's audit and log; never sent to the client. */
  readonly detail: string | undefined;
  /** Response Payload of the failure, where the operation has one. */
  readonly payload: readonly Item[] | undefined;

  constructor(resultReason: ResultReason, message: string, options: KmipErrorOptions = {}) {
    super(message.slice(0, MAX_MESSAGE_LENGTH), { cause: options.cause });
    this.name = "KmipError";
    this.resultReason = resultReason;
    this.detail = options.detail;
    this.payload = options.payload;
  }
}

const failure = (reason: ResultReason) => (message: string, options?: KmipErrorOptions) =>
  new KmipError(reason, message, options);

/** The bytes or the structure of a message or payload are wrong (11.1). */
export const invalidMessage = failure(ResultReason.InvalidMessage);
/** A field or attribute has a value that is not allowed here. */
export const invalidField = failure(ResultReason.InvalidField);
export const cryptographicFailure = failure(ResultReason.CryptographicFailure);
export const itemNotFound = failure(ResultReason.ItemNotFound);
export const permissionDenied = failure(ResultReason.PermissionDenied);
export const illegalOperation = failure(ResultReason.IllegalOperation);
export const featureNotSupported = failure(ResultReason.FeatureNotSupported);
export const operationNotSupported = failure(ResultReason.OperationNotSupported);
export const generalFailure = failure(ResultReason.GeneralFailure);
