import { randomUUID } from "node:crypto";

import { toStoredDate } from "./clock";
import type { SandboxContext } from "./context";
import { groupsOf } from "./iam/authorization";
import {
  customRoleCrn,
  type KmsAction,
  type PlatformRole,
  platformRoleCrn,
  platformRoles,
  type ServiceName,
  type ServiceRole,
  serviceRoleCrn,
} from "./iam/roles";
import { DEFAULT_RING } from "./kms/rings";
import { instanceCrn } from "./resource-controller";
import {
  keyRing as keyRingRecord,
  resourceInstance,
  rootKey,
  type SeedFrame,
  serviceIdChanges,
} from "./seed";
import { scopedId } from "./store/model";
import { put, remove } from "./store/store";

/** What a control was asked for is not there. */
export class NoSuchRecordError extends Error {}

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

/** What administrators and services of the cloud do to an account. Durable when the promise is fulfilled. */
export interface Account {
  /**
   * Replaces all access policies of a service ID on an instance, its own and those of its access groups, by such
   * with these roles; none for no roles.
   */
  setRoles(change: RoleChange): Promise<void>;
  /**
   * Disables or enables the API keys of a service ID, or lets them expire; null for never. What is left out stays as
   * it is, and tokens that were issued stay valid until they expire.
   */
  setApiKeys(options: {
    serviceId: string;
    disabled?: boolean | undefined;
    expiresAt?: string | null | undefined;
  }): Promise<void>;
  /** `setApiKeys` for `disabled` alone. */
  setApiKeysDisabled(options: { serviceId: string; disabled: boolean }): Promise<void>;
  /** Makes a service ID with an API key and without any role. */
  addServiceId(options: { name: string }): Promise<{ serviceId: string; apiKey: string }>;
  /** Makes a key manager instance with root keys, on which nobody has a role. */
  addInstance(options: {
    service: ServiceName;
    name: string;
    region?: string | undefined;
    rootKeys?: readonly string[] | undefined;
  }): Promise<{ guid: string; crn: string; rootKeys: { id: string; name: string }[] }>;
  /** Records that a cloud resource is protected by a root key, so that the key's deletion is refused. */
  registerResource(options: {
    instanceGuid: string;
    keyId: string;
    resourceCrn: string;
    preventKeyDeletion?: boolean;
  }): Promise<void>;
}

/** The changes to the account of a running sandbox. */
export function createAccount(context: SandboxContext): Account {
  const { store } = context;
  const now = (): string => toStoredDate(context.clock.now());
  const iamIdOf = (serviceId: string): string => {
    const record = store.get("service-id", serviceId);
    if (!record) {
      throw new NoSuchRecordError(`There is no service ID ${serviceId}.`);
    }
    return record.iamId;
  };
  const attribute = (key: string, value: string) => ({ key, operator: "stringEquals" as const, value });
  const names = (value: string, key: string, attributes: readonly { key: string; value: unknown }[]) =>
    attributes.some((candidate) => candidate.key === key && candidate.value === value);
  const frame = (): SeedFrame => {
    const account = store.list("account")[0];
    if (!account) {
      throw new NoSuchRecordError("There is no account.");
    }
    return { context, account, now: now(), createdBy: "IBMid-sandbox" };
  };

  const setApiKeys: Account["setApiKeys"] = async ({ serviceId, disabled, expiresAt }) => {
    const iamId = iamIdOf(serviceId);
    const changes = store
      .list("api-key")
      .filter((apiKey) => apiKey.iamId === iamId)
      .map(({ expiresAt: before, ...apiKey }) => {
        const expires = expiresAt === undefined ? before : expiresAt;
        return put("api-key", apiKey.id, {
          ...apiKey,
          disabled: disabled ?? apiKey.disabled,
          ...(expires ? { expiresAt: toStoredDate(Date.parse(expires)) } : {}),
        });
      });
    store.commit(...changes);
    await store.settled();
  };

  return {
    async setRoles({ serviceId, instanceGuid, roles, keyRing, accessGroup, customRole }) {
      const iamId = iamIdOf(serviceId);
      const instance = store.get("resource-instance", instanceGuid);
      if (!instance) {
        throw new NoSuchRecordError(`There is no instance ${instanceGuid}.`);
      }
      const { accountId, createdBy } = instance;
      const date = now();
      const subjects = [iamId, ...groupsOf(store, iamId)];
      const old = store
        .list("policy")
        .filter(
          (policy) =>
            policy.type === "access" &&
            policy.subject.some(({ value }) => typeof value === "string" && subjects.includes(value)) &&
            names(instanceGuid, "serviceInstance", policy.resource),
        );

      const groupBefore = store.list("access-group").find((group) => group.name === accessGroup);
      const group =
        accessGroup === undefined
          ? undefined
          : {
              id: groupBefore?.id ?? `AccessGroupId-${randomUUID()}`,
              accountId,
              name: accessGroup,
              description: groupBefore?.description ?? "",
              members: [...new Set([...(groupBefore?.members ?? []), iamId])],
              createdAt: groupBefore?.createdAt ?? date,
              createdBy,
            };
      const roleBefore = store
        .list("custom-role")
        .find((role) => role.name === customRole?.name && role.serviceName === instance.serviceName);
      const custom = customRole && {
        id: roleBefore?.id ?? randomUUID(),
        accountId,
        name: customRole.name,
        displayName: customRole.name,
        serviceName: instance.serviceName,
        actions: customRole.actions.map((action) => `${instance.serviceName}.${action}`),
        createdAt: roleBefore?.createdAt ?? date,
        createdBy,
      };

      const isPlatform = (role: string): boolean => platformRoles.some((name) => name === role);
      const platform = roles.filter(isPlatform).map((role) => platformRoleCrn(role as PlatformRole));
      const service = [
        ...roles
          .filter((role) => !isPlatform(role))
          .map((role) => serviceRoleCrn(role as ServiceRole, instance.serviceName)),
        ...(custom ? [customRoleCrn(custom)] : []),
      ];
      const policy = (crns: readonly string[], ring?: string) => {
        const id = randomUUID();
        return put("policy", id, {
          id,
          type: "access",
          description: `${instance.name}: ${crns.map((crn) => crn.split(":").at(-1)).join(", ")}`,
          accountId,
          subject: [group ? attribute("access_group_id", group.id) : attribute("iam_id", iamId)],
          roles: [...crns],
          resource: [
            attribute("accountId", accountId),
            attribute("serviceName", instance.serviceName),
            attribute("serviceInstance", instance.guid),
            ...(ring === undefined ? [] : [attribute("keyRing", ring)]),
          ],
          state: "active",
          createdAt: date,
          createdBy,
          modifiedAt: date,
        });
      };
      const granted: [string[], string?][] =
        keyRing === undefined ? [[[...platform, ...service]]] : [[platform], [service, keyRing]];

      store.commit(
        ...old.map(({ id }) => remove("policy", id)),
        ...(group ? [put("access-group", group.id, group)] : []),
        ...(custom ? [put("custom-role", custom.id, custom)] : []),
        ...granted.filter(([crns]) => crns.length > 0).map(([crns, ring]) => policy(crns, ring)),
      );
      await store.settled();
    },

    setApiKeys,

    setApiKeysDisabled: setApiKeys,

    async addServiceId({ name }) {
      const { id, apiKeyId, changes } = serviceIdChanges(frame(), name, "Made by the sandbox's controls");
      store.commit(...changes);
      await store.settled();

      return { serviceId: id, apiKey: context.vault.deriveApiKey(apiKeyId) };
    },

    async addInstance({ service, name, region, rootKeys = [] }) {
      const made = frame();
      const instance = resourceInstance(made, service, name, region);
      const ring = keyRingRecord(made, instance, DEFAULT_RING);
      const keys = rootKeys.map((keyName) => rootKey(made, instance, keyName, DEFAULT_RING));
      store.commit(
        put("resource-instance", instance.guid, instance),
        put("key-ring", scopedId(instance.guid, ring.id), ring),
        ...keys.map((key) => put("key", key.id, key)),
      );
      await store.settled();

      return {
        guid: instance.guid,
        crn: instanceCrn(instance),
        rootKeys: keys.map(({ id, name: keyName }) => ({ id, name: keyName })),
      };
    },

    async registerResource({ instanceGuid, keyId, resourceCrn, preventKeyDeletion = false }) {
      const key = store.keysOf(instanceGuid).get(keyId);
      if (!key) {
        throw new NoSuchRecordError(`There is no key ${keyId} in instance ${instanceGuid}.`);
      }
      store.commit(
        put("registration", scopedId(instanceGuid, keyId, resourceCrn), {
          instanceId: instanceGuid,
          keyId,
          resourceCrn,
          description: "",
          preventKeyDeletion,
          createdAt: now(),
          createdBy: key.createdBy,
        }),
      );
      await store.settled();
    },
  };
}
