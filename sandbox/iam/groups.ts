import { toWireDate } from "../clock";
import type { SandboxContext } from "../context";
import type { SandboxRequest, SandboxResponse } from "../http/types";
import type { AccessGroupRecord } from "../store/model";
import type { Caller } from "./caller";
import { iamError } from "./errors";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 100;

function groupView(context: SandboxContext, group: AccessGroupRecord): Record<string, unknown> {
  return {
    id: group.id,
    name: group.name,
    description: group.description,
    account_id: group.accountId,
    created_at: toWireDate(group.createdAt),
    created_by_id: group.createdBy,
    last_modified_at: toWireDate(group.createdAt),
    last_modified_by_id: group.createdBy,
    href: `${context.baseUrl()}/v2/groups/${group.id}`,
    is_federated: false,
  };
}

/** A page by `limit` and `offset`, with links to its neighbours. */
function page<T>(
  context: SandboxContext,
  request: SandboxRequest,
  items: readonly T[],
  { name, view }: { name: string; view: (item: T) => unknown },
): SandboxResponse {
  const limit = Number(request.query.get("limit") ?? DEFAULT_LIMIT);
  const offset = Number(request.query.get("offset") ?? 0);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT || !Number.isInteger(offset) || offset < 0) {
    throw iamError(400, "invalid_query_parameter", `'limit' is 1 to ${MAX_LIMIT}, 'offset' at least 0.`);
  }
  const link = (at: number): { href: string } => {
    const query = new URLSearchParams(request.query);
    query.set("limit", String(limit));
    query.set("offset", String(at));
    return { href: `${context.baseUrl()}/${request.segments.map(encodeURIComponent).join("/")}?${query}` };
  };
  const last = Math.max(0, Math.floor((items.length - 1) / limit) * limit);

  return {
    status: 200,
    body: {
      limit,
      offset,
      total_count: items.length,
      first: link(0),
      ...(offset > 0 ? { previous: link(Math.max(0, offset - limit)) } : {}),
      ...(offset + limit < items.length ? { next: link(offset + limit) } : {}),
      last: link(last),
      [name]: items.slice(offset, offset + limit).map(view),
    },
  };
}

/**
 * `GET /v2/groups`: the access groups that the caller is in. Without rights on the access group service it sees no
 * others, whatever `iam_id` it asks for.
 */
export function listAccessGroups(
  context: SandboxContext,
  request: SandboxRequest,
  caller: Caller,
): SandboxResponse {
  const accountId = request.query.get("account_id");
  if (accountId === null) {
    throw iamError(400, "missing_parameter", "The query parameter 'account_id' is required.");
  }
  if (accountId !== caller.accountId) {
    throw iamError(403, "forbidden", "You have no access to the access groups of this account.");
  }
  const iamId = request.query.get("iam_id") ?? caller.iamId;
  const groups = context.store
    .list("access-group")
    .filter((group) => group.members.includes(caller.iamId) && group.members.includes(iamId));

  return page(context, request, groups, { name: "groups", view: (group) => groupView(context, group) });
}

function requireGroup(context: SandboxContext, id: string, caller: Caller): AccessGroupRecord {
  const group = context.store.get("access-group", id);
  if (!group?.members.includes(caller.iamId)) {
    throw iamError(404, "not_found", "Access group not found.");
  }

  return group;
}

/** `GET /v2/groups/{id}`; 404 for one that the caller is not in. */
export function getAccessGroup(context: SandboxContext, id: string, caller: Caller): SandboxResponse {
  return { status: 200, body: groupView(context, requireGroup(context, id, caller)) };
}

/** `GET /v2/groups/{id}/members`. */
export function listAccessGroupMembers(
  context: SandboxContext,
  request: SandboxRequest,
  caller: Caller,
  id: string,
): SandboxResponse {
  const group = requireGroup(context, id, caller);

  return page(context, request, group.members, {
    name: "members",
    view: (iamId) => ({
      iam_id: iamId,
      type: iamId.startsWith("iam-ServiceId-") ? "service" : "user",
      membership_type: "static",
      href: `${context.baseUrl()}/v2/groups/${group.id}/members/${iamId}`,
      created_at: toWireDate(group.createdAt),
      created_by_id: group.createdBy,
    }),
  });
}

/** `HEAD /v2/groups/{id}/members/{iamId}`: 204 for a member, 404 otherwise. */
export function isMemberOfAccessGroup(
  context: SandboxContext,
  id: string,
  iamId: string,
  caller: Caller,
): SandboxResponse {
  if (!requireGroup(context, id, caller).members.includes(iamId)) {
    throw iamError(404, "not_found", "Not a member of the access group.");
  }

  return { status: 204 };
}
