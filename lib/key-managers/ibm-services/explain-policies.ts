import { IbmCloudError } from "@/lib/ibm-cloud/errors";
import type { IamClient, IamToken } from "@/lib/ibm-cloud/iam";
import type { PolicyV2 } from "@/lib/ibm-cloud/iam-schemas";
import { type CallOptions, DEFAULT_TIMEOUT_MS } from "@/lib/resilience/deadline";
import type { Params } from "../checks/run-checks";

/** What the readable policies say about a missing role, by a code of `findings.why` of the messages. */
export type PolicyExplanation = {
  readonly code:
    | "ROLE_ON_OTHER_INSTANCE"
    | "ROLE_NARROWED"
    | "ROLE_CONDITIONAL"
    | "ROLE_MISSING"
    | "CUSTOM_ROLE_ONLY"
    | "OTHER_ROLE_ONLY";
  /** `role` is the missing one. */
  readonly params: Params;
};

export type PolicyTarget = {
  /** `kms` or `hs-crypto`. */
  readonly service: string;
  readonly guid: string;
  readonly region: string;
  readonly accountId: string;
  readonly resourceGroupId: string | null;
};

/** Attributes that narrow a grant to a part of an instance. */
const NARROWING = new Set(["keyRing", "resource", "resourceType"]);

/**
 * Why a role is missing, as far as the policies tell that the API key's owner may read. It explains a failed check and
 * proves nothing: policies of others are not shown, and an empty list is the normal answer for a service ID.
 * @param missing.role display name in role CRNs: Viewer, Manager …
 * @returns null when the policies say nothing
 */
export async function explainMissingRole(
  iam: IamClient,
  token: IamToken,
  missing: { readonly target: PolicyTarget; readonly role: string },
  call: CallOptions,
): Promise<PolicyExplanation | null> {
  try {
    const limited = { ...call, timeoutMs: Math.min(call.timeoutMs ?? DEFAULT_TIMEOUT_MS, 3_000) };
    const [own, groups] = await Promise.all([
      iam.listPolicies(token, { iamId: token.identity.iamId }, limited),
      iam.listAccessGroups(token, limited),
    ]);
    const ofGroups = await Promise.all(
      groups.slice(0, 20).map((group) => iam.listPolicies(token, { accessGroupId: group.id }, limited)),
    );

    return explain([...own, ...ofGroups.flat()], missing.target, missing.role);
  } catch (error) {
    // An explanation is a courtesy: without the right to read policies the check says what it knows.
    if (error instanceof IbmCloudError) {
      return null;
    }

    throw error;
  }
}

/** The pure part of explainMissingRole. */
export function explain(
  policies: readonly PolicyV2[],
  target: PolicyTarget,
  role: string,
): PolicyExplanation | null {
  const active = policies.filter(
    (policy) => policy.type === "access" && policy.state === "active" && isAboutService(policy, target),
  );

  if (active.length === 0) {
    return null;
  }

  const withRole = active.filter((policy) =>
    policy.control.grant.roles.some(({ role_id }) => role_id.split(":").at(-1) === role),
  );

  if (withRole.length === 0) {
    const here = active.filter((policy) => coversInstance(policy, target));
    const names = [...new Set((here.length > 0 ? here : active).flatMap(roleNames))].sort();
    const custom = [...new Set(here.flatMap(customRoleNames))].sort();

    if (custom.length > 0) {
      return { code: "CUSTOM_ROLE_ONLY", params: { role, roles: custom.join(", ") } };
    }

    return here.length > 0
      ? { code: "OTHER_ROLE_ONLY", params: { role, roles: names.join(", ") } }
      : { code: "ROLE_MISSING", params: { role } };
  }

  const here = withRole.filter((policy) => coversInstance(policy, target));

  if (here.length === 0) {
    const elsewhere = withRole
      .map((policy) => attributeText(policy, "serviceInstance"))
      .find((value) => value !== null);

    return {
      code: "ROLE_ON_OTHER_INSTANCE",
      params: { role, ...(elsewhere ? { otherInstance: elsewhere } : {}) },
    };
  }

  if (here.every((policy) => policy.rule !== undefined)) {
    return { code: "ROLE_CONDITIONAL", params: { role } };
  }

  const narrowed = here.find((policy) => attributesOf(policy).some(({ key }) => NARROWING.has(key)));

  if (narrowed) {
    const ring = attributeText(narrowed, "keyRing");

    return { code: "ROLE_NARROWED", params: { role, ...(ring ? { onlyKeyRing: ring } : {}) } };
  }

  return null;
}

function attributesOf(policy: PolicyV2) {
  return policy.resource?.attributes ?? [];
}

function roleNames(policy: PolicyV2): string[] {
  return policy.control.grant.roles.map(({ role_id }) => role_id.split(":").at(-1) ?? role_id);
}

/** Roles that an account made itself have CRNs of their own (`…:customRole:NAME`). */
function customRoleNames(policy: PolicyV2): string[] {
  return policy.control.grant.roles
    .map(({ role_id }) => role_id.split(":"))
    .filter((segments) => segments.at(-2) === "customRole")
    .map((segments) => segments.at(-1) ?? "");
}

function attributeText(policy: PolicyV2, key: string): string | null {
  const value = attributesOf(policy).find((attribute) => attribute.key === key)?.value;

  return typeof value === "string" ? value : Array.isArray(value) ? value.join(", ") : null;
}

function isAboutService(policy: PolicyV2, target: PolicyTarget): boolean {
  return holds(policy, "serviceName", target.service) && holds(policy, "serviceType", "service");
}

function coversInstance(policy: PolicyV2, target: PolicyTarget): boolean {
  return (
    holds(policy, "accountId", target.accountId) &&
    holds(policy, "serviceInstance", target.guid) &&
    holds(policy, "region", target.region) &&
    (target.resourceGroupId === null || holds(policy, "resourceGroupId", target.resourceGroupId))
  );
}

/** An attribute that a policy does not name is free; one that it names must match. */
function holds(policy: PolicyV2, key: string, wanted: string): boolean {
  return attributesOf(policy)
    .filter((attribute) => attribute.key === key)
    .every((attribute) => matchesAttribute(attribute, wanted));
}

/** True when one attribute of a policy holds for a value. */
export function matchesAttribute(
  { operator, value }: { readonly operator: string; readonly value: string | boolean | string[] },
  wanted: string,
): boolean {
  switch (operator) {
    case "stringExists":
      return value === true || value === "true";
    case "stringMatch":
    case "stringMatchAnyOf":
      return listOf(value).some((pattern) => matchesPattern(pattern, wanted));
    default:
      return listOf(value).includes(wanted);
  }
}

function listOf(value: string | boolean | string[]): string[] {
  return Array.isArray(value) ? value : [String(value)];
}

/** `*` stands for any run of characters, `?` for one. */
function matchesPattern(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");

  return new RegExp(`^${source}$`, "s").test(text);
}
