import {
  type CallOptions,
  DEFAULT_TIMEOUT_MS,
  DeadlineError,
  waitFor,
  withDeadline,
} from "@/lib/resilience/deadline";
import { IbmCloudError } from "./errors";
import { timeoutError } from "./http";
import { type ExchangedToken, IAM_SERVICE, type IamToken } from "./iam-token";

/** Gives bearer tokens for one credential. */
export type TokenSource = {
  /** A valid token. @throws IbmCloudError `credentials` … */
  token(options: CallOptions): Promise<IamToken>;
  /**
   * Tells that a service answered 401 to this token. True when it was dropped and trying once more with a new one makes
   * sense; false when that was done a moment ago, so that a missing role does not double every request.
   */
  refused(token: IamToken): boolean;
  /**
   * Has the next call prove with a new token that the credential is still good. While IAM is out of order, the token in
   * hand goes on.
   */
  renew(): void;
};

type Obtain = () => Promise<ExchangedToken>;

type CacheEntry = {
  token: (IamToken & { refreshAt: number }) | null;
  pending: Promise<IamToken> | null;
  /** The credential may have ended before its token does. */
  doubted: boolean;
  /** No background refresh before this, after one that failed. */
  quietUntil: number;
  /** When a token was last dropped because a service refused it. */
  refusedAt: number;
};

const MAX_CACHED_CREDENTIALS = 20_000;
/** A token this close to its end is not used any more. */
const EXPIRY_MARGIN_MS = 30_000;
const REFRESH_RETRY_MS = 10_000;
const REFUSED_RETRY_MS = 10_000;

/** Starts a token exchange, or joins the one that runs. */
function exchange(obtain: Obtain, entry: CacheEntry): Promise<IamToken> {
  entry.pending ??= obtain()
    .then((token) => {
      entry.token = token;
      entry.doubted = false;

      return token;
    })
    .finally(() => {
      entry.pending = null;
    });

  return entry.pending;
}

/** The token in hand, or a new one. @throws IbmCloudError */
async function currentToken(
  obtain: Obtain,
  entry: CacheEntry,
  now: () => number,
  call: CallOptions,
): Promise<IamToken> {
  const { token } = entry;
  const time = now();
  const good = token !== null && time < token.expiresAt - EXPIRY_MARGIN_MS;
  const proves = good && entry.doubted && time >= entry.quietUntil;

  if (good && !proves) {
    if (time >= token.refreshAt && entry.pending === null && time >= entry.quietUntil) {
      // In the background: the token in hand is good, and stays so when this fails.
      exchange(obtain, entry).catch(() => {
        entry.quietUntil = now() + REFRESH_RETRY_MS;
      });
    }

    return token;
  }

  try {
    return await withDeadline(
      { timeoutMs: call.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal: call.signal },
      (signal) => waitFor(exchange(obtain, entry), signal),
    );
  } catch (error) {
    if (error instanceof IbmCloudError && error.failure === "credentials") {
      // The credential has ended: its last token must not outlive it here.
      entry.token = null;
    } else if (good && entry.token === token) {
      entry.quietUntil = now() + REFRESH_RETRY_MS;

      return token;
    }

    throw error instanceof DeadlineError ? timeoutError(IAM_SERVICE, error) : error;
  }
}

/**
 * Tokens by credential; all who ask for the same share one exchange.
 * @param now clock in milliseconds
 */
export function createTokenCache(now: () => number): {
  /** The tokens of one credential, by a name that nobody else has. */
  sourceOf(key: string, obtain: Obtain): TokenSource;
} {
  const cache = new Map<string, CacheEntry>();

  function entryOf(key: string): CacheEntry {
    const known = cache.get(key);

    if (known) {
      return known;
    }

    if (cache.size >= MAX_CACHED_CREDENTIALS) {
      // Oldest first: a credential that is still in use makes itself a new entry.
      const [oldest] = cache.keys();
      cache.delete(oldest ?? "");
    }

    const entry: CacheEntry = {
      token: null,
      pending: null,
      doubted: false,
      quietUntil: 0,
      refusedAt: -Infinity,
    };
    cache.set(key, entry);

    return entry;
  }

  function sourceOf(key: string, obtain: Obtain): TokenSource {
    return {
      token: (call) => currentToken(obtain, entryOf(key), now, call),
      refused(token) {
        const entry = entryOf(key);

        if (entry.token !== null && entry.token.value !== token.value) {
          return true;
        }

        // Replaced a moment ago and refused again: the token is good, and what is missing is a role.
        if (now() - entry.refusedAt < REFUSED_RETRY_MS) {
          return false;
        }

        entry.token = null;
        entry.refusedAt = now();

        return true;
      },
      renew() {
        const entry = entryOf(key);

        entry.doubted = true;
        entry.quietUntil = 0;
      },
    };
  }

  return { sourceOf };
}

/**
 * Runs a call of a platform service with a token. A 401 says that the token itself is not accepted (no access is
 * 403 there): then once more with a new one.
 * @throws what `task` throws
 */
export async function withToken<T>(
  source: TokenSource,
  call: CallOptions,
  task: (token: IamToken) => Promise<T>,
): Promise<T> {
  const token = await source.token(call);

  try {
    return await task(token);
  } catch (error) {
    if (error instanceof IbmCloudError && error.status === 401 && source.refused(token)) {
      return task(await source.token(call));
    }

    throw error;
  }
}
