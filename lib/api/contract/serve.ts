import { type Authenticated, authenticate, isStillAllowed, requestFacts, requireOwnOrigin } from "@/lib/auth";
import { countCall, countOpenCall } from "@/lib/auth/rate-limits";
import { readSession, sessionCookie } from "@/lib/auth/session";
import { requireRole } from "@/lib/core/actor";
import { AppError } from "@/lib/core/errors";
import { handlerOf, type KnownOperation } from "../handlers";
import { idempotencyKey, once } from "../idempotency";
import { observeCall } from "../metrics";
import * as operations from "../operations";
import { apiHeaders, problemResponse } from "../problem";
import { hasNoBody, readJsonBody } from "../read-body";
import { parseParams, parseQuery, toJson } from "./handler";
import { isWrite, type Operation } from "./operation";
import { type FailedCall, refuse } from "./refusal";

const OPERATIONS: Record<keyof typeof operations, KnownOperation> = operations;

/** As Next calls it; a catch-all segment is a list. */
export type RouteHandler = (
  request: Request,
  context: { params: Promise<Record<string, string | string[]>> },
) => Promise<Response>;

type Asked = FailedCall & { readonly operation: KnownOperation };
type Answer = { readonly status: number; readonly body: unknown; readonly replayed: boolean };

const NO_BYTES = new Uint8Array(0);

async function readBody(
  operation: Operation,
  request: Request,
): Promise<{ value: unknown; bytes: Uint8Array }> {
  if (operation.body === undefined) {
    return { value: undefined, bytes: NO_BYTES };
  }

  if (hasNoBody(request.headers)) {
    const nothing = operation.body.safeParse({});
    // Where nothing has to be said, nothing has to be sent.
    if (nothing.success) {
      return { value: nothing.data, bytes: NO_BYTES };
    }
  }

  const { value, bytes } = await readJsonBody(request);

  return { value: operation.body.parse(value), bytes };
}

/** Headers of the API on an answer that a handler made. */
function withApiHeaders(response: Response, requestId: string): Response {
  for (const [name, value] of apiHeaders(requestId)) {
    response.headers.set(name, value);
  }

  return response;
}

function jsonResponse({ status, body, replayed }: Answer, requestId: string): Response {
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

/** What somebody asks who may: parsed, then carried out, once only where there is an Idempotency-Key. */
async function carryOut(
  { operation, facts, params }: Asked,
  authenticated: Authenticated,
  request: Request,
): Promise<Response> {
  const { actor } = authenticated;
  const { pathname, search, searchParams } = new URL(request.url);
  const { status, secretResponse: secrets = [] } = operation;
  const handler = handlerOf(operation);
  const parsed = { params: parseParams(operation, params), query: parseQuery(operation, searchParams) };
  const { value: body, bytes } = await readBody(operation, request);
  const run = async () =>
    handler({
      actor,
      authenticated,
      ...parsed,
      body,
      signal: request.signal,
      stillAllowed: () => isStillAllowed(authenticated, request),
    });

  const key = isWrite(operation) ? idempotencyKey(request.headers) : null;
  if (key === null) {
    const result = await run();

    return result instanceof Response
      ? withApiHeaders(result, facts.requestId)
      : jsonResponse({ status, body: toJson(operation, result), replayed: false }, facts.requestId);
  }

  const kept = await once(
    actor,
    key,
    { method: request.method, path: `${pathname}${search}`, bytes, secrets },
    async () => ({ status, body: toJson(operation, await run()) }),
  );

  return jsonResponse(kept, facts.requestId);
}

/** What anybody may ask. It takes no Idempotency-Key: who repeats it is not known to be the same. */
async function carryOutOpen({ operation, facts, params }: Asked, request: Request): Promise<Response> {
  await countOpenCall(facts.remoteAddress);

  const session = await readSession(sessionCookie(request.headers.get("cookie")));
  if (session !== null) {
    requireOwnOrigin({ kind: "user" }, request);
  }

  const { value: body } = await readBody(operation, request);
  const result = await handlerOf(operation)({
    facts,
    session,
    params: parseParams(operation, params),
    query: parseQuery(operation, new URL(request.url).searchParams),
    body,
    signal: request.signal,
  });

  return jsonResponse(
    { status: operation.status, body: toJson(operation, result), replayed: false },
    facts.requestId,
  );
}

/** @throws AppError PASSWORD_CHANGE_REQUIRED when somebody else knows the password that the caller signed in with */
function requireOwnPassword({ session }: Authenticated, operation: Operation): void {
  if (session?.passwordGiven && operation.beforePasswordChange !== true) {
    throw new AppError("PASSWORD_CHANGE_REQUIRED", "Choose a password of your own first: POST /me/password.");
  }
}

/**
 * Answers a call: who asks and what for (authentication, rate limit, role), what exactly (path, query and body by
 * their schemas), then the handler, then its answer by its schema. Whatever fails becomes a problem document, and an
 * audit event where it was a refusal or a write.
 */
function route(operation: KnownOperation): RouteHandler {
  const answer: RouteHandler = async (request, context) => {
    let call: Asked = { operation, facts: requestFacts(request.headers), actor: null, params: {} };

    try {
      call = { ...call, params: operation.params === undefined ? {} : await context.params };
      if (operation.open) {
        return await carryOutOpen(call, request);
      }

      const authenticated = await authenticate(request, call.facts);
      const { actor } = authenticated;
      call = { ...call, actor };
      requireOwnOrigin(actor, request);
      await countCall(`${actor.kind}:${actor.id}`);
      requireOwnPassword(authenticated, operation);
      requireRole(actor, operation.role);

      return await carryOut(call, authenticated, request);
    } catch (thrown) {
      return refuse(call, thrown);
    }
  };

  return async (request, context) => {
    const begun = performance.now();
    const response = await answer(request, context);
    observeCall(operation.id, response.status, (performance.now() - begun) / 1_000);

    return response;
  };
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
type Routes = Record<(typeof METHODS)[number], RouteHandler>;

/** All methods of a path: those given, and for the others a problem document with status 405. */
export function methods(handlers: Partial<Routes>): Routes {
  const allowed = METHODS.filter((method) => handlers[method] !== undefined).join(", ");
  const refuseMethod: RouteHandler = async (request) => {
    const error = new AppError("METHOD_NOT_ALLOWED", `This path answers to ${allowed}.`);
    const response = problemResponse(error, requestFacts(request.headers).requestId);
    response.headers.set("allow", allowed);

    return response;
  };
  const { GET = refuseMethod, POST = refuseMethod, PUT = refuseMethod } = handlers;
  const { PATCH = refuseMethod, DELETE = refuseMethod } = handlers;

  return { GET, POST, PUT, PATCH, DELETE };
}

/** All methods of a path of the API, from the tables of operations and handlers. */
export function serve(path: (typeof operations)[keyof typeof operations]["path"]): Routes {
  const offered = Object.values(OPERATIONS).filter((operation) => operation.path === path);

  return methods(Object.fromEntries(offered.map((operation) => [operation.method, route(operation)])));
}

const unknownPath: RouteHandler = async (request) =>
  problemResponse(
    new AppError("NOT_FOUND", "The API has no such path. See /api/v1/openapi.json."),
    requestFacts(request.headers).requestId,
  );

/** All methods of every path that the API has not. */
export function serveUnknown(): Routes {
  return methods(Object.fromEntries(METHODS.map((method) => [method, unknownPath])));
}
