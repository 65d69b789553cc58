import { OpenAPIRegistry, OpenApiGeneratorV31, type RouteConfig } from "@asteasolutions/zod-to-openapi";
import { ERROR_CODES } from "@/lib/core/errors";
import { env } from "@/lib/env";
import { VERSION } from "@/lib/version";
import { problem } from "./contract/common";
import { API_ROOT, isWrite, type Operation } from "./contract/operation";
import * as operations from "./operations";

const JSON_TYPE = "application/json";
const PROBLEM = {
  content: { "application/problem+json": { schema: problem } },
};

const ROLE_SENTENCES = {
  viewer: "Any role.",
  auditor: "Role auditor or administrator.",
  operator: "Role operator or administrator.",
  administrator: "Role administrator.",
} as const;

function successOf(operation: Operation): RouteConfig["responses"][string] {
  const description = operation.status === 204 ? "Done; no content" : operation.summary;
  if (operation.streams !== undefined) {
    return {
      description,
      content: Object.fromEntries(operation.streams.map((type) => [type, { schema: { type: "string" } }])),
    };
  }

  return operation.response === undefined
    ? { description }
    : { description, content: { [JSON_TYPE]: { schema: operation.response } } };
}

/** Failures that a call can have by its nature; each code of `Problem.code` has one status. */
function problemsOf(operation: Operation): RouteConfig["responses"] {
  const named: Record<number, string> = {
    401: "Not signed in, or the API token is not valid",
    403: "The role is too small, or a write came from another origin",
    429: "Too many requests; Retry-After says when to try again",
    503: "Database, audit log or key manager out of reach; nothing was done",
  };
  if (operation.query !== undefined || operation.body !== undefined) {
    named[400] = "Values do not fit";
  }
  if (operation.params !== undefined) {
    named[404] = "Unknown, or of another account";
  }
  if (isWrite(operation)) {
    named[409] = "In conflict with what is there";
  }
  if (operation.body !== undefined) {
    named[413] = "The body is too large";
    named[415] = "The body is not JSON";
    named[422] = "Understood, but refused; `code` says why";
  }

  return Object.fromEntries(
    Object.entries(named).map(([status, description]) => [status, { description, ...PROBLEM }]),
  );
}

const IDEMPOTENCY_KEY = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description:
    "Makes it safe to repeat the request: for a day, the same key and request are carried out once.",
  schema: { type: "string", maxLength: 200 },
} as const;

function routeConfig(operation: Operation): RouteConfig {
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    description: ROLE_SENTENCES[operation.role],
    method: operation.method.toLowerCase() as RouteConfig["method"],
    path: operation.path,
    security: [{ token: [] }, { session: [] }],
    request: {
      ...(operation.params === undefined ? {} : { params: operation.params }),
      ...(operation.query === undefined ? {} : { query: operation.query }),
      ...(operation.body === undefined
        ? {}
        : { body: { required: true, content: { [JSON_TYPE]: { schema: operation.body } } } }),
    },
    ...(isWrite(operation) ? { parameters: [IDEMPOTENCY_KEY] } : {}),
    responses: { [operation.status]: successOf(operation), ...problemsOf(operation) },
  } as RouteConfig;
}

let cached: object | undefined;

/** The OpenAPI 3.1 document of the API, made from the table of operations and the schemas that validate. */
export function openApiDocument(): object {
  cached ??= generate();

  return cached;
}

/** The document as it is served. */
export async function openApiResponse(): Promise<Response> {
  return Response.json(openApiDocument(), { headers: { "cache-control": "no-cache" } });
}

function generate(): object {
  const registry = new OpenAPIRegistry();
  registry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
    description: "An API token of the account",
  });
  registry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: "session",
    description: "The console's session cookie; its name depends on the deployment's address",
  });
  for (const operation of Object.values(operations)) {
    registry.registerPath(routeConfig(operation));
  }

  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: "3.1.0",
    info: {
      title: "KMIP Console",
      version: VERSION,
      description: `Errors are RFC 9457 problem documents. Their codes: ${Object.keys(ERROR_CODES).join(", ")}.`,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: `${env().publicUrl}${API_ROOT}` }],
  });
}
