import { type Provider, ProviderError } from "./provider";
import { PROVIDERS } from "./registry";

/** The provider of a kind. @throws ProviderError `invalid` (field `kind`), with the kinds that there are */
export function providerOf(kind: string): Provider {
  const provider = PROVIDERS.find((candidate) => candidate.kind === kind);

  if (provider === undefined) {
    throw new ProviderError("invalid", "There is no key manager of this kind.", {
      field: {
        name: "kind",
        code: "UNKNOWN_KIND",
        reason: `is one of ${PROVIDERS.map((known) => known.kind).join(", ")}`,
      },
    });
  }

  return provider;
}
