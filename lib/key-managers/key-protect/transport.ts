import type { z } from "zod";
import { type HttpResponse, parseJson, timeoutError } from "@/lib/ibm-cloud/http";
import { CircuitOpenError } from "@/lib/resilience/circuit-breaker";
import { DEFAULT_TIMEOUT_MS, DeadlineError, withDeadline } from "@/lib/resilience/deadline";
import { type CallContext, KeyManagerError } from "../key-manager";
import { refusalOf, toKeyManagerError } from "./errors";
import { noKeyManager, tellable } from "./given-address";
import { createSender, type KeyProtectCall, type TransportOptions } from "./sender";
import { createSharedRequests } from "./shared-requests";

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

/**
 * Requests to one key manager instance: token, headers, concurrency limit, circuit breaker, time for all of it, error
 * mapping.
 */
export function createTransport(options: TransportOptions): Transport {
  const { service, limiter, breaker, always = false } = options;
  const send = createSender(options);
  const shared = createSharedRequests(send, limiter);
  let closed = false;

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
          ? shared(call, context, { endsAt, signal })
          : limiter.run(() => send(call, context, { endsAt, signal }), signal);
      });

      if (response.status >= 200 && response.status < 300) {
        return response;
      }

      throw refusalOf(response, context.correlationId);
    } catch (error) {
      if (error instanceof CircuitOpenError && !options.givenByHand) {
        throw circuitOpen(service, error, context.correlationId);
      }

      throw toKeyManagerError(failureOf(error), context.correlationId);
    }
  }

  function failureOf(error: unknown): unknown {
    if (error instanceof CircuitOpenError) {
      return noKeyManager(options, error);
    }

    const failure = error instanceof DeadlineError ? timeoutError(service, error) : error;

    return options.givenByHand && error instanceof DeadlineError ? tellable(options, failure) : failure;
  }

  return {
    call,
    async callJson(schema, request, context) {
      const response = await call(request, context);

      try {
        return parseJson(schema, response);
      } catch (error) {
        throw toKeyManagerError(
          options.givenByHand ? tellable(options, error) : error,
          context.correlationId,
        );
      }
    },
    close() {
      closed = true;
    },
  };
}

function circuitOpen(service: string, error: CircuitOpenError, correlationId: string): KeyManagerError {
  return new KeyManagerError("unreachable", `${service} was ${error.message}.`, {
    code: "CIRCUIT_OPEN",
    correlationId,
    retryAfterMs: Math.ceil(error.retryAfterMs),
  });
}
