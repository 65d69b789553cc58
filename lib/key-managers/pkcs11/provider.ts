import { env } from "@/lib/env";
import type { Secret } from "@/lib/ibm-cloud/secret";
import { invalidAddress, type Provider, type ProviderContext, secretField, secretOf } from "../provider";
import { createPkcs11, KIND, type Pkcs11 } from "./adapter";
import { checkToken } from "./checks";
import { discoverTokens } from "./discover";
import { TOKEN_FAILURES } from "./failures";
import { TOKEN_FINDINGS } from "./findings";
import { NO_MODULES, requireModule, requireModules } from "./modules";
import { parseTokenUri, type TokenAddress } from "./uri";

/** HSMs of one's own, through the PKCS#11 modules that the operator configured. */
export const pkcs11: Provider = {
  kind: KIND,
  title: "PKCS#11",
  credential: { type: "pin", fields: [secretField(4)], toDiscover: false },
  dedicatedEndpoint: false,
  oneInstanceEach: false,
  choices: { keyRing: false, endpoint: false, region: false },
  findings: TOKEN_FINDINGS,
  failures: TOKEN_FAILURES,

  unavailable: () => (env().PKCS11_MODULES.length === 0 ? { code: "NO_MODULES", detail: NO_MODULES } : null),
  guidOf(keyManagerCrn) {
    const { module, serial } = requireTokenUri(keyManagerCrn);
    requireModule(module);

    return serial;
  },
  discover: (_context, _request, call) => discoverTokens(call),
  connect: async (context, { keyManagerCrn, credential }) => ({
    keyManager: openToken(context, keyManagerCrn, secretOf(credential)),
    endpoint: keyManagerCrn,
  }),
  open: (context, { endpoint, credential }) => ({
    keyManager: openToken(context, endpoint, secretOf(credential)),
    renew() {},
  }),
  checks: checkToken,
};

/**
 * Connects to the token of a PKCS#11 URI; asks nothing of it yet.
 * @throws ProviderError for a text that is no such URI, and where there are no modules; KeyManagerError
 */
export function openToken(context: ProviderContext, uri: string, pin: Secret): Pkcs11 {
  requireTokenUri(uri);

  return createPkcs11({ uri, pin, store: context.wrappedKeys });
}

function requireTokenUri(uri: string): TokenAddress {
  requireModules();

  const address = parseTokenUri(uri);

  if (address === null) {
    throw invalidAddress("This is no PKCS#11 URI of a token.", "INVALID_TOKEN_URI", "is no PKCS#11 URI");
  }

  return address;
}
