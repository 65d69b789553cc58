import { AppError, type ErrorCode } from "@/lib/core/errors";
import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import { KeyManagerError, type KeyManagerFailure } from "@/lib/key-managers/key-manager";
import { ProviderError, type ProviderField } from "@/lib/key-managers/provider";
import { PROVIDERS } from "@/lib/key-managers/registry";
import { ADDRESS_NOT_ALLOWED } from "@/lib/outbound/agent";

const TEXTS: { readonly [failure in KeyManagerFailure]: readonly [ErrorCode, string] } = {
  credentials: ["KEY_MANAGER_CREDENTIALS", "IBM Cloud IAM does not accept this API key."],
  forbidden: [
    "KEY_MANAGER_FORBIDDEN",
    "The service ID has no access here. It needs the platform role Viewer and the service role Manager on the key manager instance.",
  ],
  notFound: [
    "NOT_FOUND",
    "The key manager instance or the key does not exist, or this service ID cannot see it.",
  ],
  deleted: ["KEY_MANAGER_REJECTED", "The key was deleted in the key manager."],
  keyState: ["KEY_MANAGER_REJECTED", "The state of the key in the key manager does not allow this."],
  ciphertext: [
    "KEY_MANAGER_REJECTED",
    "The key manager cannot unwrap this: it was wrapped under another root key or for another purpose.",
  ],
  rejected: ["KEY_MANAGER_REJECTED", "The key manager refused the request."],
  throttled: ["KEY_MANAGER_UNAVAILABLE", "The key manager asks for fewer requests. Try again in a moment."],
  timeout: ["KEY_MANAGER_UNAVAILABLE", "The key manager did not answer in time."],
  unreachable: ["KEY_MANAGER_UNAVAILABLE", "The key manager cannot be reached from here."],
  serverError: ["KEY_MANAGER_UNAVAILABLE", "The key manager reports an internal error."],
};

/** What a provider says of its own codes, where other texts than these are true. */
function textOf({ failure, code }: KeyManagerError | IbmCloudError): string | undefined {
  for (const { failures } of PROVIDERS) {
    if (code !== null && failures?.codes.test(code)) {
      return failures.texts[failure];
    }
  }

  return undefined;
}

/** How a request calls the fields that a provider knows, where it has other names for them. */
export type FieldNames = { readonly [field in ProviderField]?: string };

function ofProvider(error: ProviderError, names: FieldNames): AppError {
  const { field, message } = error;

  return new AppError(error.reason === "invalid" ? "VALIDATION_FAILED" : "NOT_AVAILABLE", message, {
    ...(field === null ? {} : { invalidParams: [{ ...field, name: names[field.name] ?? field.name }] }),
    cause: error,
  });
}

/** Of a name, that its address is not allowed is known only when it was resolved. */
function notAllowed(error: Error & { readonly code: string | null }, { endpoint }: FieldNames): AppError {
  const text = { of: "keyManager", code: ADDRESS_NOT_ALLOWED } as const;

  return endpoint === undefined
    ? new AppError("NOT_AVAILABLE", error.message, { text, cause: error })
    : new AppError("VALIDATION_FAILED", error.message, {
        invalidParams: [{ name: endpoint, code: ADDRESS_NOT_ALLOWED, reason: error.message }],
        text,
        cause: error,
      });
}

/**
 * The error that people outside see for a failure of a key manager or of IBM Cloud. Its `extra.keyManager` holds
 * the failure, the key manager's own code and the correlation id. What that code means stands in the messages
 * (`errors.keyManager`). Other errors come back as they are: `throw toAppError(error)`.
 */
export function toAppError(error: unknown, names: FieldNames = {}): unknown {
  if (error instanceof ProviderError) {
    return ofProvider(error, names);
  }

  if (!(error instanceof KeyManagerError) && !(error instanceof IbmCloudError)) {
    return error;
  }

  if (error.code === "NOT_AVAILABLE") {
    return new AppError("NOT_AVAILABLE", error.message, { cause: error });
  }

  if (error.code === ADDRESS_NOT_ALLOWED) {
    return notAllowed(error, names);
  }

  if (error.code === "INVALID_CURSOR") {
    return new AppError("INVALID_CURSOR", error.message, { cause: error });
  }

  const [code, usual] = TEXTS[error.failure];
  const text = textOf(error) ?? usual;

  return new AppError(code, error.code === null ? text : `${text} (${error.code})`, {
    text: error.code === null ? undefined : { of: "keyManager", code: error.code },
    extra: {
      keyManager: {
        failure: error.failure,
        code: error.code,
        correlationId: error.correlationId,
        ...(error.retryAfterMs === null ? {} : { retryAfterMs: error.retryAfterMs }),
      },
    },
    cause: error,
  });
}
