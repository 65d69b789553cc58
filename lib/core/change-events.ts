import { type ChangeEvent, subscribe } from "@/lib/db";
import type { EngineLogger } from "@/lib/kmip/ports";

type ChangeListener = {
  onEvent(event: ChangeEvent): void;
  /** Events may have been missed: everything that was learnt so far may be out of date. */
  onGap(): void;
};

/** One subscription to the other processes' events, shared by everything in this process that caches. */
export interface ChangeEvents {
  /** Resolves when the first LISTEN stands. */
  readonly ready: Promise<void>;
  /** False while events may go missing: then nothing may be answered from memory. */
  trusted(): boolean;
  /** Returns the function that ends the subscription. */
  subscribe(listener: ChangeListener): () => void;
  close(): Promise<void>;
}

/**
 * A gap is reported when it is noticed, at every attempt to connect again (at most 9 s apart: 2 s pause, 5 s to
 * connect, 2 s for LISTEN) and when listening stands again. So this long after the last report it is over.
 */
const GAP_QUIET_MS = 10_000;

/** Starts to listen. @param url connection string of the database */
export function createChangeEvents(
  url: string,
  options: { logger?: Pick<EngineLogger, "warn">; now?: () => number } = {},
): ChangeEvents {
  // The monotonic clock: a changed wall clock must not make a gap look old.
  const now = options.now ?? (() => performance.now());
  const listeners = new Set<ChangeListener>();
  let listening = false;
  let lastGap = Number.NEGATIVE_INFINITY;

  const subscription = subscribe(url, {
    onEvent(event) {
      for (const listener of listeners) {
        listener.onEvent(event);
      }
    },
    onGap() {
      lastGap = now();

      for (const listener of listeners) {
        listener.onGap();
      }
    },
    onError(error) {
      options.logger?.warn({ err: error }, "connection for database notifications lost");
    },
    onMalformed() {
      options.logger?.warn({}, "a database notification that is no event was ignored, as others will be");
    },
  });

  const ready = subscription.ready.then(() => {
    listening = true;
  });

  return {
    ready,
    trusted: () => listening && now() - lastGap > GAP_QUIET_MS,
    subscribe(listener) {
      listeners.add(listener);

      return () => {
        listeners.delete(listener);
      };
    },
    close: () => subscription.close(),
  };
}
