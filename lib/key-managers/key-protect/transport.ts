import type { z } from "zod";
import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import {
  type HttpRequest,
  type HttpResponse,
  parseJson,
  type Repeat,
  request as send,
  timeoutError,
} from "@/lib/ibm-cloud/http";
import type { TokenSource } from "@/lib/ibm-cloud/iam";
import { CircuitOpenError } from "@/lib/resilience/circuit-breaker";
import { DEFAULT_TIMEOUT_MS, DeadlineError, waitFor, withDeadline } from "@/lib/resilience/deadline";
import type { CallLimits } from "../call-limits";
import { type CallContext, KeyManagerError } from "../key-manager";
import { codeOf, refusalOf, toKeyManagerError } from "./errors";

export type TransportOptions = CallLimits & {
  /** Name in error messages: "Key Protect" or "Hyper Protect Crypto Services". */
  readonly service: string;
  /** Base URL without `/api/v2`. */
  readonly endpoint: string;
  readonly instanceGuid: string;
  readonly tokenSource: TokenSource;
  /** Also calls while the circuit is open: for checks, which find out whether the service is there. */
  readonly always?: boolean;
  /** First pause between attempts; tests shorten it. */
  readonly backoffMs?: number;
};

export type KeyProtectCall = {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below `/api/v2`, parameters encoded. */
  readonly path: string;
  readonly body?: unknown;
  readonly keyRing?: string;
  readonly prefer?: "return=minimal";
  readonly repeat: Repeat;
  /** One request may answer all who ask for the same while it waits for its turn: reads, and unwrap. */
  readonly shared?: boolean;
};

export type Transport = {
  /** The answer, if its status is 2xx. @throws KeyManagerError */
  call(call: KeyProtectCall, context: CallContext): Promise<HttpResponse>;
  /** The same, with the answer's JSON checked. @throws KeyManagerError */
  callJson<Schema extends z.ZodType>(
    schema: Schema,
    call: KeyProtectCall,
    context: CallContext,
  ): Promise<z.output<Schema>>;
  /** Refuses all further calls. Calls under way end by their own time. */
  close(): void;
};

/** A request that others ask for as well, while it waits for its turn. */
type Queued = {
  readonly answer: Promise<HttpResponse>;
  readonly controller: AbortController;
  endsAt: number;
  askers: number;
};

/** A request that had less time than this and was not answered says nothing of the service. */
const FAIR_TIME_MS = 1_000;

/**
 * Requests to one key manager instance: token, headers, concurrency limit, circuit breaker, time for all of it, error
 * mapping. Requests that are the same and wait for their turn are sent once. One that was sent is not joined: its answer
 * may be older than the question, and a deleted key would be read once more.
 */
export function createTransport(options: TransportOptions): Transport {
  const { service, limiter, breaker } = options;
  const base = `${options.endpoint}/api/v2`;
  const always = options.always ?? false;
  const queued = new Map<string, Queued>();
  let closed = false;

  /** One request, and what it tells of the service. @throws CircuitOpenError, IbmCloudError */
  async function attempt(request: HttpRequest & { timeoutMs: number }): Promise<HttpResponse> {
    const end = breaker.enter({ always });

    try {
      const response = await send(request);

      end(isOutageAnswer(response) ? "outage" : "answer");

      return response;
    } catch (error) {
      end(isOutageError(error, request.timeoutMs) ? "outage" : "nothing");
      throw error;
    }
  }

  /**
   * One request with a token. A 401 can mean an expired token as well as no access, and the answer does not tell: so the
   * token is replaced and the request, which was refused and thus not carried out, sent once more.
   */
  async function authorized(
    call: KeyProtectCall,
    context: CallContext,
    endsAt: number,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    for (let renewed = false; ; renewed = true) {
      const remaining = () => Math.max(endsAt - performance.now(), 1);
      const token = await options.tokenSource.token({
        correlationId: context.correlationId,
        timeoutMs: remaining(),
        signal,
      });
      const response = await attempt({
        service,
        method: call.method,
        url: base + call.path,
        bearer: token.value,
        headers: {
          "Bluemix-Instance": options.instanceGuid,
          "Correlation-Id": context.correlationId,
          ...(call.keyRing === undefined ? {} : { "X-Kms-Key-Ring": call.keyRing }),
          ...(call.prefer === undefined ? {} : { Prefer: call.prefer }),
          ...(call.body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        repeat: call.repeat,
        timeoutMs: remaining(),
        signal,
        ...(options.backoffMs === undefined ? {} : { backoffMs: options.backoffMs }),
      });

      if (response.status !== 401 || renewed || !options.tokenSource.refused(token)) {
        return response;
      }
    }
  }

  /** Joins a request of the same content that was not sent yet, or queues one. */
  async function shared(
    call: KeyProtectCall,
    context: CallContext,
    endsAt: number,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const key = JSON.stringify([call.method, call.path, call.keyRing, call.body]);
    const known = queued.get(key) ?? queue(key, call, context, endsAt);

    known.endsAt = Math.max(known.endsAt, endsAt);
    known.askers += 1;

    try {
      return await waitFor(known.answer, signal);
    } catch (error) {
      if (known.askers > 1 || !signal.aborted) {
        throw error;
      }

      if (queued.get(key) === known) {
        queued.delete(key);
      }

      // Nobody waits for it any more: it ends now, and says what its attempts came to.
      known.controller.abort(signal.reason);

      return await known.answer;
    } finally {
      known.askers -= 1;
    }
  }

  function queue(key: string, call: KeyProtectCall, context: CallContext, endsAt: number): Queued {
    const controller = new AbortController();
    const made: Queued = {
      controller,
      endsAt,
      askers: 0,
      answer: limiter.run(() => {
        queued.delete(key);

        return authorized(call, context, made.endsAt, controller.signal);
      }, controller.signal),
    };

    queued.set(key, made);

    return made;
  }

  async function call(call: KeyProtectCall, context: CallContext): Promise<HttpResponse> {
    if (closed) {
      throw new KeyManagerError("unreachable", `The connection to ${service} is closed.`, {
        code: "CLOSED",
        correlationId: context.correlationId,
      });
    }

    const timeoutMs = context.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const endsAt = performance.now() + timeoutMs;

    try {
      const response = await withDeadline({ timeoutMs, signal: context.signal }, (signal) => {
        // Before it queues behind calls that wait for a service that is out.
        if (!always) {
          breaker.check();
        }

        return call.shared
          ? shared(call, context, endsAt, signal)
          : limiter.run(() => authorized(call, context, endsAt, signal), signal);
      });

      if (response.status >= 200 && response.status < 300) {
        return response;
      }

      throw refusalOf(response, context.correlationId);
    } catch (error) {
      if (error instanceof CircuitOpenError) {
        throw circuitOpen(service, error, context.correlationId);
      }

      throw toKeyManagerError(
        error instanceof DeadlineError ? timeoutError(service, error) : error,
        context.correlationId,
      );
    }
  }

  return {
    call,
    async callJson(schema, request, context) {
      const response = await call(request, context);

      try {
        return parseJson(schema, response);
      } catch (error) {
        throw toKeyManagerError(error, context.correlationId);
      }
    },
    close() {
      closed = true;
    },
  };
}

/** A 5xx with a code of the service is its answer about this one request; others come from something before it. */
function isOutageAnswer(response: HttpResponse): boolean {
  return response.status >= 500 && response.status !== 501 && codeOf(response.body) === null;
}

function isOutageError(error: unknown, timeoutMs: number): boolean {
  if (!(error instanceof IbmCloudError)) {
    return false;
  }

  return (
    error.failure === "unreachable" ||
    (error.failure === "timeout" && error.code === "TIMEOUT" && timeoutMs >= FAIR_TIME_MS)
  );
}

function circuitOpen(service: string, error: CircuitOpenError, correlationId: string): KeyManagerError {
  return new KeyManagerError("unreachable", `${service} was ${error.message}.`, {
    code: "CIRCUIT_OPEN",
    correlationId,
    retryAfterMs: Math.ceil(error.retryAfterMs),
  });
}
