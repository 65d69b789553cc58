/** What a caller allows a call: its time and the id that ties it to an audit event. */
export type CallOptions = {
  readonly correlationId: string;
  /** Milliseconds for everything: waiting for a free slot, the token, all attempts. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
};

/** Milliseconds that a call may take when nobody says otherwise. */
export const DEFAULT_TIMEOUT_MS = 10_000;

/** Thrown inside when time is up or the caller gave up; borders translate it. */
export class DeadlineError extends Error {
  readonly cancelled: boolean;

  constructor(cancelled: boolean) {
    super(cancelled ? "the caller gave up" : "time is up");
    this.name = "DeadlineError";
    this.cancelled = cancelled;
  }
}

/**
 * Runs a task with a signal that fires after `timeoutMs` or with the caller's signal, whichever is first.
 * The listener on the caller's signal is removed at the end: AbortSignal.any of Node 20 keeps it for as long as
 * the (possibly process-long) source lives.
 * @throws DeadlineError as the signal's reason; what the task throws
 */
export async function withDeadline<T>(
  limits: { timeoutMs: number; signal?: AbortSignal | undefined },
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (limits.signal?.aborted) {
    throw new DeadlineError(true);
  }

  const controller = new AbortController();
  const onAbort = () => controller.abort(new DeadlineError(true));
  const timer = setTimeout(() => controller.abort(new DeadlineError(false)), limits.timeoutMs);
  limits.signal?.addEventListener("abort", onAbort, { once: true });

  try {
    return await task(controller.signal);
  } finally {
    clearTimeout(timer);
    limits.signal?.removeEventListener("abort", onAbort);
  }
}

/** Waits for a promise that others wait for too, but no longer than the signal lets this caller. @throws the signal's reason */
export function waitFor<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);

    if (signal.aborted) {
      onAbort();
    }

    // Also when time is up already: a promise that nobody listens to would end the process when it fails.
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Sleeps, or throws the signal's reason when that comes first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);

      return;
    }

    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
