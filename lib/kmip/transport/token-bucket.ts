/**
 * A token bucket, kept as a schedule (the generic cell rate algorithm): no timer, no queue, two numbers.
 */

/** The bucket's size: seconds of the rate that may come at once. */
const BURST_SECONDS = 2;

/** Bounds a rate of messages. */
export class TokenBucket {
  readonly #intervalMs: number;
  readonly #toleranceMs: number;
  /** When the bucket is full again, in monotonic milliseconds. */
  #fullAt = 0;

  /** @param perSecond messages; 0 for as many as come */
  constructor(perSecond: number) {
    this.#intervalMs = perSecond === 0 ? 0 : 1_000 / perSecond;
    this.#toleranceMs = BURST_SECONDS * 1_000;
  }

  /** Takes the next token; answers in how many milliseconds it may be used, 0 for now. */
  reserve(now: number): number {
    if (this.#intervalMs === 0) {
      return 0;
    }
    this.#fullAt = Math.max(this.#fullAt, now) + this.#intervalMs;
    return Math.max(0, this.#fullAt - this.#toleranceMs - now);
  }

  /** Gives the token back that was taken last. */
  refund(): void {
    this.#fullAt -= this.#intervalMs;
  }

  /** True if nothing is lost when the bucket is forgotten. */
  isFull(now: number): boolean {
    return this.#fullAt <= now;
  }
}
