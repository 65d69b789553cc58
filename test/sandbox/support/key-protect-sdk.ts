/**
 * Loads IBM's Key Protect SDK, unmodified. Its cookie support is written for axios 0.x and names no version of it,
 * so that npm gives it the newer axios of the other SDKs, whose inner files it cannot load. While the SDK is being
 * loaded, axios is therefore resolved from the SDK's own folder, where npm puts the version that it asks for.
 */
import Module, { createRequire } from "node:module";

type Resolve = (request: string, parent: { filename?: string } | undefined, ...rest: unknown[]) => string;

const require = createRequire(import.meta.url);
const SDK = "@ibm-cloud/ibm-key-protect/ibm-key-protect-api/v2";
const fromSdk = createRequire(require.resolve(SDK));
const resolve: Resolve = Reflect.get(Module, "_resolveFilename");

const patched: Resolve = function (this: unknown, request, parent, ...rest) {
  const isAxios = request === "axios" || request.startsWith("axios/");
  if (isAxios && parent?.filename?.includes("axios-cookiejar-support")) {
    return fromSdk.resolve(request);
  }

  return resolve.call(this, request, parent, ...rest);
};

function load<T>(id: string): T {
  Reflect.set(Module, "_resolveFilename", patched);
  try {
    return require(id) as T;
  } finally {
    Reflect.set(Module, "_resolveFilename", resolve);
  }
}

export const IbmKeyProtectApiV2 =
  load<typeof import("@ibm-cloud/ibm-key-protect/ibm-key-protect-api/v2")>(SDK);
/** This SDK has a version of the core of its own, and so authenticators of its own. */
export const { IamAuthenticator: KeyProtectAuthenticator } = load<
  typeof import("@ibm-cloud/ibm-key-protect/auth")
>("@ibm-cloud/ibm-key-protect/auth");
