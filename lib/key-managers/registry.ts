import { hpcs } from "./hpcs/provider";
import { keyProtect } from "./key-protect/provider";
import { pkcs11 } from "./pkcs11/provider";
import type { Provider } from "./provider";

/** The kinds of key managers, in the order in which people see them. */
export const PROVIDERS: readonly Provider[] = [keyProtect, hpcs, pkcs11];
