import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { env } from "@/lib/env";
import { createOutboundAgent } from "@/lib/outbound/agent";
import { DeadlineError } from "@/lib/resilience/deadline";

/** One HTTP request, sent once. */
export type ExchangeRequest = {
  readonly method: Dispatcher.HttpMethod;
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly body?: string | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the answer's body that are read at most. */
  readonly maxResponseBytes: number;
};

export type ExchangeResponse = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

/** The body of an answer is longer than it may be. */
export class ResponseTooLargeError extends Error {
  readonly status: number;

  constructor(status: number, limit: number) {
    super(`an answer of more than ${limit} bytes`);
    this.name = "ResponseTooLargeError";
    this.status = status;
  }
}

/** A connection that nobody used for so long is closed by us, before the service does it under a new request. */
const IDLE_MS = 4_000;
/** Time for a request, and the size of its answer, are watched below. */
const agent = createOutboundAgent({ allow: () => env().outboundAllow, idleMs: IDLE_MS });

/** Origin and path of a URL: the text is ours or was checked, so it need not be parsed each time. */
function split(url: string): { readonly origin: string; readonly path: string } {
  const end = url.indexOf("/", url.indexOf("//") + 2);

  return end === -1 ? { origin: url, path: "/" } : { origin: url.slice(0, end), path: url.slice(end) };
}

/**
 * Sends a request over a kept-alive connection and reads the whole answer. Redirects are not followed, and nothing is
 * sent twice. It takes undici's dispatcher and not fetch, which takes several times the processor time and keeps copies
 * of the answer's bytes that nobody can zero.
 * @throws DeadlineError when time is up or the caller gave up; ResponseTooLargeError; the system's error
 */
export function exchange(request: ExchangeRequest): Promise<ExchangeResponse> {
  return new Promise((resolve, reject) => {
    const { signal, body } = request;

    if (signal?.aborted) {
      reject(signal.reason);

      return;
    }

    let control: Dispatcher.DispatchController | null = null;
    let settled = false;
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    let chunks: Buffer[] = [];
    let size = 0;

    const timer = setTimeout(() => fail(new DeadlineError(false)), request.timeoutMs);
    const onAbort = () => fail(signal?.reason);

    signal?.addEventListener("abort", onAbort, { once: true });

    function end(): void {
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);

      // An answer can carry an unwrapped KEK: at least these copies do not wait for the collector.
      for (const chunk of chunks) {
        chunk.fill(0);
      }

      chunks = [];
    }

    function fail(error: unknown): void {
      if (settled) {
        return;
      }

      end();
      reject(error);
      // Without a connection yet, the request is stopped before it is sent.
      control?.abort(error instanceof Error ? error : new DeadlineError(true));
    }

    agent.dispatch(
      { ...split(request.url), method: request.method, headers: request.headers, body: body ?? null },
      {
        onRequestStart(controller) {
          control = controller;

          if (settled) {
            controller.abort(new DeadlineError(true));
          }
        },
        onResponseStart(_controller, statusCode, responseHeaders) {
          status = statusCode;
          headers = responseHeaders;
        },
        onResponseData(_controller, chunk) {
          if (settled) {
            return;
          }

          size += chunk.length;
          chunks.push(chunk);

          if (size > request.maxResponseBytes) {
            fail(new ResponseTooLargeError(status, request.maxResponseBytes));
          }
        },
        onResponseEnd() {
          if (settled) {
            return;
          }

          const whole = Buffer.concat(chunks, size);
          const text = whole.toString("utf8");

          whole.fill(0);
          end();
          resolve({ status, headers, body: text });
        },
        onResponseError(_controller, error) {
          fail(error);
        },
      },
    );
  });
}
