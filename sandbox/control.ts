import { randomUUID } from "node:crypto";

import { toStoredDate } from "./clock";
import type { SandboxContext } from "./context";
import {
  type PlatformRole,
  platformRoleCrn,
  platformRoles,
  type ServiceRole,
  serviceRoleCrn,
} from "./iam/roles";
import { scopedId } from "./store/model";
import { put, remove } from "./store/store";

/**
 * What happens to an account from outside of the APIs that the sandbox serves: an administrator takes roles away,
 * a service starts to protect its data with a root key. For tests in the same process. Every change is durable
 * when the promise is fulfilled.
 */
export interface SandboxControl {
  /** Replaces all access policies of a service ID on an instance by one with these roles; none for no roles. */
  setRoles(options: {
    serviceId: string;
    instanceGuid: string;
    roles: readonly (PlatformRole | ServiceRole)[];
  }): Promise<void>;
  /** Disables or enables the API keys of a service ID. Tokens that were issued stay valid until they expire. */
  setApiKeysDisabled(options: { serviceId: string; disabled: boolean }): Promise<void>;
  /** Records that a cloud resource is protected by a root key, so that the key's deletion is refused. */
  registerResource(options: {
    instanceGuid: string;
    keyId: string;
    resourceCrn: string;
    preventKeyDeletion?: boolean;
  }): Promise<void>;
}

/** The controls of a running sandbox. */
export function createControl(context: SandboxContext): SandboxControl {
  const { store } = context;
  const now = (): string => toStoredDate(context.clock.now());
  const iamIdOf = (serviceId: string): string => {
    const record = store.get("service-id", serviceId);
    if (!record) throw new Error(`There is no service ID ${serviceId}.`);
    return record.iamId;
  };
  const attribute = (key: string, value: string) => ({ key, operator: "stringEquals" as const, value });

  return {
    async setRoles({ serviceId, instanceGuid, roles }) {
      const iamId = iamIdOf(serviceId);
      const instance = store.get("resource-instance", instanceGuid);
      if (!instance) throw new Error(`There is no instance ${instanceGuid}.`);
      const names = (value: unknown, key: string, attributes: readonly { key: string; value: unknown }[]) =>
        attributes.some((candidate) => candidate.key === key && candidate.value === value);
      const old = store
        .list("policy")
        .filter(
          (policy) =>
            policy.type === "access" &&
            names(iamId, "iam_id", policy.subject) &&
            names(instanceGuid, "serviceInstance", policy.resource),
        );
      const id = randomUUID();
      const crns = roles.map((role) => {
        const platform = platformRoles.find((name) => name === role);
        return platform
          ? platformRoleCrn(platform)
          : serviceRoleCrn(role as ServiceRole, instance.serviceName);
      });
      const added = put("policy", id, {
        id,
        type: "access",
        description: `${instance.name}: ${roles.join(", ")}`,
        accountId: instance.accountId,
        subject: [attribute("iam_id", iamId)],
        roles: crns,
        resource: [
          attribute("accountId", instance.accountId),
          attribute("serviceName", instance.serviceName),
          attribute("serviceInstance", instance.guid),
        ],
        state: "active",
        createdAt: now(),
        createdBy: instance.createdBy,
        modifiedAt: now(),
      });
      store.commit(...old.map((policy) => remove("policy", policy.id)), ...(roles.length > 0 ? [added] : []));
      await store.settled();
    },

    async setApiKeysDisabled({ serviceId, disabled }) {
      const iamId = iamIdOf(serviceId);
      const apiKeys = store.list("api-key").filter((apiKey) => apiKey.iamId === iamId);
      store.commit(...apiKeys.map((apiKey) => put("api-key", apiKey.id, { ...apiKey, disabled })));
      await store.settled();
    },

    async registerResource({ instanceGuid, keyId, resourceCrn, preventKeyDeletion = false }) {
      const key = store.keysOf(instanceGuid).get(keyId);
      if (!key) throw new Error(`There is no key ${keyId} in instance ${instanceGuid}.`);
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
