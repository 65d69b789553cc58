import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

/** A request, read whole. */
export interface SandboxRequest {
  method: string;
  /** Percent-decoded path segments; a CRN in a path stays one segment. */
  segments: readonly string[];
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The caller's `Correlation-Id`, or a new one. */
  correlationId: string;
}

export interface SandboxResponse {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** Serialised as JSON; absent for an answer without a body. */
  body?: unknown;
  /** A page for a browser, in the place of `body`. */
  html?: string;
  /** true: the client gets no answer; its connection is cut. */
  cut?: true;
}

/** What a request is about, before its handler runs. */
export interface RequestTarget {
  /** `key-manager`, `resource-controller` or `iam`. */
  service: string;
  /** The route's pattern with the name of the action: `/keys/:id/actions/unwrap`; `-` for an unknown path. */
  route: string;
  /** A refusal with this status in the form of the service, and with a reason code where it has such. */
  refusal: (status: number, code?: string) => SandboxResponse;
}

/** An answer that ends the handling of a request at once: every refusal is one. */
export class ResponseError extends Error {
  readonly response: SandboxResponse;

  constructor(message: string, response: SandboxResponse) {
    super(message);
    this.name = "ResponseError";
    this.response = response;
  }
}

/** A step around the handling of every request. It calls `next` for the real answer or gives one of its own. */
export type Middleware = (
  request: SandboxRequest,
  next: () => Promise<SandboxResponse>,
) => Promise<SandboxResponse>;

/** A step that also asks what the request is about. */
export type TargetedMiddleware = (
  request: SandboxRequest,
  next: () => Promise<SandboxResponse>,
  target: RequestTarget,
) => Promise<SandboxResponse>;

/** First value of a header that may come several times; undefined if absent or empty. */
export function headerOf(request: SandboxRequest, name: string): string | undefined {
  const value = request.headers[name];
  const first = Array.isArray(value) ? value[0] : value;

  return first === undefined || first === "" ? undefined : first;
}

/** The `Correlation-Id` of a request, if it is fit to be echoed; otherwise a new UUID. */
export function correlationIdOf(headers: IncomingHttpHeaders): string {
  const value = headers["correlation-id"];

  return typeof value === "string" && /^[\x21-\x7e]{1,128}$/.test(value) ? value : randomUUID();
}
