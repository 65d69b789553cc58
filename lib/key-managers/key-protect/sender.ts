import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import { type HttpRequest, type HttpResponse, type Repeat, request as send } from "@/lib/ibm-cloud/http";
import type { TokenSource } from "@/lib/ibm-cloud/iam";
import { ADDRESS_NOT_ALLOWED } from "@/lib/outbound/agent";
import type { CallLimits } from "../call-limits";
import type { CallContext } from "../key-manager";
import { codeOf } from "./errors";
import { requireKeyManager, tellable } from "./given-address";

export type TransportOptions = CallLimits & {
  /** Name in error messages: "Key Protect" or "Hyper Protect Crypto Services". */
  readonly service: string;
  /** Base URL without `/api/v2`. */
  readonly endpoint: string;
  readonly instanceGuid: string;
  readonly tokenSource: TokenSource;
  /** Also calls while the circuit is open: for checks, which find out whether the service is there. */
  readonly always?: boolean;
  /** The address is what a person gave: what is wrong with it is told in one way (see given-address). */
  readonly givenByHand?: boolean;
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

/** Until when a request may take, and what ends it before. */
type Limits = { readonly endsAt: number; readonly signal: AbortSignal };

export type Sender = (call: KeyProtectCall, context: CallContext, limits: Limits) => Promise<HttpResponse>;

/** A request that had less time than this and was not answered says nothing of the service. */
const FAIR_TIME_MS = 1_000;

/** Sends one request at a time, with a token. @throws CircuitOpenError, IbmCloudError */
export function createSender(options: TransportOptions): Sender {
  const { service, breaker, always = false } = options;
  const base = `${options.endpoint}/api/v2`;

  /** One request, and what it tells of the service. @throws CircuitOpenError, IbmCloudError */
  async function attempt(request: HttpRequest & { timeoutMs: number }): Promise<HttpResponse> {
    const end = breaker.enter({ always });

    try {
      const response = await send(request);

      end(isOutageAnswer(response) ? "outage" : "answer");

      return response;
    } catch (error) {
      end(isOutageError(error, request.timeoutMs) ? "outage" : "nothing");
      throw options.givenByHand ? tellable(options, error) : error;
    }
  }

  /**
   * One request with a token. A 401 can mean an expired token as well as no access, and the answer does not tell: so the
   * token is replaced and the request, which was refused and thus not carried out, sent once more.
   */
  return async (call, context, { endsAt, signal }) => {
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
        return options.givenByHand ? requireKeyManager(options, response) : response;
      }
    }
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
    (error.failure === "unreachable" && error.code !== ADDRESS_NOT_ALLOWED) ||
    (error.failure === "timeout" && error.code === "TIMEOUT" && timeoutMs >= FAIR_TIME_MS)
  );
}
