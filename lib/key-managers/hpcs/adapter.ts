import { createKeyProtect, type KeyProtect, type KeyProtectOptions } from "../key-protect/adapter";

export const HPCS = { kind: "hpcs", title: "Hyper Protect Crypto Services" } as const;

/** The key ring that CRKs of HPCS must be in. */
export const HPCS_KEY_RING = "default";

/**
 * Adapter for Hyper Protect Crypto Services: Key Protect's API at the instance's own endpoint
 * (`https://<guid>.api.<region>.hs-crypto.appdomain.cloud`, or `…hs-crypto.cloud.ibm.com:<port>` for older
 * instances). It authenticates with a service ID's API key as Key Protect does. Root keys for KMIP are in the
 * `default` key ring (KMIP for VMware's rule for HPCS), and so are the KEKs.
 */
export function createHpcs(options: Omit<KeyProtectOptions, "product" | "keyRing">): KeyProtect {
  return createKeyProtect({ ...options, product: HPCS, keyRing: HPCS_KEY_RING });
}
