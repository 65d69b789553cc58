import type { Finding as CertificateFinding } from "@/lib/x509";

/**
 * The one error type that people outside may see. A code is stable: the REST API publishes it, messages have its text.
 */
export const ERROR_CODES = {
  /** Input that does not fit its schema; `invalidParams` says what and where. */
  VALIDATION_FAILED: 400,
  INVALID_CURSOR: 400,
  MALFORMED_BODY: 400,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  /** Somebody else knows the password: nothing may be done before it is changed. */
  PASSWORD_CHANGE_REQUIRED: 403,
  /** A write by session cookie from another origin. */
  ORIGIN_REFUSED: 403,
  /** Unknown, or another account's: the two are not told apart. */
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NAME_TAKEN: 409,
  /** The certificate selects another instance already. */
  CERTIFICATE_IN_USE: 409,
  /** An HPCS instance has one KMIP instance, and this one has it already. */
  KEY_MANAGER_IN_USE: 409,
  /** The object changed since the caller looked (etag). */
  CHANGED_MEANWHILE: 409,
  /** The state of the thing does not allow this. */
  INVALID_STATE: 409,
  /** Deleting an instance that is in use; `reasons` lists why. */
  INSTANCE_IN_USE: 409,
  /** The same Idempotency-Key with another request. */
  IDEMPOTENCY_KEY_REUSED: 409,
  /** The first request with this Idempotency-Key has not ended yet. */
  IDEMPOTENCY_IN_PROGRESS: 409,
  /** The first request with this Idempotency-Key was carried out, but its answer was lost. */
  IDEMPOTENCY_ANSWER_LOST: 409,
  /** The typed confirmation does not match. */
  CONFIRMATION_MISMATCH: 422,
  /** The uploaded text holds a private key; it was neither kept nor logged. */
  PRIVATE_KEY_REFUSED: 422,
  CERTIFICATE_INVALID: 422,
  /** The permission report has failures; `report` holds it. */
  PERMISSION_CHECK_FAILED: 422,
  /** The key manager refused the credentials. */
  KEY_MANAGER_CREDENTIALS: 422,
  KEY_MANAGER_FORBIDDEN: 422,
  KEY_MANAGER_REJECTED: 422,
  /** What was asked needs something that this deployment does not have. */
  NOT_AVAILABLE: 422,
  /** A search that reads too much; `invalidParams` names what narrows it. */
  SEARCH_TOO_BROAD: 422,
  RATE_LIMITED: 429,
  KEY_MANAGER_UNAVAILABLE: 503,
  AUDIT_UNAVAILABLE: 503,
  DATABASE_UNAVAILABLE: 503,
  INTERNAL: 500,
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export type InvalidParam = { readonly name: string; readonly code: string; readonly reason: string };

/** Why an instance is in use. */
export type InUseCode = "KEKS_NOT_DESTROYED" | "CLIENTS_CONNECTED";

/**
 * What is said of an error where its text stands in the messages, not in the error: what a key manager means by its own
 * code, why it does not rotate a root key, what is wrong with a certificate, or why an instance cannot be deleted or
 * restored. lib/api makes the detail of it.
 */
export type ErrorText =
  | { readonly of: "keyManager"; readonly code: string }
  /** `reason`: `forbidden`, or the key manager's code. */
  | { readonly of: "rotation"; readonly reason: string }
  | { readonly of: "certificate"; readonly findings: readonly CertificateFinding[] }
  /** Why an instance is in use: each a code with its count. */
  | {
      readonly of: "instanceInUse";
      readonly reasons: readonly { readonly code: InUseCode; readonly count: number }[];
    }
  /** Certificates of a deleted instance that others have pinned meanwhile. */
  | { readonly of: "certificatesInUse"; readonly names: readonly string[] };

/** An error that people outside may see: its message and details never hold a secret. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly invalidParams: readonly InvalidParam[] | undefined;
  /** Further members of the problem document, e.g. `report`, `reasons`. */
  readonly extra: { readonly [name: string]: unknown } | undefined;
  /** Says more than the message, which stands in logs and in the audit. */
  readonly text: ErrorText | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    details: {
      invalidParams?: readonly InvalidParam[] | undefined;
      extra?: { [name: string]: unknown } | undefined;
      text?: ErrorText | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "AppError";
    this.code = code;
    this.status = ERROR_CODES[code];
    this.invalidParams = details.invalidParams;
    this.extra = details.extra;
    this.text = details.text;
  }
}
