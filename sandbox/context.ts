import type { Logger } from "pino";

import type { MovableClock } from "./clock";
import type { SandboxStore } from "./store/store";
import type { Vault } from "./store/vault";

/** The four log calls that the sandbox makes; a pino logger is one. */
export type SandboxLogger = Pick<Logger, "debug" | "info" | "warn" | "error">;

/** What every handler works with. */
export interface SandboxContext {
  store: SandboxStore;
  vault: Vault;
  clock: MovableClock;
  logger: SandboxLogger | undefined;
  /**
   * true: the waits of the real services (30 s before enable and restore, an hour between rotations and between
   * syncs, four hours before a purge) are not enforced.
   */
  relaxedWaits: boolean;
  /** Base URL under which clients reach the sandbox, without a slash at the end. */
  baseUrl: () => string;
}
