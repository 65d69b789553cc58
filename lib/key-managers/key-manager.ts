/** The port to a key manager: where CRKs live and wrapped KEKs are kept as standard keys. */

/** Life-cycle states of a key in the key manager (Key Protect's numbers: 0, 1, 2, 3, 5). */
export type KeyManagerKeyState = "preActive" | "active" | "suspended" | "deactivated" | "destroyed";

/** A root key as its key manager describes it. */
export type RootKey = {
  readonly id: string;
  readonly name: string;
  readonly state: KeyManagerKeyState;
  readonly keyRing: string;
  readonly lastRotatedAt: Date | null;
  /** Number of versions, where the key manager tells without another call. */
  readonly versions: number | null;
  readonly currentVersion: string | null;
  readonly algorithm: string;
};

/** Bytes wrapped under a CRK; opaque. */
export type WrappedKey = { readonly bytes: Uint8Array; readonly crkVersion: string | null };

export type UnwrappedKey = {
  /** The caller zeroes it. */
  readonly plaintext: Uint8Array;
  /** The version that had wrapped it. */
  readonly crkVersion: string | null;
  /** Present when that version is retired: the same key wrapped under the latest. */
  readonly rewrapped?: WrappedKey;
};

export type StandardKey = {
  readonly id: string;
  readonly name: string;
  readonly payload: Uint8Array;
  readonly state: KeyManagerKeyState;
};

/** What a standard key is found by. */
export type StandardKeyMarks = { readonly name: string; readonly description: string };

/** Per call: how long it may take (milliseconds) and the id that ties it to an audit event. */
export type CallContext = {
  readonly correlationId: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

export interface KeyManager {
  /** Its provider's. */
  readonly kind: string;
  /** Wraps up to 7,500 bytes. `aad` must be repeated to unwrap, in the same order. */
  wrap(
    crkId: string,
    plaintext: Uint8Array,
    aad: readonly string[],
    context: CallContext,
  ): Promise<WrappedKey>;
  unwrap(
    crkId: string,
    wrapped: Uint8Array,
    aad: readonly string[],
    context: CallContext,
  ): Promise<UnwrappedKey>;
  /** Stores bytes as a standard key. Names are not unique; the call is never retried (see findStandardKeys). */
  createStandardKey(
    key: { name: string; payload: Uint8Array; keyRing?: string; description?: string },
    context: CallContext,
  ): Promise<{ id: string }>;
  /** Ids of standard keys of exactly this name and description that are not destroyed. */
  findStandardKeys(marks: StandardKeyMarks, context: CallContext): Promise<{ id: string }[]>;
  /** @throws KeyManagerError `notFound` or `deleted` */
  getStandardKey(id: string, context: CallContext): Promise<StandardKey>;
  /** Deletes for good as far as serving goes (restorable for 30 days in IBM's key managers). A key that is gone is no error. */
  deleteStandardKey(id: string, context: CallContext): Promise<void>;
  getRootKey(crkId: string, context: CallContext): Promise<RootKey>;
  /** Makes a new version of a root key, in key managers that can; never repeated without an answer. */
  rotateRootKey?(crkId: string, context: CallContext): Promise<void>;
  /** Only root keys. `cursor` is opaque. */
  listRootKeys(
    query: { keyRing?: string; search?: string; cursor?: string; limit?: number },
    context: CallContext,
  ): Promise<{ items: RootKey[]; nextCursor: string | null }>;
  listKeyRings(context: CallContext): Promise<{ id: string }[]>;
  /** Ends kept-alive connections. */
  close(): Promise<void>;
}

/**
 * What went wrong, in terms that callers decide by. `definite` failures are the key manager's own answer
 * (they drop caches at once); the others may be bridged by an outage grace.
 */
export const KEY_MANAGER_FAILURES = {
  /** API key or token not accepted (IAM 400/401). */
  credentials: { definite: true },
  /** No access to the instance or the key (Key Protect answers 401, 403). */
  forbidden: { definite: true },
  notFound: { definite: true },
  /** The key was deleted (410, or state destroyed). */
  deleted: { definite: true },
  /** The key's state does not allow the action: suspended, deactivated, expired (409, 422). */
  keyState: { definite: true },
  /** Ciphertext or AAD do not fit (422). */
  ciphertext: { definite: true },
  /** Another definite refusal (400, 409 …), see `code`. */
  rejected: { definite: true },
  throttled: { definite: false },
  timeout: { definite: false },
  unreachable: { definite: false },
  /** 5xx, or an answer that makes no sense. */
  serverError: { definite: false },
} as const;

export type KeyManagerFailure = keyof typeof KEY_MANAGER_FAILURES;

/** Error of a key manager. Its message never holds key material or credentials. */
export class KeyManagerError extends Error {
  readonly failure: KeyManagerFailure;
  /** HTTP status, where there was one. */
  readonly status: number | null;
  /** The key manager's own code, e.g. KEY_ACTION_INVALID_STATE_ERR. */
  readonly code: string | null;
  readonly correlationId: string | null;
  /** Milliseconds the key manager asked to wait. */
  readonly retryAfterMs: number | null;

  constructor(
    failure: KeyManagerFailure,
    message: string,
    details: {
      status?: number;
      code?: string | null;
      correlationId?: string;
      retryAfterMs?: number;
      cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "KeyManagerError";
    this.failure = failure;
    this.status = details.status ?? null;
    this.code = details.code ?? null;
    this.correlationId = details.correlationId ?? null;
    this.retryAfterMs = details.retryAfterMs ?? null;
  }

  /** True when the key manager itself said no, false when it may only be out of reach. */
  get definite(): boolean {
    return KEY_MANAGER_FAILURES[this.failure].definite;
  }
}
