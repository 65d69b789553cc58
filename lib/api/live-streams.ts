import type { Actor } from "@/lib/core/actor";
import { AppError } from "@/lib/core/errors";
import { perProcess } from "@/lib/per-process";

/** Streams that one person or token, and one account, may have open in a process: each asks the database every second. */
const PER_CALLER = 5;
const PER_ACCOUNT = 20;
/** So often it is asked whether their reader may still read. */
const CHECK_MS = 3_000;
const RETRY_SECONDS = 30;

const open = perProcess("live-streams", () => new Map<string, number>());

function tooMany(): AppError {
  return new AppError("RATE_LIMITED", "Too many live streams are open. Close one of them first.", {
    extra: { retryAfterSeconds: RETRY_SECONDS },
  });
}

/**
 * Takes a place for a stream that lasts, and watches that its reader may still read.
 * @param stillAllowed asked every few seconds; false, or no answer, ends the stream
 * @returns a signal that aborts with the stream's right to be, and what gives the place back
 * @throws AppError RATE_LIMITED
 */
export function liveStream(
  { kind, id, accountId }: Actor,
  stillAllowed: () => Promise<boolean>,
): { readonly signal: AbortSignal; release(): void } {
  const limits = [
    [`${kind}:${id}`, PER_CALLER],
    [`account:${accountId}`, PER_ACCOUNT],
  ] as const;

  if (limits.some(([key, limit]) => (open().get(key) ?? 0) >= limit)) {
    throw tooMany();
  }

  for (const [key] of limits) {
    open().set(key, (open().get(key) ?? 0) + 1);
  }

  const ended = new AbortController();
  const timer = setInterval(() => {
    stillAllowed()
      .catch(() => false)
      .then((allowed) => allowed || ended.abort());
  }, CHECK_MS);
  let released = false;

  return {
    signal: ended.signal,
    release() {
      clearInterval(timer);

      if (!released) {
        released = true;

        for (const [key] of limits) {
          const left = (open().get(key) ?? 1) - 1;

          if (left > 0) {
            open().set(key, left);
          } else {
            open().delete(key);
          }
        }
      }
    },
  };
}
