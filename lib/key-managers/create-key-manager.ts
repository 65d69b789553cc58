import type { TokenSource } from "@/lib/ibm-cloud/iam";
import { type CallLimits, callLimitsOf } from "./call-limits";
import { createHpcs } from "./hpcs/hpcs";
import type { KeyManagerKind } from "./key-manager";
import { createKeyProtect, type KeyProtect } from "./key-protect/key-protect";

export type CreateKeyManagerOptions = {
  readonly kind: Exclude<KeyManagerKind, "pkcs11">;
  /** Base URL without `/api/v2`. */
  readonly endpoint: string;
  readonly instanceGuid: string;
  readonly keyRing?: string | null;
  readonly tokenSource: TokenSource;
  readonly backoffMs?: number;
  /** Also calls while the circuit is open: for checks, which find out whether the service is there. */
  readonly always?: boolean;
  /** In place of the one that all adapters of the key manager instance share in this process. */
  readonly limits?: CallLimits;
};

/** The adapter for a key manager of IBM Cloud. A token has one of its own (pkcs11/). */
export function createKeyManager(options: CreateKeyManagerOptions): KeyProtect {
  const common = {
    endpoint: options.endpoint,
    instanceGuid: options.instanceGuid,
    tokenSource: options.tokenSource,
    limits: options.limits ?? callLimitsOf(options.instanceGuid, options.endpoint),
    ...(options.always === undefined ? {} : { always: options.always }),
    ...(options.backoffMs === undefined ? {} : { backoffMs: options.backoffMs }),
  };

  switch (options.kind) {
    case "key-protect":
      return createKeyProtect({ ...common, ...(options.keyRing ? { keyRing: options.keyRing } : {}) });
    case "hpcs":
      return createHpcs(common);
  }
}
