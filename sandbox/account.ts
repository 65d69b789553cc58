import { toStoredDate } from "./clock";
import type { SandboxContext } from "./context";
import { NoSuchRecordError } from "./errors";
import type { ServiceName } from "./iam/roles";
import { DEFAULT_RING } from "./kms/rings";
import { instanceCrn } from "./resource-controller";
import { iamIdOf, type RoleChange, setRoles } from "./role-change";
import {
  keyRing as keyRingRecord,
  resourceInstance,
  rootKey,
  type SeedFrame,
  serviceIdChanges,
} from "./seed";
import { scopedId } from "./store/model";
import { put } from "./store/store";

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
  const frame = (): SeedFrame => {
    const account = store.list("account")[0];
    if (!account) {
      throw new NoSuchRecordError("There is no account.");
    }
    return { context, account, now: now(), createdBy: "IBMid-sandbox" };
  };

  const setApiKeys: Account["setApiKeys"] = async ({ serviceId, disabled, expiresAt }) => {
    const iamId = iamIdOf(store, serviceId);
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
    setRoles: (change) => setRoles(context, change),

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
