import type { Pkcs11Module } from "@/lib/env";
import type { Secret } from "@/lib/ibm-cloud/secret";
import { perProcess } from "@/lib/per-process";
import { type CallContext, KeyManagerError } from "../key-manager";
import type { HostCalls, HostMethod } from "./host-protocol";
import { TokenProcess } from "./token-process";
import type { TokenDescription } from "./token-session";
import type { TokenAddress } from "./uri";

/** A token and the PIN that somebody uses it with. */
export type TokenLogin = {
  readonly module: Pkcs11Module;
  readonly token: Pick<TokenAddress, "label" | "serial">;
  readonly pin: Secret;
};

/** Processes at once: each holds a module and a login, and wrong PINs start some, too. */
const MAX_PROCESSES = 64;

const ONE_TRY_MS = 20_000;

type State = {
  readonly processes: Map<string, TokenProcess>;
  /** Logins that the token refused, and its words. */
  readonly refused: Map<string, { readonly error: KeyManagerError; readonly at: number }>;
};

const state = perProcess<State>("token-processes", () => ({ processes: new Map(), refused: new Map() }));

/** A PIN has a process of its own: within one, a token asks nobody for the PIN but who logs in first. */
function keyOf({ module, token, pin }: TokenLogin): string {
  return JSON.stringify([module.name, module.path, token.serial, token.label, pin.fingerprint()]);
}

/**
 * Asks something of a token. A PIN that it refused is not tried again, since a few wrong tries lock a token for
 * everybody; `allowPin` lifts that.
 * @throws KeyManagerError
 */
export async function callToken<Method extends HostMethod>(
  login: TokenLogin,
  method: Method,
  args: Parameters<HostCalls[Method]>,
  context: CallContext,
): Promise<ReturnType<HostCalls[Method]>> {
  const { processes, refused } = state();
  const key = keyOf(login);
  const before = refused.get(key)?.error;

  if (before !== undefined) {
    throw new KeyManagerError(before.failure, before.message, {
      code: before.code,
      correlationId: context.correlationId,
    });
  }

  let process = processes.get(key);

  if (process === undefined) {
    if (processes.size >= MAX_PROCESSES) {
      throw new KeyManagerError("throttled", "Too many tokens and PINs are in use at once.", {
        code: "TOO_MANY_TOKENS",
        correlationId: context.correlationId,
      });
    }

    const { module, token, pin } = login;
    process = new TokenProcess({ path: module.path, login: { ...token, pin: pin.reveal() } }, () => {
      if (processes.get(key) === process) {
        processes.delete(key);
      }
    });
    processes.set(key, process);
  }

  try {
    return await process.call(method, args, context);
  } catch (error) {
    if (error instanceof KeyManagerError && error.failure === "credentials") {
      refused.set(key, { error, at: Date.now() });
      process.close();
    }

    throw error;
  }
}

/**
 * Lets a PIN be tried again: somebody entered it, or an instance was opened with it anew. What one click asks for (root
 * keys, then the checks) is one try.
 */
export function allowPin(login: TokenLogin): void {
  const { refused } = state();
  const key = keyOf(login);
  const before = refused.get(key);

  if (before !== undefined && Date.now() - before.at >= ONE_TRY_MS) {
    refused.delete(key);
  }
}

/** The tokens of a module. Nobody logs in for it. */
export async function listModuleTokens(
  module: Pkcs11Module,
  context: CallContext,
): Promise<TokenDescription[]> {
  const process = new TokenProcess({ path: module.path, login: null });

  try {
    return await process.call("listTokens", [], context);
  } finally {
    process.close();
  }
}

/** Sends a signal to all token processes (tests: a module that hangs). */
export function signalTokenProcesses(signal: NodeJS.Signals): void {
  for (const process of state().processes.values()) {
    process.signal(signal);
  }
}

/** Ends all token processes; a call afterwards starts a new one. */
export function closeTokenProcesses(): void {
  for (const process of [...state().processes.values()]) {
    process.close();
  }
}
