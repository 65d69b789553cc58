import type { z } from "zod";
import {
  type Authenticated,
  authenticate,
  type RequestFacts,
  requestFacts,
  requireOwnOrigin,
} from "@/lib/auth";
import { countCall } from "@/lib/auth/rate-limits";
import { recordRefusal } from "@/lib/auth/record-refusal";
import { type Actor, requireRole } from "@/lib/core/actor";
import { recordAction, wasRecorded } from "@/lib/core/audit";
import { AppError } from "@/lib/core/errors";
import { env } from "@/lib/env";
import { createLogger } from "@/lib/log";
import { AUDIT_ACTIONS } from "./audit-actions";
import type { BodyOf, Operation, ParamsOf, QueryOf, ResponseOf } from "./contract/operation";
import { idempotencyKey, once } from "./idempotency";
import { observeCall } from "./metrics";
import type * as operations from "./operations";
import { apiHeaders, problemResponse, publicError } from "./problem";
import { readJsonBody, requireStorableText } from "./read-body";

/** What a handler gets: everything parsed, and who asks. */
export type HandlerInput<O extends Operation> = {
  readonly actor: Actor;
  readonly authenticated: Authenticated;
  readonly params: ParamsOf<O>;
  readonly query: QueryOf<O>;
  readonly body: BodyOf<O>;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
};

type Handler<O extends Operation> = (input: HandlerInput<O>) => Promise<ResponseOf<O> | Response>;

/** A call of the API as the table of operations lists it. */
export type KnownOperation = Operation & { readonly id: keyof typeof operations };

/** As Next calls it; a catch-all segment is a list. */
export type RouteHandler = (
  request: Request,
  context: { params: Promise<Record<string, string | string[]>> },
) => Promise<Response>;

const logger = () => createLogger("api");
const NO_BYTES = new Uint8Array(0);

/** Path parameters; one that cannot be right names nothing that exists. */
async function readParams(operation: Operation, context: { params: Promise<unknown> }): Promise<unknown> {
  if (operation.params === undefined) {
    return {};
  }

  const result = operation.params.safeParse(await context.params);
  if (!result.success) {
    throw new AppError("NOT_FOUND", "There is nothing here.");
  }
  try {
    requireStorableText(result.data);
  } catch {
    throw new AppError("NOT_FOUND", "There is nothing here.");
  }

  return result.data;
}

function readQuery(operation: Operation, request: Request): unknown {
  if (operation.query === undefined) {
    return {};
  }

  // An empty field of a form is one that was not filled in.
  const given = [...new URL(request.url).searchParams].filter(([, value]) => value !== "");
  const query = Object.fromEntries(given);
  requireStorableText(query);

  return operation.query.parse(query);
}

async function readBody(
  operation: Operation,
  request: Request,
): Promise<{ value: unknown; bytes: Uint8Array }> {
  if (operation.body === undefined) {
    return { value: undefined, bytes: NO_BYTES };
  }

  const { value, bytes } = await readJsonBody(request);

  return { value: operation.body.parse(value), bytes };
}

function isWrite(operation: Operation): boolean {
  return operation.method !== "GET" && operation.readOnly !== true;
}

/** Writes are audited whatever becomes of them; reads when they were refused. */
function isAudited(operation: Operation, error: AppError): boolean {
  return isWrite(operation) || error.status === 401 || error.status === 403;
}

async function recordFailure(
  operation: KnownOperation,
  facts: RequestFacts,
  actor: Actor | null,
  params: Record<string, string>,
  error: AppError,
): Promise<void> {
  if (!isAudited(operation, error)) {
    return;
  }

  const action = AUDIT_ACTIONS[operation.id];
  const { id, certificateId, uniqueIdentifier, userId, tokenId } = params;
  const targetId = certificateId ?? uniqueIdentifier ?? userId ?? tokenId ?? id ?? operation.path;
  if (actor === null) {
    await recordRefusal(facts, { action, target: { id: targetId }, error });
  } else {
    await recordAction(actor, {
      action,
      target: { id: targetId },
      instanceId: operation.path.startsWith("/instances/{id}") ? (id ?? null) : null,
      error,
      requestData: { method: operation.method, path: operation.path },
    });
  }
}

/** The answer as JSON, reduced to what the schema names: a field that was not meant to leave does not. */
function toJson(operation: Operation, result: unknown): unknown {
  if (operation.response === undefined) {
    return undefined;
  }

  const checked = operation.response.safeParse(result);
  if (checked.success) {
    return checked.data;
  }

  const { NODE_ENV } = env();
  logger().error(
    { operation: operation.id, issues: issuesOf(checked.error) },
    "answer does not fit its schema",
  );
  if (NODE_ENV === "production") {
    return result;
  }
  throw new Error(`The answer of ${operation.id} does not fit its schema: ${checked.error.message}`);
}

function issuesOf(error: z.ZodError): unknown {
  return error.issues.slice(0, 10).map(({ path, code }) => ({ path: path.map(String).join("."), code }));
}

function answer(status: number, body: unknown, requestId: string, replayed: boolean): Response {
  const headers = apiHeaders(requestId);
  if (replayed) {
    headers.set("idempotent-replayed", "true");
  }
  if (status === 204) {
    return new Response(null, { status, headers });
  }
  headers.set("content-type", "application/json");

  return new Response(JSON.stringify(body), { status, headers });
}

/**
 * A route handler of the API: who asks and what for (authentication, rate limit, role), what exactly (path, query and
 * body by their schemas), once only (Idempotency-Key), then the handler, then its answer by its schema. Whatever
 * fails becomes a problem document, and an audit event where it was a refusal or a write.
 */
export function route<const O extends KnownOperation>(operation: O, handler: Handler<O>): RouteHandler {
  const timed = handle(operation, handler);

  return async (request, context) => {
    const begun = performance.now();
    const response = await timed(request, context);
    observeCall(operation.id, response.status, (performance.now() - begun) / 1_000);

    return response;
  };
}

function handle<const O extends KnownOperation>(operation: O, handler: Handler<O>): RouteHandler {
  return async (request, context) => {
    const facts = requestFacts(request.headers);
    let actor: Actor | null = null;
    let rawParams: Record<string, string | string[]> = {};

    try {
      rawParams = operation.params === undefined ? {} : await context.params;
      const authenticated = await authenticate(request, facts);
      const known = authenticated.actor;
      actor = known;
      requireOwnOrigin(known, request);
      await countCall(`${known.kind}:${known.id}`);
      requireRole(known, operation.role);

      const params = await readParams(operation, context);
      const query = readQuery(operation, request);
      const { value: body, bytes } = await readBody(operation, request);
      const run = () =>
        handler({
          actor: known,
          authenticated,
          params: params as ParamsOf<O>,
          query: query as QueryOf<O>,
          body: body as BodyOf<O>,
          signal: request.signal,
        });

      const key = isWrite(operation) ? idempotencyKey(request.headers) : null;
      if (key === null) {
        const result = await run();
        if (result instanceof Response) {
          return withApiHeaders(result, facts.requestId);
        }

        return answer(operation.status, toJson(operation, result), facts.requestId, false);
      }

      const kept = await once(
        known,
        key,
        {
          method: request.method,
          path: new URL(request.url).pathname,
          bytes,
          secret: operation.secretResponse === true,
        },
        async () => ({ status: operation.status, body: toJson(operation, await run()) }),
      );

      return answer(kept.status, kept.body, facts.requestId, kept.replayed);
    } catch (thrown) {
      return refuse(operation, facts, actor, rawParams, thrown);
    }
  };
}

function withApiHeaders(response: Response, requestId: string): Response {
  for (const [name, value] of apiHeaders(requestId)) {
    response.headers.set(name, value);
  }

  return response;
}

async function refuse(
  operation: KnownOperation,
  facts: RequestFacts,
  actor: Actor | null,
  params: Record<string, string | string[]>,
  thrown: unknown,
): Promise<Response> {
  const error = publicError(thrown);
  const fields = { operation: operation.id, requestId: facts.requestId, code: error.code };
  if (error.code === "INTERNAL") {
    logger().error({ ...fields, err: thrown }, "request failed");
  } else if (error.status >= 500) {
    logger().warn({ ...fields, err: thrown }, "request failed");
  }

  if (!wasRecorded(thrown)) {
    try {
      await recordFailure(operation, facts, actor, printableParams(params), error);
    } catch (auditError) {
      // Nothing was done, so nothing is hidden: the caller gets the refusal, the operator the trouble.
      logger().error({ ...fields, err: auditError }, "refusal not written to the audit log");
    }
  }

  return problemResponse(error, facts.requestId);
}

/** Path parameters that were never checked, as they may stand in an audit event. */
function printableParams(params: Record<string, string | string[]>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [
      name,
      String(value)
        .replace(/[\p{Cc}\p{Cs}]/gu, "\uFFFD")
        .slice(0, 200),
    ]),
  );
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
type Method = (typeof METHODS)[number];

/** All methods of a path: those given, and for the others a problem document with status 405. */
export function methods(handlers: Partial<Record<Method, RouteHandler>>): Record<Method, RouteHandler> {
  const allowed = METHODS.filter((method) => handlers[method] !== undefined).join(", ");
  const refuseMethod: RouteHandler = async (request) => {
    const error = new AppError("METHOD_NOT_ALLOWED", `This path answers to ${allowed}.`);
    const response = problemResponse(error, requestFacts(request.headers).requestId);
    response.headers.set("allow", allowed);

    return response;
  };

  return {
    GET: handlers.GET ?? refuseMethod,
    POST: handlers.POST ?? refuseMethod,
    PUT: handlers.PUT ?? refuseMethod,
    PATCH: handlers.PATCH ?? refuseMethod,
    DELETE: handlers.DELETE ?? refuseMethod,
  };
}
