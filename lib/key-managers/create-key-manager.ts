import type { TokenSource } from "@/lib/ibm-cloud/iam";
import { createLimiter, type Limiter } from "@/lib/ibm-cloud/limiter";
import { createHpcs } from "./hpcs/hpcs";
import type { KeyManagerKind } from "./key-manager";
import { createKeyProtect, DEFAULT_CONCURRENCY, type KeyProtect } from "./key-protect/key-protect";

export type CreateKeyManagerOptions = {
  readonly kind: Exclude<KeyManagerKind, "pkcs11">;
  /** Base URL without `/api/v2`. */
  readonly endpoint: string;
  readonly instanceGuid: string;
  readonly keyRing?: string | null;
  readonly tokenSource: TokenSource;
  readonly backoffMs?: number;
};

/**
 * Limits by key manager instance: several KMIP instances may share one, and its request rate with it. An entry is
 * two numbers and stays for the life of the process.
 */
const limiters = new Map<string, Limiter>();

function limiterOf(instanceGuid: string): Limiter {
  const known = limiters.get(instanceGuid) ?? createLimiter(DEFAULT_CONCURRENCY);
  limiters.set(instanceGuid, known);

  return known;
}

/** The adapter for a key manager of IBM Cloud. A token has one of its own (pkcs11/). */
export function createKeyManager(options: CreateKeyManagerOptions): KeyProtect {
  const common = {
    endpoint: options.endpoint,
    instanceGuid: options.instanceGuid,
    tokenSource: options.tokenSource,
    limiter: limiterOf(options.instanceGuid),
    ...(options.backoffMs === undefined ? {} : { backoffMs: options.backoffMs }),
  };

  switch (options.kind) {
    case "key-protect":
      return createKeyProtect({ ...common, ...(options.keyRing ? { keyRing: options.keyRing } : {}) });
    case "hpcs":
      return createHpcs(common);
  }
}
