import { KeyManagerError, type KeyManagerFailure } from "../key-manager";

/** Return values (CKR_) in the port's terms. Those that are not here are the token's own failures. */
const FAILURES: { readonly [code: string]: KeyManagerFailure } = {
  CKR_PIN_INCORRECT: "credentials",
  CKR_PIN_INVALID: "credentials",
  CKR_PIN_LEN_RANGE: "credentials",
  CKR_PIN_EXPIRED: "credentials",
  CKR_PIN_LOCKED: "credentials",
  CKR_USER_PIN_NOT_INITIALIZED: "credentials",

  CKR_ACTION_PROHIBITED: "forbidden",
  CKR_TOKEN_WRITE_PROTECTED: "forbidden",
  CKR_SESSION_READ_ONLY: "forbidden",

  CKR_KEY_FUNCTION_NOT_PERMITTED: "keyState",

  CKR_ENCRYPTED_DATA_INVALID: "ciphertext",
  CKR_ENCRYPTED_DATA_LEN_RANGE: "ciphertext",

  CKR_ARGUMENTS_BAD: "rejected",
  CKR_ATTRIBUTE_READ_ONLY: "rejected",
  CKR_ATTRIBUTE_TYPE_INVALID: "rejected",
  CKR_ATTRIBUTE_VALUE_INVALID: "rejected",
  CKR_DATA_LEN_RANGE: "rejected",
  CKR_DEVICE_MEMORY: "rejected",
  CKR_FUNCTION_NOT_SUPPORTED: "rejected",
  CKR_KEY_SIZE_RANGE: "rejected",
  CKR_KEY_TYPE_INCONSISTENT: "rejected",
  CKR_MECHANISM_INVALID: "rejected",
  CKR_MECHANISM_PARAM_INVALID: "rejected",
  CKR_TEMPLATE_INCOMPLETE: "rejected",
  CKR_TEMPLATE_INCONSISTENT: "rejected",

  CKR_SESSION_COUNT: "throttled",

  CKR_CRYPTOKI_NOT_INITIALIZED: "unreachable",
  CKR_DEVICE_REMOVED: "unreachable",
  CKR_OBJECT_HANDLE_INVALID: "unreachable",
  CKR_KEY_HANDLE_INVALID: "unreachable",
  CKR_SESSION_CLOSED: "unreachable",
  CKR_SESSION_HANDLE_INVALID: "unreachable",
  CKR_SLOT_ID_INVALID: "unreachable",
  CKR_TOKEN_NOT_PRESENT: "unreachable",
  CKR_TOKEN_NOT_RECOGNIZED: "unreachable",
  CKR_USER_NOT_LOGGED_IN: "unreachable",
};

/** The session or the login is gone: a new session may do. */
const LOST: ReadonlySet<string> = new Set([
  "CKR_CRYPTOKI_NOT_INITIALIZED",
  "CKR_DEVICE_ERROR",
  "CKR_DEVICE_REMOVED",
  "CKR_SESSION_CLOSED",
  "CKR_SESSION_HANDLE_INVALID",
  "CKR_SLOT_ID_INVALID",
  "CKR_TOKEN_NOT_PRESENT",
  "CKR_TOKEN_NOT_RECOGNIZED",
  "CKR_USER_NOT_LOGGED_IN",
]);

/** Of those, what the library says before the token was asked: nothing can have happened. */
const NEVER_HAPPENED: ReadonlySet<string> = new Set([
  "CKR_CRYPTOKI_NOT_INITIALIZED",
  "CKR_SESSION_CLOSED",
  "CKR_SESSION_HANDLE_INVALID",
  "CKR_USER_NOT_LOGGED_IN",
]);

/** The return value of an error of the package, or null for another error. */
export function returnValueOf(error: unknown): string | null {
  return error instanceof Error && /^CKR_[A-Z0-9_]+$/.test(error.message) ? error.message : null;
}

/** An error of a call in the port's terms. Its message holds the return value and nothing else of the library. */
export function toTokenError(error: unknown): KeyManagerError {
  if (error instanceof KeyManagerError) {
    return error;
  }

  const code = returnValueOf(error);

  return code === null
    ? new KeyManagerError("serverError", "The PKCS#11 module gave an answer that makes no sense.", {
        code: "MALFORMED_RESPONSE",
      })
    : new KeyManagerError(FAILURES[code] ?? "serverError", `The token answered ${code}.`, { code });
}

/** True when a call that ended so is worth a new session. */
export function isLost(error: unknown): boolean {
  return LOST.has(codeOf(error));
}

/** True when a call that ended so has certainly not been carried out. */
export function neverHappened(error: unknown): boolean {
  return NEVER_HAPPENED.has(codeOf(error));
}

/** True when a remembered handle means nothing any more: somebody deleted the object. */
export function isStaleHandle(error: unknown): boolean {
  return ["CKR_OBJECT_HANDLE_INVALID", "CKR_KEY_HANDLE_INVALID"].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return (error instanceof KeyManagerError ? error.code : returnValueOf(error)) ?? "";
}
