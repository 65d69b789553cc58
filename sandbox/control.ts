import { randomUUID } from "node:crypto";

import { toStoredDate } from "./clock";
import type { SandboxContext } from "./context";
import type { ActiveFault, FaultInjector } from "./faults/injector";
import {
  type PlatformRole,
  platformRoleCrn,
  platformRoles,
  type ServiceRole,
  serviceRoleCrn,
} from "./iam/roles";
import { scopedId } from "./store/model";
import { put, remove } from "./store/store";

/** What a control was asked for is not there. */
export class NoSuchRecordError extends Error {}

/**
 * What happens to an account from outside of the APIs that the sandbox serves: an administrator takes roles away,
 * a service starts to protect its data with a root key. Every such change is durable when the promise is
 * fulfilled. Faults, the clock and the waits are in memory only: a sandbox that is started again has none of it.
 */
export interface SandboxControl {
  readonly faults: FaultInjector;
  /** Moves the sandbox's clock, by which keys expire, waits end and tokens run out, relative to the real one. */
  moveClock(to: { offsetMs: number } | { advanceMs: number }): void;
  /** Whether the real services' waits are left out, see SandboxOptions.relaxedWaits. */
  setRelaxedWaits(relaxed: boolean): void;
  /** What of this is in force. */
  state(): { now: string; clockOffsetMs: number; relaxedWaits: boolean; faults: ActiveFault[] };
  /** Takes faults back, and clock and waits to what they were at the start. Changes of the account stay. */
  reset(): void;
  /**
   * Replaces all access policies of a service ID on an instance by one with these roles; none for no roles. With a
   * key ring, the service roles hold for the keys of that ring only.
   */
  setRoles(options: {
    serviceId: string;
    instanceGuid: string;
    roles: readonly (PlatformRole | ServiceRole)[];
    keyRing?: string | undefined;
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
export function createControl(context: SandboxContext, faults: FaultInjector): SandboxControl {
  const { store } = context;
  const now = (): string => toStoredDate(context.clock.now());
  const relaxedAtStart = context.relaxedWaits;
  const iamIdOf = (serviceId: string): string => {
    const record = store.get("service-id", serviceId);
    if (!record) throw new NoSuchRecordError(`There is no service ID ${serviceId}.`);
    return record.iamId;
  };
  const attribute = (key: string, value: string) => ({ key, operator: "stringEquals" as const, value });

  return {
    faults,

    moveClock(to) {
      context.clock.moveTo("offsetMs" in to ? to.offsetMs : context.clock.offset() + to.advanceMs);
    },

    setRelaxedWaits(relaxed) {
      context.relaxedWaits = relaxed;
    },

    state: () => ({
      now: now(),
      clockOffsetMs: context.clock.offset(),
      relaxedWaits: context.relaxedWaits,
      faults: faults.list(),
    }),

    reset() {
      faults.clear();
      context.clock.moveTo(0);
      context.relaxedWaits = relaxedAtStart;
    },

    async setRoles({ serviceId, instanceGuid, roles, keyRing }) {
      const iamId = iamIdOf(serviceId);
      const instance = store.get("resource-instance", instanceGuid);
      if (!instance) throw new NoSuchRecordError(`There is no instance ${instanceGuid}.`);
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
      const isPlatform = (role: string): boolean => platformRoles.some((name) => name === role);
      const crnOf = (role: PlatformRole | ServiceRole): string =>
        isPlatform(role)
          ? platformRoleCrn(role as PlatformRole)
          : serviceRoleCrn(role as ServiceRole, instance.serviceName);
      const policy = (granted: readonly (PlatformRole | ServiceRole)[], ring?: string) => {
        const id = randomUUID();
        return put("policy", id, {
          id,
          type: "access",
          description: `${instance.name}: ${granted.join(", ")}`,
          accountId: instance.accountId,
          subject: [attribute("iam_id", iamId)],
          roles: granted.map(crnOf),
          resource: [
            attribute("accountId", instance.accountId),
            attribute("serviceName", instance.serviceName),
            attribute("serviceInstance", instance.guid),
            ...(ring === undefined ? [] : [attribute("keyRing", ring)]),
          ],
          state: "active",
          createdAt: now(),
          createdBy: instance.createdBy,
          modifiedAt: now(),
        });
      };
      const whole = keyRing === undefined ? roles : roles.filter(isPlatform);
      const ofRing = keyRing === undefined ? [] : roles.filter((role) => !isPlatform(role));
      const added = [
        ...(whole.length > 0 ? [policy(whole)] : []),
        ...(ofRing.length > 0 ? [policy(ofRing, keyRing)] : []),
      ];
      store.commit(...old.map(({ id }) => remove("policy", id)), ...added);
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
      if (!key) throw new NoSuchRecordError(`There is no key ${keyId} in instance ${instanceGuid}.`);
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
