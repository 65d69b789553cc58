import type { Provider } from "@/lib/key-managers/provider";
import { PROVIDERS } from "@/lib/key-managers/registry";
import { type Actor, requireRole } from "../actor";

/** A kind of key manager as people choose among them. */
export type ProviderView = Pick<
  Provider,
  "kind" | "title" | "credential" | "dedicatedEndpoint" | "oneInstanceEach" | "choices"
> & {
  /** True where the key manager can authorize an instance of this deployment in the place of a credential. */
  readonly authorization: boolean;
  readonly deprecation: NonNullable<Provider["deprecation"]> | null;
  /** Why this deployment cannot use it; null where it can. */
  readonly unavailable: ReturnType<Provider["unavailable"]>;
};

/** The kinds of key managers that there are, in the order in which people see them. @throws AppError FORBIDDEN */
export function listProviders(actor: Actor): ProviderView[] {
  requireRole(actor, "viewer");

  return PROVIDERS.map((provider) => ({
    kind: provider.kind,
    title: provider.title,
    credential: provider.credential,
    dedicatedEndpoint: provider.dedicatedEndpoint,
    oneInstanceEach: provider.oneInstanceEach,
    choices: provider.choices,
    authorization: provider.authorization?.available() === true,
    deprecation: provider.deprecation ?? null,
    unavailable: provider.unavailable(),
  }));
}
