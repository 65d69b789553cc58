import { createRequire } from "node:module";
import { KeyManagerError } from "../key-manager";
import type { Cryptoki } from "./cryptoki";
import { returnValueOf, toTokenError } from "./errors";
import type { HostAnswer, HostCalls, HostMethod, HostRequest, HostStart } from "./host-protocol";
import { Token } from "./token";
import { listTokens, TokenSession } from "./token-session";
import { wipe } from "./wipe";

/**
 * The process of one token and PIN. The module is the vendor's native code and its calls block: here it may hang or
 * crash and only this process is lost (docs/adr/0018). It ends with its parent.
 */
export function runTokenHost(): void {
  // Signals of the terminal or the supervisor are for the parent, which still needs the token while it drains.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => undefined);
  process.on("disconnect", () => process.exit(0));

  process.once("message", (start: HostStart) => {
    const calls = createCalls(start);

    process.on("message", (request: HostRequest) => {
      const answer = carryOut(calls, request);

      process.send?.(answer, () => {
        wipe(request.args);
        if (answer.ok) {
          wipe([answer.value]);
        }
      });
    });
  });
}

/** A module that cannot be loaded fails each call, so that every caller hears why. */
function createCalls(start: HostStart): HostCalls {
  let loaded: { module: Cryptoki; token: Token | null } | null = null;

  const open = () => {
    if (loaded === null) {
      const module = loadModule(start.path);
      const { login } = start;
      loaded = { module, token: login ? new Token(new TokenSession(module, login, login.pin)) : null };
    }

    return loaded;
  };
  const token = () => {
    const { token } = open();

    if (token === null) {
      throw new Error("This process lists tokens only.");
    }

    return token;
  };

  return {
    listTokens: () => listTokens(open().module),
    login: () => token().login(),
    wrap: (...args) => token().wrap(...args),
    unwrap: (...args) => token().unwrap(...args),
    createStandardKey: (...args) => token().createStandardKey(...args),
    findStandardKeys: (...args) => token().findStandardKeys(...args),
    getStandardKey: (...args) => token().getStandardKey(...args),
    deleteStandardKey: (...args) => token().deleteStandardKey(...args),
    readKeyMetadata: (...args) => token().readKeyMetadata(...args),
    listRootKeys: () => token().listRootKeys(),
    rotateRootKey: (...args) => token().rotateRootKey(...args),
    generateRootKey: (...args) => token().generateRootKey(...args),
    sign: (...args) => token().sign(...args),
    verify: (...args) => token().verify(...args),
    probeStorage: () => token().probeStorage(),
  };
}

function loadModule(path: string): Cryptoki {
  let pkcs11: { PKCS11: new () => Cryptoki };

  try {
    pkcs11 = createRequire(import.meta.url)("pkcs11js");
  } catch (error) {
    throw new KeyManagerError(
      "rejected",
      "PKCS#11 key managers are not available in this deployment: the package pkcs11js was not built when the packages were installed. Install a C++ compiler, make and Python, then run npm rebuild pkcs11js.",
      { code: "NOT_AVAILABLE", cause: error },
    );
  }

  try {
    const module = new pkcs11.PKCS11();
    module.load(path);

    return module;
  } catch (error) {
    throw new KeyManagerError("unreachable", "The PKCS#11 module cannot be loaded.", {
      code: returnValueOf(error) ?? "MODULE_NOT_LOADED",
      cause: error,
    });
  }
}

function carryOut(calls: HostCalls, { id, method, args }: HostRequest): HostAnswer {
  try {
    // Types end at the process's border; both sides are of one version.
    const call = calls[method] as (...args: readonly unknown[]) => ReturnType<HostCalls[HostMethod]>;

    return { id, ok: true, value: call(...args) };
  } catch (error) {
    const { failure, message, code } = toTokenError(error);

    return { id, ok: false, failure, message, code };
  }
}
