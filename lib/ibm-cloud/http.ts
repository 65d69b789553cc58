import { isIP } from "node:net";
import { z } from "zod";
import { DEFAULT_TIMEOUT_MS, DeadlineError, sleep, withDeadline } from "./deadline";
import { IbmCloudError } from "./errors";
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
 * Sends an HTTP request over Node's own fetch (kept-alive connections) and reads the whole answer. Redirects are
 * not followed, so a bearer token goes nowhere but to `url`. Any status is an answer, not an error; after
 * repeatable ones (see Repeat) it tries again within `timeoutMs`, with exponential pauses, jitter and Retry-After.
 * @throws IbmCloudError `timeout`, `unreachable`, `serverError` (answer too large)
 */
export async function request(options: HttpRequest): Promise<HttpResponse> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const endsAt = performance.now() + timeoutMs;

  try {
    return await withDeadline({ timeoutMs, signal: options.signal }, (signal) =>
      attempts(options, endsAt, signal),
    );
  } catch (error) {
    throw error instanceof DeadlineError ? timeoutError(options.service, error) : error;
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

async function attempts(options: HttpRequest, endsAt: number, signal: AbortSignal): Promise<HttpResponse> {
  for (let attempt = 1; ; attempt += 1) {
    const last = attempt === MAX_ATTEMPTS || options.repeat === "never";
    const outcome = await tryOnce(options, endsAt, signal, last);

    if (last || !isRepeatable(options.repeat, outcome)) {
      return settle(outcome);
    }

    const pause = pauseBefore(attempt, outcome.retryAfterMs, options.backoffMs ?? 200, Math.random());

    if (performance.now() + pause >= endsAt) {
      return settle(outcome);
    }

    await sleep(pause, signal);
  }
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
      ? outcome.failure === "timeout" || outcome.failure === "unreachable"
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
  signal: AbortSignal,
  last: boolean,
): Promise<HttpResponse | IbmCloudError> {
  const whole = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const remaining = Math.max(endsAt - performance.now(), 1);
  const timeoutMs = last || options.repeat !== "safe" ? remaining : Math.min(remaining, whole / 2);

  try {
    return await withDeadline({ timeoutMs, signal }, (attemptSignal) => send(options, attemptSignal));
  } catch (error) {
    if (signal.aborted) {
      throw signal.reason;
    }

    if (error instanceof DeadlineError) {
      return timeoutError(options.service, error);
    }

    if (error instanceof IbmCloudError) {
      return error;
    }

    return connectionError(options, error);
  }
}

async function send(options: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
  let response: Response;

  try {
    response = await fetch(options.url, {
      method: options.method,
      redirect: "manual",
      signal,
      headers: {
        "User-Agent": "kmip-console",
        Accept: "application/json",
        ...options.headers,
        ...(options.bearer ? { Authorization: `Bearer ${options.bearer.reveal()}` } : {}),
      },
      ...(options.body === undefined ? {} : { body: options.body }),
    });
  } catch (error) {
    // An aborted fetch throws its signal's reason; anything else is the connection's failure.
    throw signal.aborted ? signal.reason : error;
  }

  const body = await readBody(
    response,
    options.service,
    options.maxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES,
    signal,
  );

  return {
    service: options.service,
    status: response.status,
    body,
    correlationId: response.headers.get("correlation-id") ?? response.headers.get("transaction-id"),
    retryAfterMs: parseRetryAfter(response.headers.get("retry-after"), Date.now()),
  };
}

async function readBody(
  response: Response,
  service: string,
  limit: number,
  signal: AbortSignal,
): Promise<string> {
  if (response.body === null) {
    return "";
  }

  const reader = response.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;

  try {
    for (;;) {
      const { done, value } = await reader.read();

      if (done) {
        break;
      }

      size += value.byteLength;

      if (size > limit) {
        await reader.cancel();

        throw new IbmCloudError("serverError", `${service} sent an answer of more than ${limit} bytes.`, {
          status: response.status,
          code: "RESPONSE_TOO_LARGE",
        });
      }

      chunks.push(value);
    }

    const whole = Buffer.concat(chunks, size);
    const text = whole.toString("utf8");
    whole.fill(0);

    return text;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    // An answer can carry an unwrapped KEK: at least these copies do not wait for the collector.
    for (const chunk of chunks) {
      chunk.fill(0);
    }
  }
}

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

/** Fetch hides the system's error in `cause`; only its code goes on, as messages may quote headers. */
function connectionError(options: HttpRequest, error: unknown): IbmCloudError {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code =
    typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
      ? cause.code
      : "NETWORK_ERROR";
  const { host } = new URL(options.url);

  return new IbmCloudError("unreachable", `${options.service} at ${host} cannot be reached (${code}).`, {
    code,
  });
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
