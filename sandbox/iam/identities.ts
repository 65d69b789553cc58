import { createHash } from "node:crypto";

import { toWireDate } from "../clock";
import type { SandboxContext } from "../context";
import { headerOf, type SandboxRequest, type SandboxResponse } from "../http/types";
import type { ApiKeyRecord, ServiceIdRecord } from "../store/model";
import { hashApiKey } from "../store/vault";
import type { Caller } from "./caller";
import { iamError } from "./errors";

const DEFAULT_PAGE = 20;
const MAX_PAGE = 100;

/** A version mark that changes with the record, as `entity_tag` does. */
function entityTag(record: ApiKeyRecord | ServiceIdRecord): string {
  return `1-${createHash("md5").update(JSON.stringify(record)).digest("hex")}`;
}

/** Date form of the identity API: `2026-01-02T03:04+0000`. */
function identityDate(stored: string): string {
  return toWireDate(stored).replace(/:\d\dZ$/, "+0000");
}

function crn(accountId: string, type: "apikey" | "serviceid", id: string): string {
  return `crn:v1:bluemix:public:iam-identity::a/${accountId}::${type}:${id}`;
}

/** An API key as the identity API shows it. Its value is never shown again after it was made. */
function apiKeyView(apiKey: ApiKeyRecord): Record<string, unknown> {
  return {
    id: apiKey.id,
    entity_tag: entityTag(apiKey),
    crn: crn(apiKey.accountId, "apikey", apiKey.id),
    locked: apiKey.locked,
    disabled: apiKey.disabled,
    created_at: identityDate(apiKey.createdAt),
    created_by: apiKey.iamId,
    modified_at: identityDate(apiKey.createdAt),
    name: apiKey.name,
    description: apiKey.description,
    ...(apiKey.expiresAt === undefined ? {} : { expires_at: identityDate(apiKey.expiresAt) }),
    iam_id: apiKey.iamId,
    account_id: apiKey.accountId,
    apikey: "",
  };
}

function serviceIdView(serviceId: ServiceIdRecord): Record<string, unknown> {
  return {
    id: serviceId.id,
    iam_id: serviceId.iamId,
    entity_tag: entityTag(serviceId),
    crn: crn(serviceId.accountId, "serviceid", serviceId.id),
    locked: false,
    created_at: identityDate(serviceId.createdAt),
    modified_at: identityDate(serviceId.createdAt),
    account_id: serviceId.accountId,
    name: serviceId.name,
    description: serviceId.description,
    unique_instance_crns: [],
  };
}

function requireOwnAccount(request: SandboxRequest, caller: Caller): void {
  const accountId = request.query.get("account_id");
  if (accountId !== null && accountId !== caller.accountId) {
    throw iamError(403, "insufficient_permissions", "You have no access to this account.");
  }
}

interface Page<T> {
  items: T[];
  offset: number;
  limit: number;
  first: string;
  next: string | undefined;
  previous: string | undefined;
}

/** A page by `pagesize` and `pagetoken`; the token is the offset, which clients take as it comes. */
function pageOf<T>(context: SandboxContext, request: SandboxRequest, items: readonly T[]): Page<T> {
  const limit = Number(request.query.get("pagesize") ?? DEFAULT_PAGE);
  const offset = Number(request.query.get("pagetoken") ?? 0);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    throw iamError(400, "invalid_parameter", `'pagesize' must be a number from 1 to ${MAX_PAGE}.`);
  }
  if (!Number.isInteger(offset) || offset < 0) {
    throw iamError(400, "invalid_parameter", "'pagetoken' is not a token of this list.");
  }
  const link = (start: number): string => {
    const query = new URLSearchParams(request.query);
    query.set("pagetoken", String(start));
    return `${context.baseUrl()}/${request.segments.join("/")}?${query}`;
  };

  return {
    items: items.slice(offset, offset + limit),
    offset,
    limit,
    first: link(0),
    next: offset + limit < items.length ? link(offset + limit) : undefined,
    previous: offset > 0 ? link(Math.max(0, offset - limit)) : undefined,
  };
}

function pageBody<T>(page: Page<T>, name: string, view: (item: T) => unknown): SandboxResponse {
  return {
    status: 200,
    body: {
      offset: page.offset,
      limit: page.limit,
      first: page.first,
      ...(page.previous === undefined ? {} : { previous: page.previous }),
      ...(page.next === undefined ? {} : { next: page.next }),
      [name]: page.items.map(view),
    },
  };
}

/** `GET /v1/apikeys/details`: whose API key the header `IAM-ApiKey` holds. 404 for one of another account. */
export function getApiKeyDetails(
  context: SandboxContext,
  request: SandboxRequest,
  caller: Caller,
): SandboxResponse {
  const value = headerOf(request, "iam-apikey");
  if (value === undefined) {
    throw iamError(400, "missing_parameter", "The header 'IAM-ApiKey' is missing.");
  }
  const apiKey = context.store.apiKeyByHash(hashApiKey(value));
  if (apiKey?.accountId !== caller.accountId) {
    throw iamError(404, "not_found", "API key not found.");
  }

  return { status: 200, body: apiKeyView(apiKey) };
}

/**
 * `GET /v1/apikeys`: the API keys of an identity; without `iam_id`, the caller's. A service ID without rights on
 * the identity service sees its own only.
 */
export function listApiKeys(
  context: SandboxContext,
  request: SandboxRequest,
  caller: Caller,
): SandboxResponse {
  requireOwnAccount(request, caller);
  const iamId = request.query.get("iam_id") ?? caller.iamId;
  const visible = context.store
    .list("api-key")
    .filter((apiKey) => apiKey.iamId === iamId && apiKey.iamId === caller.iamId);

  return pageBody(pageOf(context, request, visible), "apikeys", apiKeyView);
}

/** `GET /v1/apikeys/{id}`; 404 for any but the caller's own. */
export function getApiKey(context: SandboxContext, id: string, caller: Caller): SandboxResponse {
  const apiKey = context.store.get("api-key", id);
  if (apiKey?.iamId !== caller.iamId) {
    throw iamError(404, "not_found", "API key not found.");
  }

  return { status: 200, body: apiKeyView(apiKey) };
}

/** `GET /v1/serviceids`: a service ID without rights on the identity service sees itself only. */
export function listServiceIds(
  context: SandboxContext,
  request: SandboxRequest,
  caller: Caller,
): SandboxResponse {
  requireOwnAccount(request, caller);
  const name = request.query.get("name");
  const visible = context.store
    .list("service-id")
    .filter((serviceId) => serviceId.iamId === caller.iamId && (name === null || serviceId.name === name));

  return pageBody(pageOf(context, request, visible), "serviceids", serviceIdView);
}

/** `GET /v1/serviceids/{id}`; 404 for any but the caller's own. */
export function getServiceId(context: SandboxContext, id: string, caller: Caller): SandboxResponse {
  const serviceId = context.store.get("service-id", id);
  if (serviceId?.iamId !== caller.iamId) {
    throw iamError(404, "not_found", "Service ID not found.");
  }

  return { status: 200, body: serviceIdView(serviceId) };
}
