import { env, type Pkcs11Module } from "@/lib/env";
import { KeyManagerError } from "../key-manager";
import { ProviderError } from "../provider";

/** What to do where the operator configured no module at all. */
export const NO_MODULES =
  "PKCS#11 key managers are not available in this deployment: PKCS11_MODULES names no module. Set it, for example to softhsm=/usr/lib/softhsm/libsofthsm2.so, and start again.";

/** @throws ProviderError `notAvailable` when the operator configured no PKCS#11 module */
export function requireModules(): void {
  if (env().PKCS11_MODULES.length === 0) {
    throw new ProviderError("notAvailable", NO_MODULES);
  }
}

/** A configured module by its name. @throws KeyManagerError `rejected` with code NOT_AVAILABLE */
export function requireModule(
  name: string,
  modules: readonly Pkcs11Module[] = env().PKCS11_MODULES,
): Pkcs11Module {
  const module = modules.find((candidate) => candidate.name === name);

  if (module === undefined) {
    throw new KeyManagerError(
      "rejected",
      modules.length === 0
        ? NO_MODULES
        : "This deployment has no PKCS#11 module of this name in PKCS11_MODULES.",
      { code: "NOT_AVAILABLE" },
    );
  }

  return module;
}
