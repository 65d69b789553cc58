/** Lets at most so many tasks run at once; the rest wait in order. */
export type Limiter = {
  /** Runs the task when there is room. @throws the signal's reason when it fires while waiting; what the task throws */
  run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Tasks that run now, and tasks that wait. */
  readonly load: { running: number; waiting: number };
};

/** @param max how many tasks run at once, at least 1 */
export function createLimiter(max: number): Limiter {
  const waiting = new Set<() => void>();
  let running = 0;

  function acquire(signal: AbortSignal): Promise<void> {
    if (signal.aborted) {
      return Promise.reject(signal.reason);
    }

    if (running < max) {
      running += 1;

      return Promise.resolve();
    }

    return new Promise((resolve, reject) => {
      const onAbort = () => {
        waiting.delete(grant);
        reject(signal.reason);
      };
      // The slot is handed over, so `running` does not change.
      const grant = () => {
        waiting.delete(grant);
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      waiting.add(grant);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  function release(): void {
    const [next] = waiting;

    if (next === undefined) {
      running -= 1;
    } else {
      next();
    }
  }

  return {
    async run(task, signal) {
      await acquire(signal);

      try {
        return await task();
      } finally {
        release();
      }
    },
    get load() {
      return { running, waiting: waiting.size };
    },
  };
}
