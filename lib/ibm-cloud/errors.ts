/**
 * What went wrong in a call to an IBM Cloud service. `throttled`, `timeout`, `unreachable` and `serverError` say
 * nothing about the request itself; the others are the service's own decision.
 */
export type IbmCloudFailure =
  | "credentials"
  | "forbidden"
  | "notFound"
  | "rejected"
  | "throttled"
  | "timeout"
  | "unreachable"
  | "serverError";

/** Error of a call to an IBM Cloud service. Its message names the service and the cause, never a credential or a body. */
export class IbmCloudError extends Error {
  readonly failure: IbmCloudFailure;
  readonly status: number | null;
  /** The service's own code, e.g. BXNIM0415E, or the system's, e.g. ECONNREFUSED. */
  readonly code: string | null;
  readonly correlationId: string | null;
  readonly retryAfterMs: number | null;

  constructor(
    failure: IbmCloudFailure,
    message: string,
    details: {
      status?: number | null;
      code?: string | null;
      correlationId?: string | null;
      retryAfterMs?: number | null;
      cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "IbmCloudError";
    this.failure = failure;
    this.status = details.status ?? null;
    this.code = details.code ?? null;
    this.correlationId = details.correlationId ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
  }
}
