import { randomUUID } from "node:crypto";

import { toStoredDate } from "./clock";
import type { SandboxContext } from "./context";
import { NoSuchRecordError } from "./errors";
import { groupsOf } from "./iam/authorization";
import {
  customRoleCrn,
  type KmsAction,
  type PlatformRole,
  platformRoleCrn,
  platformRoles,
  type ServiceRole,
  serviceRoleCrn,
} from "./iam/roles";
import type {
  AccessGroupRecord,
  CustomRoleRecord,
  PolicyAttribute,
  PolicyRecord,
  ResourceInstanceRecord,
} from "./store/model";
import { put, remove, type SandboxStore } from "./store/store";

/** Which roles a service ID is to have on an instance. */
export interface RoleChange {
  serviceId: string;
  instanceGuid: string;
  roles: readonly (PlatformRole | ServiceRole)[];
  /** The service roles hold for the keys of this ring only. */
  keyRing?: string | undefined;
  /** The roles come by an access group of this name, which is made if it is not there. */
  accessGroup?: string | undefined;
  /** Beside the roles: a role of the account's own, which allows these actions. */
  customRole?: { name: string; actions: readonly KmsAction[] } | undefined;
}

/** What the records of one change have in common. */
interface Change {
  store: SandboxStore;
  instance: ResourceInstanceRecord;
  iamId: string;
  date: string;
}

/** The `iam_id` of a service ID. @throws NoSuchRecordError */
export function iamIdOf(store: SandboxStore, serviceId: string): string {
  const record = store.get("service-id", serviceId);
  if (!record) {
    throw new NoSuchRecordError(`There is no service ID ${serviceId}.`);
  }

  return record.iamId;
}

function equals(key: string, value: string): PolicyAttribute {
  return { key, operator: "stringEquals", value };
}

/** The access policies that give an identity something on the instance, by itself or by an access group. */
function policiesOf({ store, instance, iamId }: Change): PolicyRecord[] {
  const subjects = [iamId, ...groupsOf(store, iamId)];

  return store
    .list("policy")
    .filter(
      (policy) =>
        policy.type === "access" &&
        policy.subject.some(({ value }) => typeof value === "string" && subjects.includes(value)) &&
        policy.resource.some(({ key, value }) => key === "serviceInstance" && value === instance.guid),
    );
}

/** The access group of this name with the identity among its members. */
function groupWith({ store, instance, iamId, date }: Change, name: string): AccessGroupRecord {
  const before = store.list("access-group").find((group) => group.name === name);

  return {
    id: before?.id ?? `AccessGroupId-${randomUUID()}`,
    accountId: instance.accountId,
    name,
    description: before?.description ?? "",
    members: [...new Set([...(before?.members ?? []), iamId])],
    createdAt: before?.createdAt ?? date,
    createdBy: instance.createdBy,
  };
}

/** The account's own role of this name for the instance's service, with these actions and no others. */
function customRoleWith(
  { store, instance, date }: Change,
  { name, actions }: NonNullable<RoleChange["customRole"]>,
): CustomRoleRecord {
  const { serviceName } = instance;
  const before = store
    .list("custom-role")
    .find((role) => role.name === name && role.serviceName === serviceName);

  return {
    id: before?.id ?? randomUUID(),
    accountId: instance.accountId,
    name,
    displayName: name,
    serviceName,
    actions: actions.map((action) => `${serviceName}.${action}`),
    createdAt: before?.createdAt ?? date,
    createdBy: instance.createdBy,
  };
}

function policyFor(
  { instance, date }: Change,
  subject: PolicyAttribute,
  crns: readonly string[],
  ring?: string,
): PolicyRecord {
  return {
    id: randomUUID(),
    type: "access",
    description: `${instance.name}: ${crns.map((crn) => crn.split(":").at(-1)).join(", ")}`,
    accountId: instance.accountId,
    subject: [subject],
    roles: [...crns],
    resource: [
      equals("accountId", instance.accountId),
      equals("serviceName", instance.serviceName),
      equals("serviceInstance", instance.guid),
      ...(ring === undefined ? [] : [equals("keyRing", ring)]),
    ],
    state: "active",
    createdAt: date,
    createdBy: instance.createdBy,
    modifiedAt: date,
  };
}

function isPlatformRole(role: PlatformRole | ServiceRole): role is PlatformRole {
  return platformRoles.some((name) => name === role);
}

/**
 * Replaces all access policies of a service ID on an instance, its own and those of its access groups, by such with
 * these roles; none for no roles. Durable when the promise is fulfilled.
 *
 * @throws NoSuchRecordError
 */
export async function setRoles(
  context: SandboxContext,
  { serviceId, instanceGuid, roles, keyRing, accessGroup, customRole }: RoleChange,
): Promise<void> {
  const { store } = context;
  const iamId = iamIdOf(store, serviceId);
  const instance = store.get("resource-instance", instanceGuid);
  if (!instance) {
    throw new NoSuchRecordError(`There is no instance ${instanceGuid}.`);
  }
  const change: Change = { store, instance, iamId, date: toStoredDate(context.clock.now()) };
  const old = policiesOf(change);
  const group = accessGroup === undefined ? undefined : groupWith(change, accessGroup);
  const custom = customRole && customRoleWith(change, customRole);
  const platform = roles.filter(isPlatformRole).map((role) => platformRoleCrn(role));
  const service = [
    ...roles.flatMap((role) => (isPlatformRole(role) ? [] : [serviceRoleCrn(role, instance.serviceName)])),
    ...(custom ? [customRoleCrn(custom)] : []),
  ];
  const subject = group ? equals("access_group_id", group.id) : equals("iam_id", iamId);
  const policies =
    keyRing === undefined
      ? [policyFor(change, subject, [...platform, ...service])]
      : [policyFor(change, subject, platform), policyFor(change, subject, service, keyRing)];

  store.commit(
    ...old.map(({ id }) => remove("policy", id)),
    ...(group ? [put("access-group", group.id, group)] : []),
    ...(custom ? [put("custom-role", custom.id, custom)] : []),
    ...policies.filter((policy) => policy.roles.length > 0).map((policy) => put("policy", policy.id, policy)),
  );
  await store.settled();
}
