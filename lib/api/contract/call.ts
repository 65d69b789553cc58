/**
 * Typed client of the REST API for the browser: it relies on the session cookie and on same-origin requests.
 */
import type { Problem } from "./common";
import {
  API_ROOT,
  type InputOf,
  type Operation,
  operationUrl,
  type ResponseOf,
  type ValuesOf,
} from "./operation";

/** Longer than any read takes that will ever be answered. */
const READ_TIMEOUT_MS = 30_000;

/** A call that did not succeed, with the server's problem document (or one made here when there was no answer). */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem, options?: { cause?: unknown }) {
    super(problem.detail, options);
    this.name = "ApiError";
    this.problem = problem;
  }

  get code(): string {
    return this.problem.code;
  }

  /** HTTP status; 0 when the server was not reached. */
  get status(): number {
    return this.problem.status;
  }
}

export type CallOptions = {
  readonly signal?: AbortSignal;
  /** Makes a write safe to repeat: the same key and request are carried out once. */
  readonly idempotencyKey?: string;
};

function localProblem(code: string, status: number, detail: string): Problem {
  return { type: "about:blank", title: detail, status, code, detail, requestId: "" };
}

function problemOf(response: Response, text: string): Problem {
  if (response.headers.get("content-type")?.startsWith("application/problem+json")) {
    return JSON.parse(text) as Problem;
  }

  return localProblem("INTERNAL", response.status, `The server answered with status ${response.status}.`);
}

/** Address of a call, for links with `download` and for EventSource. */
export function apiUrl<O extends Operation>(operation: O, values: ValuesOf<O>): string {
  return `${API_ROOT}${operationUrl(operation, values)}`;
}

/**
 * Calls an operation.
 * @param input values of path and query by name, and the `body`
 * @throws ApiError with the problem document; an abort stays the AbortError that it is
 */
export async function call<O extends Operation>(
  operation: O,
  input: InputOf<O>,
  { signal, idempotencyKey }: CallOptions = {},
): Promise<ResponseOf<O>> {
  const { body, ...values } = input as { readonly body?: unknown };
  const headers = new Headers({ accept: "application/json, application/problem+json" });
  if (body !== undefined) {
    headers.set("content-type", "application/json");
  }
  if (idempotencyKey !== undefined) {
    headers.set("idempotency-key", idempotencyKey);
  }

  // A server that hangs is a server that is away. Writes are waited for: giving up would not undo them.
  const limits = operation.method === "GET" ? [AbortSignal.timeout(READ_TIMEOUT_MS)] : [];
  const signals = [...(signal === undefined ? [] : [signal]), ...limits];

  let response: Response;
  let text: string;
  try {
    response = await fetch(`${API_ROOT}${operationUrl(operation, values)}`, {
      method: operation.method,
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
    });
    text = await response.text();
  } catch (error) {
    // An aborted query is no failure: react-query has to see the AbortError itself.
    if (signal?.aborted) {
      throw error;
    }
    throw new ApiError(localProblem("UNREACHABLE", 0, "The server could not be reached."), { cause: error });
  }

  if (!response.ok) {
    throw new ApiError(problemOf(response, text));
  }

  return (response.status === 204 ? undefined : JSON.parse(text)) as ResponseOf<O>;
}
