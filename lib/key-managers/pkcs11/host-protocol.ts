import type { KeyManagerFailure } from "../key-manager";
import type { Token } from "./token";
import type { TokenDescription } from "./token-session";

/** First message to a token process: which module it loads, and for which token. */
export type HostStart = {
  readonly path: string;
  /** Null for a process that only lists tokens. */
  readonly login: { readonly label: string; readonly serial: string; readonly pin: string } | null;
};

/** What can be asked of a token process. */
export type HostCalls = Pick<
  Token,
  | "login"
  | "wrap"
  | "unwrap"
  | "createStandardKey"
  | "findStandardKeys"
  | "getStandardKey"
  | "deleteStandardKey"
  | "readKeyMetadata"
  | "listRootKeys"
  | "generateRootKey"
  | "rotateRootKey"
  | "sign"
  | "verify"
  | "probeStorage"
> & { listTokens(): TokenDescription[] };

export type HostMethod = keyof HostCalls;

export type HostRequest = {
  readonly id: number;
  readonly method: HostMethod;
  readonly args: readonly unknown[];
};

export type HostAnswer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | {
      readonly id: number;
      readonly ok: false;
      readonly failure: KeyManagerFailure;
      readonly message: string;
      readonly code: string | null;
    };
