import type { z } from "zod";
import type { keyManagerKind } from "@/lib/api/contract/common";
import { MIN_API_KEY, MIN_PIN } from "@/lib/api/key-managers/schemas";

export type ProviderKind = z.output<typeof keyManagerKind>;

/** What the console asks of a kind of key manager; it never compares kinds. */
export type Provider = {
  readonly kind: ProviderKind;
  /** The maker's name for it, where the reader's language has no words of its own. */
  readonly title: string;
  /** What a person gives for it. */
  readonly credential: {
    readonly type: "apiKey" | "pin";
    readonly minLength: number;
    /** False where its instances are found without. */
    readonly toDiscover: boolean;
  };
  /** It can authorize an ordered instance instead, and this deployment can be authorized. */
  readonly authorization: boolean;
  /** What a person can choose of it. */
  readonly choices: { readonly keyRing: boolean; readonly endpoint: boolean; readonly region: boolean };
};

const API_KEY: Provider["credential"] = { type: "apiKey", minLength: MIN_API_KEY, toDiscover: true };

/** The kinds of key managers in the order in which people see them. */
const PROVIDERS: readonly [Provider, ...Provider[]] = [
  {
    kind: "key-protect",
    title: "Key Protect",
    credential: API_KEY,
    authorization: false,
    choices: { keyRing: true, endpoint: true, region: true },
  },
  {
    kind: "hpcs",
    title: "Hyper Protect Crypto Services",
    credential: API_KEY,
    authorization: true,
    choices: { keyRing: false, endpoint: true, region: true },
  },
  {
    kind: "pkcs11",
    title: "HSM (PKCS#11)",
    credential: { type: "pin", minLength: MIN_PIN, toDiscover: false },
    authorization: false,
    choices: { keyRing: false, endpoint: false, region: false },
  },
];

/**
 * The kinds of key managers that this deployment offers.
 * @param serviceAuthorization the deployment has an identity of its own, which can be authorized
 */
export function providersOf(serviceAuthorization: boolean): readonly [Provider, ...Provider[]] {
  const offered = (provider: Provider): Provider => ({
    ...provider,
    authorization: provider.authorization && serviceAuthorization,
  });
  const [first, ...others] = PROVIDERS;

  return [offered(first), ...others.map(offered)];
}

/** What is asked of a kind; of one that this console does not know, what is asked of most. */
export function capabilitiesOf(kind: ProviderKind): Provider {
  return PROVIDERS.find((provider) => provider.kind === kind) ?? { ...PROVIDERS[0], kind, title: kind };
}
