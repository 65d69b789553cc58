import type { KeyManager } from "@/lib/key-managers/key-manager";

/**
 * Trouble that a world can make between adapter and key manager. It lasts until the function that `trouble` gave is
 * called, and it does not reach the world's own administrator.
 */
export type Trouble =
  /** Every request is turned away for being one too many, without a word on when to come back. */
  | "throttled"
  /** The same, with the word: two minutes, longer than any caller waits. */
  | "throttledFor120Seconds"
  /** The first two requests are turned away with the word "at once"; the others are served. */
  | "throttledTwice"
  /** No answer comes, neither good nor bad, for as long as it lasts. */
  | "silent"
  /** Connections are cut: nothing arrives. */
  | "unreachable"
  /** Every request is answered with a failure of the service's own. */
  | "broken"
  /** Something answers that does not speak the protocol, e.g. a proxy's sign-in page. */
  | "foreign"
  /** Answers are in the protocol's form, but without what they are asked for. */
  | "empty";

/** What a world may be without. Each is declared with its reason, which then stands in the test report. */
export type Ability =
  | Trouble
  /** `disableRootKey` and `enableRootKey`. */
  | "disabling"
  /** `connectAsStranger`. */
  | "credentials"
  /** `withdrawPermission` and `grantPermission`. */
  | "permissions"
  /** `interruptAt`. */
  | "interruption"
  /** `deleteStandardKey`: somebody else deletes a standard key. */
  | "deletionByOthers";

/** A call of the adapter that dies on the way, as it does when its process is killed or its machine cut off. */
type Interruption = {
  /** True when the call came so far. */
  readonly reached: () => boolean;
  /** Ends it: requests get through again. */
  readonly end: () => Promise<void>;
};

/**
 * A key manager that an adapter is tried on, and the means to do to it what happens to key managers. Nothing in it
 * speaks of HTTP: an adapter for a token in the same machine is tried in a world of its own.
 *
 * Methods that are undefined must be declared in `lacks` (see describeKeyManager).
 */
export type KeyManagerWorld = {
  /**
   * A new adapter with credentials that may do everything. It shares nothing with adapters before it that trouble
   * could have left in a bad state (circuit breakers, token caches), and pauses between attempts are short.
   */
  connect(): KeyManager;
  /** The same, with credentials that nobody knows. */
  connectAsStranger?(): KeyManager;
  /** Makes a root key, as its owner would. @returns its id */
  makeRootKey(name: string): Promise<string>;
  /** Rotates a root key at once. */
  rotateRootKey(id: string): Promise<void>;
  disableRootKey?(id: string): Promise<void>;
  enableRootKey?(id: string): Promise<void>;
  destroyRootKey(id: string): Promise<void>;
  /** Deletes a standard key behind the adapter's back. */
  deleteStandardKey?(id: string): Promise<void>;
  /** Takes from the identity of `connect` what it needs to work with keys; its credentials stay good. */
  withdrawPermission?(): Promise<void>;
  grantPermission?(): Promise<void>;
  /** Begins trouble. @returns the function that ends it */
  trouble?(kind: Trouble): Promise<() => Promise<void>>;
  /**
   * From the given request of the adapter on (1 is the next one), nothing gets through any more.
   * @param when `before`: that request is not carried out; `after`: it is, and its answer is lost
   */
  interruptAt?(request: number, when: "before" | "after"): Promise<Interruption>;
  close(): Promise<void>;
};
