import { ZodError } from "zod";
import { AppError, type ErrorCode, type InvalidParam } from "@/lib/core/errors";
import { isOutage } from "@/lib/core/outage";
import { english } from "./texts/english";
import { describeError } from "./texts/errors";

/**
 * Short, constant titles (RFC 9457 section 3.1.3) for who writes a client, only where they differ from those that the
 * console has for people: a code that is not here has its title in `errors.codes` of the messages.
 */
const TITLES: Partial<Record<ErrorCode, string>> = {
  VALIDATION_FAILED: "The request is not valid",
  INVALID_CURSOR: "The cursor is not valid",
  MALFORMED_BODY: "The body is not valid JSON",
  BODY_TOO_LARGE: "The body is too large",
  UNSUPPORTED_MEDIA_TYPE: "The media type is not supported",
  UNAUTHENTICATED: "Not signed in",
  FORBIDDEN: "Not allowed",
  ORIGIN_REFUSED: "Not allowed from this origin",
  NOT_FOUND: "Not found",
  METHOD_NOT_ALLOWED: "Method not allowed",
  CERTIFICATE_IN_USE: "The certificate is in use",
  KEY_MANAGER_IN_USE: "The key manager instance is in use",
  CHANGED_MEANWHILE: "Changed meanwhile",
  INVALID_STATE: "Not possible in this state",
  IDEMPOTENCY_KEY_REUSED: "Idempotency key reused",
  IDEMPOTENCY_IN_PROGRESS: "The first request is still running",
  CONFIRMATION_MISMATCH: "The confirmation does not match",
  PRIVATE_KEY_REFUSED: "Private keys are refused",
  CERTIFICATE_INVALID: "The certificate cannot be used",
  PERMISSION_CHECK_FAILED: "The permission check failed",
  KEY_MANAGER_CREDENTIALS: "The key manager refused the credentials",
  NOT_AVAILABLE: "Not available",
  KEY_MANAGER_UNAVAILABLE: "The key manager is out of reach",
  AUDIT_UNAVAILABLE: "The audit log cannot be written",
  DATABASE_UNAVAILABLE: "The database is out of reach",
  INTERNAL: "Internal error",
};

/** The parts of a request that did not fit. Messages of zod name types and limits, never values. */
function invalidParams(error: ZodError): InvalidParam[] {
  return error.issues.slice(0, 50).map((issue) => ({
    name: issue.path.map(String).join(".").slice(0, 200),
    code: issue.code,
    reason: issue.message,
  }));
}

/**
 * Any error as one that people outside may see, in English; what nobody expected becomes INTERNAL, without its message.
 * It may be another object than what was thrown.
 */
export function publicError(error: unknown): AppError {
  if (error instanceof AppError) {
    return describeError(error);
  }
  if (error instanceof ZodError) {
    return new AppError("VALIDATION_FAILED", "Some values do not fit.", {
      invalidParams: invalidParams(error),
    });
  }
  if (isOutage(error)) {
    return new AppError("DATABASE_UNAVAILABLE", "The database is out of reach. Try again in a moment.", {
      cause: error,
    });
  }

  return new AppError("INTERNAL", "Something failed here. The log has the details under the request id.", {
    cause: error,
  });
}

/** Headers of every answer of the API. */
export function apiHeaders(requestId: string): Headers {
  return new Headers({
    "cache-control": "private, no-store",
    "x-content-type-options": "nosniff",
    "x-request-id": requestId,
  });
}

/** RFC 9457 problem document of an error: the one place where errors become answers. */
export function problemResponse(error: AppError, requestId: string): Response {
  const headers = apiHeaders(requestId);
  headers.set("content-type", "application/problem+json");
  if (error.code === "UNAUTHENTICATED") {
    headers.set("www-authenticate", 'Bearer realm="kmip-console"');
  }
  const retryAfter = error.extra?.retryAfterSeconds;
  if (typeof retryAfter === "number") {
    headers.set("retry-after", String(retryAfter));
  }

  const document = {
    ...error.extra,
    type: `urn:kmip-console:problem:${error.code.toLowerCase().replaceAll("_", "-")}`,
    title: TITLES[error.code] ?? english(`errors.codes.${error.code}`),
    status: error.status,
    code: error.code,
    detail: error.message,
    requestId,
    ...(error.invalidParams === undefined ? {} : { invalidParams: error.invalidParams }),
  };

  return new Response(JSON.stringify(document), { status: error.status, headers });
}
