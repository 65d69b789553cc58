import type { TokenSource } from "@/lib/ibm-cloud/iam";
import { createCircuitBreaker } from "@/lib/resilience/circuit-breaker";
import { createLimiter } from "@/lib/resilience/limiter";
import { type CallLimits, DEFAULT_CONCURRENCY } from "../call-limits";
import type { CallContext, KeyManager, KeyManagerKeyState } from "../key-manager";
import { type Instance, readKey } from "./requests";
import { rootKeysOf } from "./root-keys";
import { standardKeysOf } from "./standard-keys";
import { toDate } from "./translate";
import { createTransport } from "./transport";
import { type InstancePolicy, instancePolicyEnvelope } from "./wire";
import { wrappingOf } from "./wrapping";

export type KeyProtectOptions = {
  /** What speaks the API; absent = Key Protect itself. */
  readonly product?: { readonly kind: string; readonly title: string };
  /** Base URL without `/api/v2`, from the resource instance's `extensions.endpoints`. */
  readonly endpoint: string;
  readonly instanceGuid: string;
  /** Key ring that new standard keys go to; absent = `default`. */
  readonly keyRing?: string;
  readonly tokenSource: TokenSource;
  /** Shared by all adapters of one key manager instance; absent = the adapter's own. */
  readonly limits?: CallLimits;
  /** Also calls while the circuit is open: for checks, which find out whether the service is there. */
  readonly always?: boolean;
  /** The endpoint is what a person gave: what is wrong with it is told in one way. */
  readonly givenByHand?: boolean;
  /** First pause between attempts, milliseconds. */
  readonly backoffMs?: number;
};

/** What `GET /keys/{id}/metadata` says of a key, whether root key or standard key. */
export type KeyMetadata = {
  readonly id: string;
  readonly name: string;
  readonly state: KeyManagerKeyState;
  readonly isRootKey: boolean;
  readonly keyRing: string;
  readonly currentVersion: string | null;
  readonly expiresAt: Date | null;
  readonly dualAuthDelete: boolean;
};

/** The port, and what permission checks ask beside it. */
export type KeyProtect = KeyManager & {
  /** Metadata of any key, by id or alias. @throws KeyManagerError */
  readKeyMetadata(idOrAlias: string, context: CallContext): Promise<KeyMetadata>;
  /** `GET /instance/policies`: answered only for the service role Manager. @throws KeyManagerError */
  readInstancePolicies(context: CallContext): Promise<InstancePolicy[]>;
};

export const KEY_PROTECT = { kind: "key-protect", title: "Key Protect" } as const;

/**
 * Adapter for the Key Protect API (version 2), as IBM Key Protect and HPCS speak it.
 *
 * A wrapped KEK is the bytes that Key Protect's `ciphertext` decodes to, and a standard key's payload holds those
 * bytes: base64 is only how they travel.
 */
export function createKeyProtect(options: KeyProtectOptions): KeyProtect {
  const { kind, title: service } = options.product ?? KEY_PROTECT;
  const transport = createTransport({
    service,
    endpoint: options.endpoint,
    instanceGuid: options.instanceGuid,
    tokenSource: options.tokenSource,
    limiter: options.limits?.limiter ?? createLimiter(DEFAULT_CONCURRENCY),
    breaker: options.limits?.breaker ?? createCircuitBreaker(),
    ...(options.always === undefined ? {} : { always: options.always }),
    ...(options.givenByHand === undefined ? {} : { givenByHand: options.givenByHand }),
    ...(options.backoffMs === undefined ? {} : { backoffMs: options.backoffMs }),
  });
  const instance: Instance = { transport, service, keyRing: options.keyRing };

  return {
    kind,
    ...wrappingOf(instance),
    ...standardKeysOf(instance),
    ...rootKeysOf(instance),

    async readKeyMetadata(idOrAlias, context) {
      const key = await readKey(instance, idOrAlias, context);

      return {
        id: key.id,
        name: key.name,
        state: key.deleted ? "destroyed" : key.state,
        isRootKey: !key.extractable,
        keyRing: key.keyRingID,
        currentVersion: key.keyVersion?.id ?? null,
        expiresAt: toDate(key.expirationDate),
        dualAuthDelete: key.dualAuthDelete?.enabled ?? false,
      };
    },

    async readInstancePolicies(context) {
      const { resources } = await transport.callJson(
        instancePolicyEnvelope,
        { method: "GET", path: "/instance/policies", repeat: "safe", shared: true },
        context,
      );

      return resources.map((policy) => ({
        type: policy.policy_type,
        enabled: policy.policy_data.enabled,
        attributes: policy.policy_data.attributes ?? {},
      }));
    },

    async close() {
      transport.close();
    },
  };
}
