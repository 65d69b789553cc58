import type { CallOptions } from "@/lib/resilience/deadline";
import { IbmCloudError, type IbmCloudFailure } from "./errors";
import { type HttpResponse, tryParseJson } from "./http";
import { iamErrorBody } from "./iam-schemas";

/** The failure that a status means for a platform service (IAM, resource controller). */
function failureOfStatus(status: number): IbmCloudFailure {
  switch (status) {
    case 401:
    case 403:
      return "forbidden";
    case 404:
    case 410:
      return "notFound";
    case 408:
      return "timeout";
    case 429:
      return "throttled";
    default:
      return status >= 400 && status < 500 ? "rejected" : "serverError";
  }
}

/** The error for an answer that is not the hoped-for one; keeps the service's code, not its text. */
export function refusal(response: HttpResponse, failure?: IbmCloudFailure): IbmCloudError {
  const body = tryParseJson(iamErrorBody, response.body);
  const code = body?.errorCode ?? body?.error_code ?? body?.code ?? body?.errors?.[0]?.code ?? null;

  return new IbmCloudError(
    failure ?? failureOfStatus(response.status),
    `${response.service} answered ${response.status}${code === null ? "" : ` (${code})`}.`,
    {
      status: response.status,
      code,
      correlationId: response.correlationId,
      retryAfterMs: response.retryAfterMs,
    },
  );
}

/** Time and signal of a call, in the form that `request` takes. */
export function limitsOf(call: CallOptions): { timeoutMs?: number; signal?: AbortSignal } {
  return {
    ...(call.timeoutMs === undefined ? {} : { timeoutMs: call.timeoutMs }),
    ...(call.signal === undefined ? {} : { signal: call.signal }),
  };
}
