import { toWireDate } from "../clock";
import type { SandboxContext } from "../context";
import type { SandboxRequest, SandboxResponse } from "../http/types";
import type { CustomRoleRecord, PolicyRecord } from "../store/model";
import { coversTarget, groupsOf, isForCaller, mayViewInstance } from "./authorization";
import type { Caller } from "./caller";
import { iamError } from "./errors";
import {
  customRoleCrn,
  type KmsAction,
  kmsActions,
  type PlatformRole,
  platformRoleCrn,
  platformRoles,
  RETRIEVE_INSTANCE,
  type ServiceName,
  type ServiceRole,
  serviceRoleCrn,
  serviceRoles,
} from "./roles";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 100;
/** What the first version of the API shows in the place of every role of a policy made with the second. */
const UNSUPPORTED_VERSION = "crn:v1:bluemix:public:iam::::role:UnsupportedVersion";

/**
 * Which policies a caller may read: those about itself and its access groups, and the authorizations between services whose target is
 * an instance that it sees.
 */
function isReadable(context: SandboxContext, caller: Caller, policy: PolicyRecord): boolean {
  if (policy.accountId !== caller.accountId || policy.state !== "active") {
    return false;
  }
  if (isForCaller(policy, caller, groupsOf(context.store, caller.iamId))) {
    return true;
  }
  if (policy.type === "access") {
    return false;
  }

  return context.store
    .list("resource-instance")
    .some(
      (instance) => coversTarget(policy, { instance }) && mayViewInstance(context.store, caller, instance),
    );
}

function attributeValue(policy: PolicyRecord, side: "subject" | "resource", key: string): unknown {
  return policy[side].find((attribute) => attribute.key === key)?.value;
}

function readablePolicies(context: SandboxContext, request: SandboxRequest, caller: Caller): PolicyRecord[] {
  const { query } = request;
  const accountId = query.get("account_id");
  if (accountId === null) {
    throw iamError(400, "invalid_query_parameter", "The query parameter 'account_id' is required.");
  }
  if (accountId !== caller.accountId) {
    throw iamError(403, "insufficient_permissions", "You have no access to the policies of this account.");
  }
  const wants = (name: string, actual: unknown): boolean => !query.has(name) || query.get(name) === actual;

  return context.store
    .list("policy")
    .filter(
      (policy) =>
        isReadable(context, caller, policy) &&
        wants("iam_id", attributeValue(policy, "subject", "iam_id")) &&
        wants("access_group_id", attributeValue(policy, "subject", "access_group_id")) &&
        wants("type", policy.type) &&
        wants("service_type", attributeValue(policy, "resource", "serviceType")) &&
        wants("service_name", attributeValue(policy, "resource", "serviceName")) &&
        wants("state", policy.state),
    );
}

/** A policy in the form of API version 2. */
export function policyView(context: SandboxContext, policy: PolicyRecord): Record<string, unknown> {
  return {
    id: policy.id,
    type: policy.type,
    description: policy.description,
    subject: { attributes: policy.subject },
    control: { grant: { roles: policy.roles.map((role_id) => ({ role_id })) } },
    resource: { attributes: policy.resource },
    href: `${context.baseUrl()}/v2/policies/${policy.id}`,
    state: policy.state,
    created_at: toWireDate(policy.createdAt),
    created_by_id: policy.createdBy,
    last_modified_at: toWireDate(policy.modifiedAt),
    last_modified_by_id: policy.createdBy,
  };
}

/** A policy of version 2 as version 1 shows it: that it is there, and not what it grants. */
function placeholderView(context: SandboxContext, policy: PolicyRecord): Record<string, unknown> {
  return {
    id: policy.id,
    type: policy.type,
    description: policy.description,
    subjects: [{ attributes: policy.subject.map(({ key, value }) => ({ name: key, value: String(value) })) }],
    roles: [{ role_id: UNSUPPORTED_VERSION, display_name: "Unsupported Version" }],
    resources: [
      { attributes: policy.resource.map(({ key, value }) => ({ name: key, value: String(value) })) },
    ],
    href: `${context.baseUrl()}/v1/policies/${policy.id}`,
    state: policy.state,
    created_at: toWireDate(policy.createdAt),
    created_by_id: policy.createdBy,
    last_modified_at: toWireDate(policy.modifiedAt),
    last_modified_by_id: policy.createdBy,
  };
}

function listPage(
  context: SandboxContext,
  request: SandboxRequest,
  caller: Caller,
  view: (context: SandboxContext, policy: PolicyRecord) => unknown,
): SandboxResponse {
  const found = readablePolicies(context, request, caller);
  const limit = Number(request.query.get("limit") ?? DEFAULT_LIMIT);
  const start = Number(request.query.get("start") ?? 0);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw iamError(400, "invalid_query_parameter", `'limit' must be a number from 1 to ${MAX_LIMIT}.`);
  }
  if (!Number.isInteger(start) || start < 0) {
    throw iamError(400, "invalid_query_parameter", "'start' is not a token of this list.");
  }
  const link = (at: number): { href: string; start?: string } => {
    const query = new URLSearchParams(request.query);
    query.delete("start");
    if (at > 0) {
      query.set("start", String(at));
    }
    const href = `${context.baseUrl()}/${request.segments.join("/")}?${query}`;
    return at > 0 ? { href, start: String(at) } : { href };
  };

  return {
    status: 200,
    body: {
      limit,
      first: link(0),
      ...(start + limit < found.length ? { next: link(start + limit) } : {}),
      ...(start > 0 ? { previous: link(Math.max(0, start - limit)) } : {}),
      policies: found.slice(start, start + limit).map((policy) => view(context, policy)),
    },
  };
}

/** `GET /v2/policies`. Only what the caller may read; an empty list is no proof that there are no policies. */
export function listPolicies(
  context: SandboxContext,
  request: SandboxRequest,
  caller: Caller,
): SandboxResponse {
  return listPage(context, request, caller, policyView);
}

/** `GET /v1/policies`: placeholders, since every policy of the sandbox is one of version 2. */
export function listPolicyPlaceholders(
  context: SandboxContext,
  request: SandboxRequest,
  caller: Caller,
): SandboxResponse {
  return listPage(context, request, caller, placeholderView);
}

/** `GET /v2/policies/{id}`. */
export function getPolicy(context: SandboxContext, id: string, caller: Caller): SandboxResponse {
  const policy = context.store.get("policy", id);
  if (!policy || !isReadable(context, caller, policy)) {
    throw iamError(404, "policy_not_found", `Policy with id ${id} not found.`);
  }

  return { status: 200, body: policyView(context, policy) };
}

/** `GET /v1/policies/{id}`: a placeholder, as in the list. */
export function getPolicyPlaceholder(context: SandboxContext, id: string, caller: Caller): SandboxResponse {
  const policy = context.store.get("policy", id);
  if (!policy || !isReadable(context, caller, policy)) {
    throw iamError(404, "policy_not_found", `Policy with id ${id} not found.`);
  }

  return { status: 200, body: placeholderView(context, policy) };
}

const platformActions: Record<PlatformRole, readonly string[]> = {
  Viewer: [RETRIEVE_INSTANCE],
  Operator: [RETRIEVE_INSTANCE],
  Editor: [RETRIEVE_INSTANCE, "resource-controller.instance.create", "resource-controller.instance.delete"],
  Administrator: [
    RETRIEVE_INSTANCE,
    "resource-controller.instance.create",
    "resource-controller.instance.delete",
    "iam.policy.create",
    "iam.policy.delete",
  ],
};

function serviceActions(role: ServiceRole, service: ServiceName): string[] {
  return (Object.keys(kmsActions) as KmsAction[])
    .filter((action) => (kmsActions[action] as readonly ServiceRole[]).includes(role))
    .map((action) => `${service}.${action}`);
}

function customRoleView(context: SandboxContext, role: CustomRoleRecord): Record<string, unknown> {
  return {
    id: role.id,
    name: role.name,
    display_name: role.displayName,
    description: "",
    crn: customRoleCrn(role),
    account_id: role.accountId,
    service_name: role.serviceName,
    actions: role.actions,
    created_at: toWireDate(role.createdAt),
    created_by_id: role.createdBy,
    last_modified_at: toWireDate(role.createdAt),
    last_modified_by_id: role.createdBy,
    href: `${context.baseUrl()}/v2/roles/${role.id}`,
  };
}

/** `GET /v2/roles?service_name=kms|hs-crypto`; without a service, the platform roles only. */
export function listRoles(context: SandboxContext, request: SandboxRequest, caller: Caller): SandboxResponse {
  const name = request.query.get("service_name");
  const accountId = request.query.get("account_id");
  const service = name === "kms" || name === "hs-crypto" ? name : undefined;
  const hasRole = (role: ServiceRole): boolean =>
    role === "VMwareKMIPManager"
      ? service === "hs-crypto"
      : role !== "KmipAdapterManager" || service === "kms";

  return {
    status: 200,
    body: {
      custom_roles: context.store
        .list("custom-role")
        .filter(
          (role) =>
            role.accountId === caller.accountId && role.accountId === accountId && role.serviceName === name,
        )
        .map((role) => customRoleView(context, role)),
      service_roles: service
        ? serviceRoles.filter(hasRole).map((role) => ({
            crn: serviceRoleCrn(role, service),
            display_name: role === "VMwareKMIPManager" ? "VMware KMIP Manager" : role,
            actions: serviceActions(role, service),
          }))
        : [],
      system_roles: platformRoles.map((role) => ({
        crn: platformRoleCrn(role),
        display_name: role,
        actions: platformActions[role],
      })),
    },
  };
}

/** `GET /v2/roles/{id}`: a custom role. */
export function getRole(context: SandboxContext, id: string, caller: Caller): SandboxResponse {
  const role = context.store.get("custom-role", id);
  if (role?.accountId !== caller.accountId) {
    throw iamError(404, "role_not_found", `Role with id ${id} not found.`);
  }

  return { status: 200, body: customRoleView(context, role) };
}
