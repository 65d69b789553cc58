import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import { type HttpResponse, tryParseJson } from "@/lib/ibm-cloud/http";
import { KeyManagerError, type KeyManagerFailure } from "../key-manager";
import { errorBody } from "./wire";

/** Codes that decide by themselves, whatever the status (Key Protect "Error messages"). */
const FAILURES_BY_CODE: { readonly [code: string]: KeyManagerFailure } = {
  KEY_NOT_FOUND_ERR: "notFound",
  KEY_DELETED_ERR: "deleted",
  KEY_ACTION_INVALID_STATE_ERR: "keyState",
  KEY_INVALID_STATE_ERR: "keyState",
  KEY_VERSION_INVALID: "keyState",
  KEY_EXPIRED_ERR: "keyState",
  UNPROCESSABLE_CIPHERTEXT_ERR: "ciphertext",
  UNAUTHORIZED_ERR: "forbidden",
};

const FAILURES_BY_STATUS: { readonly [status: number]: KeyManagerFailure } = {
  // No access is 401 at Key Protect, not 403; an expired token was replaced before this is asked.
  401: "forbidden",
  403: "forbidden",
  404: "notFound",
  408: "timeout",
  410: "deleted",
  429: "throttled",
};

/** Words of HPCS for an instance whose master key has not been loaded; they come in a text, not as a code. */
const NOT_INITIALIZED = "CKR_IBM_WK_NOT_INITIALIZED";

/** The error for an answer of Key Protect or HPCS that refuses. It keeps the code and no text of the answer. */
export function refusalOf(response: HttpResponse, correlationId: string): KeyManagerError {
  const code = codeOf(response.body);
  const failure =
    (code === null ? undefined : FAILURES_BY_CODE[code]) ??
    FAILURES_BY_STATUS[response.status] ??
    (response.status >= 400 && response.status < 500 ? "rejected" : "serverError");

  return new KeyManagerError(
    failure,
    `${response.service} answered ${response.status}${code === null ? "" : ` (${code})`}.`,
    {
      status: response.status,
      code,
      correlationId: response.correlationId ?? correlationId,
      ...(response.retryAfterMs === null ? {} : { retryAfterMs: response.retryAfterMs }),
    },
  );
}

/** The service's own code in an error body, or null. */
export function codeOf(body: string): string | null {
  const [resource] = tryParseJson(errorBody, body)?.resources ?? [];
  const code = resource?.reasons?.[0]?.code;

  if (code !== undefined) {
    return code;
  }

  if (body.includes(NOT_INITIALIZED)) {
    return NOT_INITIALIZED;
  }

  // Older answers carry the code only at the end of the text: "… for more details (KEY_NOT_FOUND_ERR)".
  return /\(([A-Z][A-Z0-9_]{3,60})\)\s*$/.exec(resource?.errorMsg ?? "")?.[1] ?? null;
}

/** An error of the lower layers in the port's terms. A refusal by IAM while fetching a token is `credentials`. */
export function toKeyManagerError(error: unknown, correlationId: string): KeyManagerError {
  if (error instanceof KeyManagerError) {
    return error;
  }

  if (error instanceof IbmCloudError) {
    return new KeyManagerError(error.failure, error.message, {
      ...(error.status === null ? {} : { status: error.status }),
      code: error.code,
      correlationId: error.correlationId ?? correlationId,
      ...(error.retryAfterMs === null ? {} : { retryAfterMs: error.retryAfterMs }),
      cause: error.cause,
    });
  }

  throw error;
}
