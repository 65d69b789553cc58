import type { PolicyAttribute, PolicyRecord, ResourceInstanceRecord } from "../store/model";
import type { SandboxStore } from "../store/store";
import type { Caller } from "./caller";
import { resourceIdentityOf } from "./resource-identity";
import {
  customRoleCrn,
  type KmsAction,
  kmsActions,
  type PlatformRole,
  parseRoleCrn,
  RETRIEVE_INSTANCE,
  type ServiceRole,
} from "./roles";

/** What is accessed: a key, or the keys of a ring, inside of an instance. Without either: the instance as a whole. */
export interface Target {
  instance: ResourceInstanceRecord;
  keyRing?: string | undefined;
  keyId?: string | undefined;
}

/** The attributes of what is accessed, by the names that policies use. */
function targetAttributes({
  instance,
  keyRing,
  keyId,
}: Target): Readonly<Record<string, string | undefined>> {
  return {
    accountId: instance.accountId,
    serviceName: instance.serviceName,
    serviceType: "service",
    serviceInstance: instance.guid,
    region: instance.region,
    resourceGroupId: instance.resourceGroupId,
    keyRing,
    resourceType: keyId === undefined ? undefined : "key",
    resource: keyId,
  };
}

/** A pattern of `stringMatch`: `*` stands for any text, `?` for one character. */
function matchesPattern(pattern: string, value: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");

  return new RegExp(`^${expression}$`, "s").test(value);
}

/** Whether one attribute of a policy holds for a value; undefined is a value that the target does not have. */
export function attributeMatches(attribute: PolicyAttribute, value: string | undefined): boolean {
  const { operator, value: wanted } = attribute;
  if (operator === "stringExists") {
    return (value !== undefined) === (wanted === true || wanted === "true");
  }
  if (value === undefined || typeof wanted === "boolean") {
    return false;
  }
  const choices = Array.isArray(wanted) ? wanted : [wanted];
  if (operator === "stringEquals" || operator === "stringEqualsAnyOf") {
    return choices.includes(value);
  }

  return choices.some((pattern) => matchesPattern(pattern, value));
}

/** Identifiers of the access groups that an identity is in. */
export function groupsOf(store: SandboxStore, iamId: string): ReadonlySet<string> {
  return new Set(
    store
      .list("access-group")
      .filter((group) => group.members.includes(iamId))
      .map((group) => group.id),
  );
}

/** Whether an access policy is about this identity: it names it by `iam_id`, or an access group that it is in. */
export function isSubject(policy: PolicyRecord, iamId: string, groups: ReadonlySet<string>): boolean {
  return policy.subject.some(
    (attribute) =>
      (attribute.key === "iam_id" && attributeMatches(attribute, iamId)) ||
      (attribute.key === "access_group_id" &&
        typeof attribute.value === "string" &&
        groups.has(attribute.value)),
  );
}

/** Whether an authorization is for this resource instance: every attribute of its subject holds. */
function isSource(policy: PolicyRecord, caller: Caller): boolean {
  const source = resourceIdentityOf(caller);
  if (source === undefined) {
    return false;
  }
  const attributes: Readonly<Record<string, string | undefined>> = { ...source, serviceType: "service" };

  return policy.subject.every((attribute) => attributeMatches(attribute, attributes[attribute.key]));
}

/** Whether a policy gives the caller something: one of its own, or an authorization of the instance that it is. */
export function isForCaller(policy: PolicyRecord, caller: Caller, groups: ReadonlySet<string>): boolean {
  return policy.type === "access" ? isSubject(policy, caller.iamId, groups) : isSource(policy, caller);
}

/** Whether a policy is about this target: every attribute that it names holds; one it does not name is free. */
export function coversTarget(policy: PolicyRecord, target: Target): boolean {
  const attributes = targetAttributes(target);

  return policy.resource.every((attribute) => attributeMatches(attribute, attributes[attribute.key]));
}

interface Granted {
  platform: Set<PlatformRole>;
  service: Set<ServiceRole>;
  /** Actions of custom roles, with the service's prefix. */
  actions: Set<string>;
}

function grantedRoles(store: SandboxStore, caller: Caller, target: Target): Granted {
  const { instance } = target;
  const granted: Granted = { platform: new Set(), service: new Set(), actions: new Set() };
  if (caller.accountId !== instance.accountId) {
    return granted;
  }
  const groups = groupsOf(store, caller.iamId);
  for (const policy of store.list("policy")) {
    if (policy.state !== "active") {
      continue;
    }
    if (!isForCaller(policy, caller, groups) || !coversTarget(policy, target)) {
      continue;
    }
    for (const crn of policy.roles) {
      const role = parseRoleCrn(crn, instance.serviceName);
      if (role?.level === "platform") {
        granted.platform.add(role.name);
      }
      if (role?.level === "service") {
        granted.service.add(role.name);
      }
      if (role === undefined) {
        const custom = store.list("custom-role").find((candidate) => customRoleCrn(candidate) === crn);
        for (const action of custom?.actions ?? []) {
          granted.actions.add(action);
        }
      }
    }
  }

  return granted;
}

/** Whether the caller sees the instance among the account's resources: any platform role is enough. */
export function mayViewInstance(
  store: SandboxStore,
  caller: Caller,
  instance: ResourceInstanceRecord,
): boolean {
  const { platform, actions } = grantedRoles(store, caller, { instance });

  return platform.size > 0 || actions.has(RETRIEVE_INSTANCE);
}

/** Whether the caller has this platform role on the instance. */
export function hasPlatformRole(
  store: SandboxStore,
  caller: Caller,
  instance: ResourceInstanceRecord,
  role: PlatformRole,
): boolean {
  return grantedRoles(store, caller, { instance }).platform.has(role);
}

/** Whether the caller may do this to the target: one of its roles there must allow it. */
export function mayAct(store: SandboxStore, caller: Caller, action: KmsAction, target: Target): boolean {
  const { service, actions } = grantedRoles(store, caller, target);
  const { serviceName } = target.instance;

  return kmsActions[action].some((role) => service.has(role)) || actions.has(`${serviceName}.${action}`);
}
