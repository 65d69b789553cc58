import { env } from "@/lib/env";
import { type CallContext, KeyManagerError } from "../key-manager";
import { type Discovery, discoveryOf, ProviderError } from "../provider";
import { requireModules } from "./modules";
import { listModuleTokens } from "./token-processes";
import { formatTokenUri } from "./uri";

/** An HSM of one's own is in no region of a cloud. */
const REGION = "";
/** Longer URIs are not taken back by the API. */
const MAX_URI = 400;

/**
 * The initialized tokens of the modules that the operator configured. Nobody logs in for it, so a PIN is not needed. A
 * module that fails does not hide the tokens of the others; if all fail, the first failure is the answer.
 * @throws ProviderError `notAvailable`; KeyManagerError
 */
export async function discoverTokens(call: CallContext): Promise<Discovery> {
  requireModules();

  const modules = env().PKCS11_MODULES;
  const results = await Promise.allSettled(
    modules.map(async (module) => {
      const tokens = await listModuleTokens(module, call);

      return tokens.map((token) => ({
        crn: formatTokenUri({ module: module.name, label: token.label, serial: token.serial }),
        guid: token.serial,
        name: token.label === "" ? token.serial : token.label,
        region: REGION,
        endpoints: { public: null, private: null },
      }));
    }),
  );
  const found = results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
  const failed = results.find((result) => result.status === "rejected");

  if (failed && results.every((result) => result.status === "rejected")) {
    throw describeModuleFailure(failed.reason);
  }

  return discoveryOf({
    keyManagers: found
      .filter(({ crn }) => crn.length <= MAX_URI)
      .sort((a, b) => a.name.localeCompare(b.name) || a.crn.localeCompare(b.crn)),
  });
}

function describeModuleFailure(error: unknown): unknown {
  return error instanceof KeyManagerError && error.code === "MODULE_NOT_LOADED"
    ? new ProviderError(
        "notAvailable",
        "The PKCS#11 module cannot be loaded. Check its path in PKCS11_MODULES, and that it is built for this machine.",
        { cause: error },
      )
    : error;
}
