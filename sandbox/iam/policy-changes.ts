import { randomUUID } from "node:crypto";

import { z } from "zod";

import { toStoredDate } from "../clock";
import type { SandboxContext } from "../context";
import type { SandboxRequest, SandboxResponse } from "../http/types";
import type { PolicyRecord, ResourceInstanceRecord } from "../store/model";
import { put, remove } from "../store/store";
import { attributeMatches, coversTarget, hasPlatformRole } from "./authorization";
import type { Caller } from "./caller";
import { iamError } from "./errors";

const attribute = z.object({
  key: z.string().min(1),
  operator: z.enum(["stringEquals", "stringExists", "stringMatch", "stringEqualsAnyOf", "stringMatchAnyOf"]),
  value: z.union([z.string(), z.boolean(), z.array(z.string())]),
});

const newPolicy = z.object({
  type: z.enum(["access", "authorization"]),
  description: z.string().max(300).default(""),
  subject: z.object({ attributes: z.array(attribute).min(1) }),
  control: z.object({
    grant: z.object({ roles: z.array(z.object({ role_id: z.string().min(1) })).min(1) }),
  }),
  resource: z.object({ attributes: z.array(attribute).min(1) }),
});

/** The instances that a policy is about. */
function targetsOf(context: SandboxContext, policy: PolicyRecord): ResourceInstanceRecord[] {
  return context.store.list("resource-instance").filter((instance) => coversTarget(policy, { instance }));
}

/** Policies are made and removed by who has the platform role Administrator on all that they are about. */
function requireAdministrator(context: SandboxContext, caller: Caller, policy: PolicyRecord): void {
  const targets = targetsOf(context, policy);
  const isAdministrator = targets.every((instance) =>
    hasPlatformRole(context.store, caller, instance, "Administrator"),
  );
  if (targets.length === 0 || !isAdministrator) {
    throw iamError(
      403,
      "insufficient_permissions",
      "You are not allowed to change policies for this target.",
    );
  }
}

function hasAccount(attributes: PolicyRecord["resource"], accountId: string): boolean {
  return attributes.some((entry) => entry.key === "accountId" && attributeMatches(entry, accountId));
}

/** `POST /v2/policies`: an access policy of an identity, or an authorization between services. */
export function createPolicy(
  context: SandboxContext,
  request: SandboxRequest,
  caller: Caller,
  view: (context: SandboxContext, policy: PolicyRecord) => Record<string, unknown>,
): SandboxResponse {
  let body: unknown;
  try {
    body = JSON.parse(request.body.toString("utf8"));
  } catch {
    throw iamError(400, "invalid_body", "The body is not valid JSON.");
  }
  const parsed = newPolicy.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw iamError(400, "invalid_body", `The policy is not valid at '${issue?.path.join(".")}'.`);
  }
  const { type, description, subject, control, resource } = parsed.data;
  // Both sides of an authorization name the account (IAM Policy Management API).
  const sides = type === "authorization" ? [subject.attributes, resource.attributes] : [resource.attributes];
  if (!sides.every((attributes) => hasAccount(attributes, caller.accountId))) {
    throw iamError(400, "invalid_body", "The attribute 'accountId' of your account is required.");
  }
  const now = toStoredDate(context.clock.now());
  const policy: PolicyRecord = {
    id: randomUUID(),
    type,
    description,
    accountId: caller.accountId,
    subject: subject.attributes,
    roles: control.grant.roles.map(({ role_id }) => role_id),
    resource: resource.attributes,
    state: "active",
    createdAt: now,
    createdBy: caller.iamId,
    modifiedAt: now,
  };
  requireAdministrator(context, caller, policy);
  context.store.commit(put("policy", policy.id, policy));

  return { status: 201, body: view(context, policy) };
}

/** `DELETE /v2/policies/{id}`. */
export function deletePolicy(context: SandboxContext, id: string, caller: Caller): SandboxResponse {
  const policy = context.store.get("policy", id);
  if (policy?.accountId !== caller.accountId) {
    throw iamError(404, "policy_not_found", `Policy with id ${id} not found.`);
  }
  requireAdministrator(context, caller, policy);
  context.store.commit(remove("policy", id));

  return { status: 204 };
}
