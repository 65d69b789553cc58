/** Whether calls are let through: `halfOpen` lets one through to see. */
export type CircuitState = "closed" | "open" | "halfOpen";

/**
 * What a call told of the service:
 * - `answer`: it is there, whatever it said (a refusal and "too many requests" are answers);
 * - `outage`: it is not (no connection, no answer in good time, a gateway's 5xx);
 * - `nothing`: neither (the caller gave up, or had no time left).
 */
type CircuitOutcome = "answer" | "outage" | "nothing";

/** Thrown in place of a call that is not made. */
export class CircuitOpenError extends Error {
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super("not asked, after repeated failures");
    this.name = "CircuitOpenError";
    this.retryAfterMs = retryAfterMs;
  }
}

export type CircuitBreaker = {
  /** @throws CircuitOpenError when calls are not let through now */
  check(): void;
  /**
   * Begins a call; its outcome must be told.
   * @param options.always also when the circuit is open: for calls whose purpose is to find out
   * @throws CircuitOpenError
   */
  enter(options?: { always?: boolean }): (outcome: CircuitOutcome) => void;
  readonly state: CircuitState;
  /** Outages in a row. */
  readonly failures: number;
  /** How often it opened since the start. */
  readonly opened: number;
};

export type CircuitBreakerOptions = {
  /** Outages in a row, without an answer between them, that open it. */
  readonly threshold?: number;
  /** They must also lie over so long a time: what fails in one blink, such as many connections at once, is one event. */
  readonly overMs?: number;
  /** How long it stays open first; doubles with every failed probe. */
  readonly openMs?: number;
  readonly maxOpenMs?: number;
  readonly onChange?: (state: CircuitState, failures: number) => void;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** From 0 up to 1; spreads the probes of several processes. */
  readonly random?: () => number;
};

/**
 * Keeps calls from a service that is out: they fail at once instead of each waiting for its time to pass, and the
 * service is not buried in calls when it comes back. It only ever delays the discovery that a service is back, by
 * `maxOpenMs` at most.
 */
export function createCircuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  const { threshold = 5, overMs = 1_000, openMs = 1_000, maxOpenMs = 15_000 } = options;
  const now = options.now ?? (() => performance.now());
  const random = options.random ?? Math.random;
  let state: CircuitState = "closed";
  let failures = 0;
  let opened = 0;
  /** When the first of the outages in a row began. */
  let failingSince = 0;
  let openUntil = 0;
  let pause = openMs;

  function change(next: CircuitState): void {
    if (state !== next) {
      state = next;
      opened += next === "open" ? 1 : 0;
      options.onChange?.(next, failures);
    }
  }

  function open(): void {
    openUntil = now() + pause * (0.75 + random() / 2);
    change("open");
  }

  function check(): void {
    if (state === "open" && now() < openUntil) {
      throw new CircuitOpenError(openUntil - now());
    }

    if (state === "halfOpen") {
      throw new CircuitOpenError(pause);
    }
  }

  function end(outcome: CircuitOutcome, startedAt: number, isProbe: boolean): void {
    if (outcome === "answer") {
      failures = 0;
      pause = openMs;
      change("closed");

      return;
    }

    if (outcome === "outage") {
      failingSince = failures === 0 ? startedAt : Math.min(failingSince, startedAt);
      failures += 1;

      if (isProbe && state === "halfOpen") {
        pause = Math.min(pause * 2, maxOpenMs);
        open();
      } else if (state === "closed" && failures >= threshold && now() - failingSince >= overMs) {
        open();
      }

      return;
    }

    if (isProbe && state === "halfOpen") {
      // The probe found nothing out: the next caller is one.
      openUntil = 0;
      change("open");
    }
  }

  return {
    check,
    enter({ always = false } = {}) {
      if (!always) {
        check();
      }

      const isProbe = state === "open" && now() >= openUntil;
      const startedAt = now();
      let ended = false;

      if (isProbe) {
        change("halfOpen");
      }

      return (outcome) => {
        if (!ended) {
          ended = true;
          end(outcome, startedAt, isProbe);
        }
      };
    },
    get state() {
      return state;
    },
    get failures() {
      return failures;
    },
    get opened() {
      return opened;
    },
  };
}
