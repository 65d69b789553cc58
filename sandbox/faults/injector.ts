import { randomUUID } from "node:crypto";

import type { RequestTarget, SandboxRequest, SandboxResponse, TargetedMiddleware } from "../http/types";
import { compileMatch, type Fault, type FaultInput, faultSchema } from "./rules";

/** A fault that is in force. */
export interface ActiveFault {
  id: string;
  fault: Fault;
  /** How many requests it has come true for. */
  fired: number;
}

/** A budget of requests that fills up again with time (token bucket). */
class Budget {
  readonly #perMillisecond: number;
  readonly #most: number;
  #left: number;
  #at: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perMillisecond = perSecond / 1000;
    this.#most = burst;
    this.#left = burst;
    this.#at = now;
  }

  /** Takes one request out of the budget; false if there is none left. */
  take(now: number): boolean {
    this.#left = Math.min(this.#most, this.#left + (now - this.#at) * this.#perMillisecond);
    this.#at = now;
    if (this.#left < 1) {
      return false;
    }
    this.#left -= 1;

    return true;
  }
}

class Rule implements ActiveFault {
  readonly id = randomUUID();
  readonly fault: Fault;
  readonly #matches: ReturnType<typeof compileMatch>;
  readonly #budget: Budget | undefined;
  readonly #waiting = new Set<() => void>();
  #ended = false;
  #seen = 0;
  fired = 0;

  constructor(fault: Fault) {
    this.fault = fault;
    this.#matches = compileMatch(fault);
    if (fault.kind === "throttle") {
      const burst = fault.burst ?? Math.max(1, Math.floor(fault.perSecond));
      this.#budget = new Budget(fault.perSecond, burst, performance.now());
    }
  }

  /** Ends the rule: whoever waits because of it waits no longer. */
  end(): void {
    this.#ended = true;
    for (const stop of this.#waiting) {
      stop();
    }
  }

  /** Fulfilled after so many milliseconds, without a number never, and in any case when the rule is ended. */
  wait(milliseconds?: number): Promise<void> {
    if (this.#ended) {
      return Promise.resolve();
    }

    return new Promise((resolve) => {
      const stop = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(stop);
        resolve();
      };
      const timer = milliseconds === undefined ? undefined : setTimeout(stop, milliseconds);
      this.#waiting.add(stop);
    });
  }

  /** Whether it comes true for this request; it is counted then. */
  comesTrue(request: SandboxRequest, target: RequestTarget): boolean {
    const { rate, skip, times } = this.fault;
    if (times !== undefined && this.fired >= times) {
      return false;
    }
    if (!this.#matches(request, target)) {
      return false;
    }
    this.#seen += 1;
    if (this.#seen <= skip) {
      return false;
    }
    // Real time, not the sandbox's: a clock that is moved must not fill budgets.
    if (this.#budget?.take(performance.now())) {
      return false;
    }
    if (rate < 1 && Math.random() >= rate) {
      return false;
    }
    this.fired += 1;

    return true;
  }
}

const cut: SandboxResponse = { status: 0, cut: true };

/**
 * Makes requests go wrong by rules. They live in memory only: a sandbox that is started again has none, so that
 * nobody searches for the cause of a fault that was set yesterday.
 */
export class FaultInjector {
  #rules: readonly Rule[] = [];

  /** The faults in force, in the order in which they were set. */
  list(): ActiveFault[] {
    return this.#rules.map(({ id, fault, fired }) => ({ id, fault, fired }));
  }

  /** Sets a fault beside those in force. Throws a ZodError if it is not a fault. */
  add(input: FaultInput): ActiveFault {
    const rule = new Rule(faultSchema.parse(input));
    this.#rules = [...this.#rules, rule];

    return rule;
  }

  /** Takes one fault back; false if there is none of this identifier. */
  remove(id: string): boolean {
    const rule = this.#rules.find((candidate) => candidate.id === id);
    this.#rules = this.#rules.filter((candidate) => candidate !== rule);
    rule?.end();

    return rule !== undefined;
  }

  /** Takes all faults back. */
  clear(): void {
    const ended = this.#rules;
    this.#rules = [];
    for (const rule of ended) {
      rule.end();
    }
  }

  /** The step around every request. Delays come first, then the first rule that ends the request. */
  readonly middleware: TargetedMiddleware = (request, next, target) => {
    if (this.#rules.length === 0) {
      return next();
    }

    return this.#inject(request, next, target);
  };

  async #inject(
    request: SandboxRequest,
    next: () => Promise<SandboxResponse>,
    target: RequestTarget,
  ): Promise<SandboxResponse> {
    const rules = this.#rules;
    for (const rule of rules) {
      const { fault } = rule;
      if (fault.kind !== "latency" || !rule.comesTrue(request, target)) {
        continue;
      }
      await rule.wait(fault.ms + Math.random() * fault.jitterMs);
    }
    for (const rule of rules) {
      const { fault } = rule;
      if (fault.kind === "latency" || !rule.comesTrue(request, target)) {
        continue;
      }
      switch (fault.kind) {
        case "error":
          return refuse(target, fault.status, fault.code, fault.retryAfterSeconds);
        case "throttle":
          return refuse(target, 429, undefined, fault.retryAfterSeconds);
        case "hang":
          await rule.wait();
          return cut;
        case "cut":
          if (fault.when === "after") {
            await next();
          }
          return cut;
      }
    }

    return next();
  }
}

function refuse(
  target: RequestTarget,
  status: number,
  code: string | undefined,
  retryAfterSeconds: number | undefined,
): SandboxResponse {
  const refusal = target.refusal(status, code);
  if (retryAfterSeconds === undefined) {
    return refusal;
  }

  return { ...refusal, headers: { ...refusal.headers, "retry-after": String(retryAfterSeconds) } };
}
