/**
 * A rate of messages as a schedule (the generic cell rate algorithm): no timer, no queue, two numbers.
 */

/** Seconds of the rate that may come at once. */
const BURST_SECONDS = 2;

export class Pace {
  readonly #intervalMs: number;
  readonly #toleranceMs: number;
  /** When the schedule is free again, in monotonic milliseconds. */
  #free = 0;

  /** @param perSecond messages; 0 for as many as come */
  constructor(perSecond: number) {
    this.#intervalMs = perSecond === 0 ? 0 : 1_000 / perSecond;
    this.#toleranceMs = BURST_SECONDS * 1_000;
  }

  /** Reserves the next place; answers how many milliseconds it is ahead, 0 for now. */
  reserve(now: number): number {
    if (this.#intervalMs === 0) {
      return 0;
    }
    this.#free = Math.max(this.#free, now) + this.#intervalMs;
    return Math.max(0, this.#free - this.#toleranceMs - now);
  }

  /** Gives the place back that was reserved last. */
  giveBack(): void {
    this.#free -= this.#intervalMs;
  }

  /** True if nothing is lost when the schedule is forgotten. */
  isFree(now: number): boolean {
    return this.#free <= now;
  }
}
