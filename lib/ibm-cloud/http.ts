import { isIP } from "node:net";
import { z } from "zod";
import { ADDRESS_NOT_ALLOWED } from "@/lib/outbound/agent";
import { DEFAULT_TIMEOUT_MS, DeadlineError, sleep } from "@/lib/resilience/deadline";
import { IbmCloudError } from "./errors";
import { exchange, ResponseTooLargeError } from "./exchange";
import type { Secret } from "./secret";

/**
 * When a request may be sent again by itself:
 * - `safe`: doing it twice does no harm (reads, wrap, unwrap, delete): after time-outs, broken connections, 429
 *   and 5xx other than 501;
 * - `unprocessed`: only when the service surely did not act (429, connection never made): creates;
 * - `never`.
 */
export type Repeat = "safe" | "unprocessed" | "never";

export type HttpRequest = {
  /** Name of the service in error messages, e.g. "Key Protect". */
  readonly service: string;
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers?: { readonly [name: string]: string };
  readonly bearer?: Secret;
  readonly body?: string;
  readonly repeat: Repeat;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Bytes of the answer's body that are read at most. */
  readonly maxResponseBytes?: number;
  /** The first pause between attempts; doubles from there. Tests shorten it. */
  readonly backoffMs?: number;
};

export type HttpResponse = {
  readonly service: string;
  readonly status: number;
  readonly body: string;
  readonly correlationId: string | null;
  readonly retryAfterMs: number | null;
};

const MAX_ATTEMPTS = 4;
/** Limits are by the second or by the minute: pauses do not grow beyond that. */
const MAX_THROTTLED_DOUBLINGS = 3;
const MAX_PAUSE_MS = 4_000;
const DEFAULT_MAX_RESPONSE_BYTES = 16 * 1024 * 1024;

/** System error codes after which the request cannot have reached the service. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/**
 * Sends an HTTP request over a kept-alive connection and reads the whole answer. Redirects are not followed, so a
 * bearer token goes nowhere but to `url`. Any status is an answer, not an error; after repeatable ones (see Repeat)
 * it tries again within `timeoutMs`, with exponential pauses, jitter and Retry-After.
 * @throws IbmCloudError `timeout`, `unreachable`, `serverError` (answer too large)
 */
export async function request(options: HttpRequest): Promise<HttpResponse> {
  const endsAt = performance.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);

  try {
    return await attempts(options, endsAt);
  } catch (error) {
    if (!options.signal?.aborted || error instanceof IbmCloudError) {
      throw error;
    }

    // A caller may give up for any reason.
    throw timeoutError(options.service, error instanceof DeadlineError ? error : new DeadlineError(true));
  }
}

/** The error of a call whose time was up (or whose caller gave up). */
export function timeoutError(service: string, error: DeadlineError): IbmCloudError {
  return new IbmCloudError(
    "timeout",
    error.cancelled ? `The call to ${service} was cancelled.` : `${service} did not answer in time.`,
    { code: error.cancelled ? "CANCELLED" : "TIMEOUT" },
  );
}

/**
 * Failures are tried again a few times. To be throttled is none: the service says that it works, and when many ask at
 * once some of them are turned away many times, so that goes on for as long as the call may take. When that is over, the
 * call was throttled; it did not time out.
 */
async function attempts(options: HttpRequest, endsAt: number): Promise<HttpResponse> {
  const counts = { failed: 0, throttled: 0 };
  /** The answer of the attempt before, when that was turned away. */
  let before: HttpResponse | null = null;

  for (;;) {
    const last = counts.failed === MAX_ATTEMPTS - 1 || options.repeat === "never";
    const closing = endsAt - performance.now() <= (options.timeoutMs ?? DEFAULT_TIMEOUT_MS) / 2;
    const outcome: HttpResponse | IbmCloudError = await tryOnce(options, endsAt, last).catch(
      (error: unknown) => {
        if (before !== null && options.repeat === "safe" && isTimeUp(options.signal)) {
          return before;
        }

        throw error;
      },
    );
    const throttled = outcome.status === 429;

    if (options.repeat === "never" || (last && !throttled) || !isRepeatable(options.repeat, outcome)) {
      return settle(outcome);
    }

    counts[throttled ? "throttled" : "failed"] += 1;

    const attempt = throttled ? Math.min(counts.throttled, MAX_THROTTLED_DOUBLINGS) : counts.failed;
    const pause = pauseBefore(attempt, outcome.retryAfterMs, options.backoffMs ?? 200, Math.random());

    if (performance.now() + pause >= endsAt) {
      // Time was up in the middle of an attempt: what all of them died of is that they were turned away.
      const cut = outcome instanceof IbmCloudError && outcome.failure === "timeout";

      return settle(cut && options.repeat === "safe" ? (before ?? outcome) : outcome);
    }

    if (outcome instanceof IbmCloudError) {
      // An attempt that the end of the time cut short says nothing new, even where its timer was a little early.
      before = outcome.failure === "timeout" && closing ? before : null;
    } else {
      before = throttled ? outcome : null;
    }

    try {
      await sleep(pause, options.signal);
    } catch (error) {
      if (isTimeUp(options.signal)) {
        return settle(outcome);
      }

      throw error;
    }
  }
}

/** True when the signal fired because time was up, and not because the caller gave up. */
function isTimeUp(signal: AbortSignal | undefined): boolean {
  return signal?.reason instanceof DeadlineError && !signal.reason.cancelled;
}

function settle(outcome: HttpResponse | IbmCloudError): HttpResponse {
  if (outcome instanceof IbmCloudError) {
    throw outcome;
  }

  return outcome;
}

function isRepeatable(repeat: Repeat, outcome: HttpResponse | IbmCloudError): boolean {
  if (outcome instanceof IbmCloudError) {
    return repeat === "safe"
      ? outcome.failure === "timeout" ||
          (outcome.failure === "unreachable" && outcome.code !== ADDRESS_NOT_ALLOWED)
      : outcome.code !== null && NEVER_SENT.has(outcome.code);
  }

  return outcome.status === 429 || (repeat === "safe" && outcome.status >= 500 && outcome.status !== 501);
}

/**
 * Milliseconds to wait after an attempt: doubling from `baseMs` up to four seconds, a random half of it, and never less
 * than the service asked for.
 * @param random from 0 up to 1
 */
export function pauseBefore(
  attempt: number,
  retryAfterMs: number | null,
  baseMs: number,
  random: number,
): number {
  const exponential = Math.min(baseMs * 2 ** (attempt - 1), MAX_PAUSE_MS);
  const jittered = exponential * (0.5 + random / 2);

  return Math.max(jittered, retryAfterMs ?? 0);
}

/** One attempt. A request that may be repeated gets at most half of the whole time, so that a second one fits. */
async function tryOnce(
  options: HttpRequest,
  endsAt: number,
  last: boolean,
): Promise<HttpResponse | IbmCloudError> {
  const whole = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const remaining = Math.max(endsAt - performance.now(), 1);
  const timeoutMs = last || options.repeat !== "safe" ? remaining : Math.min(remaining, whole / 2);

  try {
    return await send(options, timeoutMs);
  } catch (error) {
    if (options.signal?.aborted) {
      throw error;
    }

    if (error instanceof DeadlineError) {
      return timeoutError(options.service, error);
    }

    if (error instanceof ResponseTooLargeError) {
      return new IbmCloudError("serverError", `${options.service} sent ${error.message}.`, {
        status: error.status,
        code: "RESPONSE_TOO_LARGE",
      });
    }

    return connectionError(options, error);
  }
}

async function send(options: HttpRequest, timeoutMs: number): Promise<HttpResponse> {
  const { status, headers, body } = await exchange({
    method: options.method,
    url: options.url,
    headers: {
      "User-Agent": "kmip-console",
      Accept: "application/json",
      ...options.headers,
      ...(options.bearer ? { Authorization: `Bearer ${options.bearer.reveal()}` } : {}),
    },
    body: options.body,
    timeoutMs,
    signal: options.signal,
    maxResponseBytes: options.maxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES,
  });

  return {
    service: options.service,
    status,
    body,
    correlationId: firstOf(headers["correlation-id"]) ?? firstOf(headers["transaction-id"]),
    retryAfterMs: parseRetryAfter(headers["retry-after"] ?? null, Date.now()),
  };
}

const firstOf = (value: string | string[] | undefined): string | null =>
  (Array.isArray(value) ? value[0] : value) ?? null;

/** Milliseconds of a Retry-After header (RFC 9110 §10.2.3: seconds or a date), or null. */
export function parseRetryAfter(value: string | null, nowMs: number): number | null {
  if (value === null || value.trim() === "") {
    return null;
  }

  if (/^\d+$/.test(value.trim())) {
    return Number(value) * 1000;
  }

  const date = Date.parse(value);

  return Number.isNaN(date) ? null : Math.max(date - nowMs, 0);
}

/** Only the code of the system's error goes on, as messages may quote headers. */
function connectionError(options: HttpRequest, error: unknown): IbmCloudError {
  const code =
    typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
      ? error.code
      : "NETWORK_ERROR";
  const { host } = new URL(options.url);

  return new IbmCloudError(
    "unreachable",
    code === ADDRESS_NOT_ALLOWED
      ? `${options.service} is not called at ${host}: that is an address of this machine, of its link or of a metadata service, and OUTBOUND_ALLOW does not name it.`
      : `${options.service} at ${host} cannot be reached (${code}).`,
    { code },
  );
}

/**
 * The JSON of an answer, checked.
 * @throws IbmCloudError `serverError` that names the fields that do not fit, never their values
 */
export function parseJson<Schema extends z.ZodType>(
  schema: Schema,
  response: HttpResponse,
): z.output<Schema> {
  const details = { status: response.status, correlationId: response.correlationId };
  let json: unknown;

  try {
    json = JSON.parse(response.body);
  } catch {
    // The parser's message quotes the text, so it stays here.
    throw new IbmCloudError("serverError", `${response.service} answered no JSON.`, {
      ...details,
      code: "MALFORMED_RESPONSE",
    });
  }

  const result = schema.safeParse(json);

  if (!result.success) {
    const fields = result.error.issues.map((issue) => issue.path.join(".") || "(root)").join(", ");

    throw new IbmCloudError(
      "serverError",
      `${response.service} answered in an unexpected form (fields: ${fields}).`,
      { ...details, code: "MALFORMED_RESPONSE" },
    );
  }

  return result.data;
}

/** Parses an answer leniently: null instead of an error. For error bodies, which may be anything. */
export function tryParseJson<Schema extends z.ZodType>(
  schema: Schema,
  body: string,
): z.output<Schema> | null {
  try {
    return schema.safeParse(JSON.parse(body)).data ?? null;
  } catch {
    // An error page instead of JSON says no more than its status.
    return null;
  }
}

/**
 * A service's base URL as given, without a trailing slash, or null when a token must not be sent there: only https,
 * except where `allowPlain` (the cloud's own addresses are plain too, as with the sandbox) or the host is loopback.
 */
export function checkBaseUrl(text: string, allowPlain: boolean): string | null {
  const parsed = z.url({ protocol: /^https?$/ }).safeParse(text);

  if (!parsed.success) {
    return null;
  }

  const url = new URL(parsed.data);
  const loopback =
    url.hostname === "localhost" ||
    url.hostname === "[::1]" ||
    (isIP(url.hostname) === 4 && url.hostname.startsWith("127."));

  if ((url.protocol === "http:" && !allowPlain && !loopback) || url.username !== "" || url.password !== "") {
    return null;
  }

  // Base URLs stand in commands that people copy: nothing that a shell would act on.
  if (!/^[A-Za-z0-9:/._~%[\]-]+$/.test(text)) {
    return null;
  }

  return text.replace(/\/+$/, "");
}
