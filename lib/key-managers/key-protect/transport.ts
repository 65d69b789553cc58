import type { z } from "zod";
import { DEFAULT_TIMEOUT_MS, DeadlineError, withDeadline } from "@/lib/ibm-cloud/deadline";
import { type HttpResponse, parseJson, type Repeat, request, timeoutError } from "@/lib/ibm-cloud/http";
import type { TokenSource } from "@/lib/ibm-cloud/iam";
import type { Limiter } from "@/lib/ibm-cloud/limiter";
import { type CallContext, KeyManagerError } from "../key-manager";
import { refusalOf, toKeyManagerError } from "./errors";

export type TransportOptions = {
  /** Name in error messages: "Key Protect" or "Hyper Protect Crypto Services". */
  readonly service: string;
  /** Base URL without `/api/v2`. */
  readonly endpoint: string;
  readonly instanceGuid: string;
  readonly tokenSource: TokenSource;
  readonly limiter: Limiter;
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

/** Requests to one key manager instance: token, headers, concurrency limit, time for all of it, error mapping. */
export function createTransport(options: TransportOptions): Transport {
  const base = `${options.endpoint}/api/v2`;
  let closed = false;

  /**
   * One request. A 401 can mean an expired token as well as no access, and the answer does not tell: so the token is
   * replaced and the request, which was refused and thus not carried out, sent once more.
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
      const response = await request({
        service: options.service,
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

  async function call(call: KeyProtectCall, context: CallContext): Promise<HttpResponse> {
    if (closed) {
      throw new KeyManagerError("unreachable", `The connection to ${options.service} is closed.`, {
        code: "CLOSED",
        correlationId: context.correlationId,
      });
    }

    const timeoutMs = context.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const endsAt = performance.now() + timeoutMs;

    try {
      const response = await withDeadline({ timeoutMs, signal: context.signal }, (signal) =>
        options.limiter.run(() => authorized(call, context, endsAt, signal), signal),
      );

      if (response.status >= 200 && response.status < 300) {
        return response;
      }

      throw refusalOf(response, context.correlationId);
    } catch (error) {
      throw toKeyManagerError(
        error instanceof DeadlineError ? timeoutError(options.service, error) : error,
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
