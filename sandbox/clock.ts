/** Time source. Tests pass their own, so that waits of 30 seconds, an hour or 30 days need no waiting. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Lengths of time in milliseconds. */
export const SECOND = 1000;
export const HOUR = 3600 * SECOND;
export const DAY = 24 * HOUR;

/** A stored date: RFC 3339 in UTC with milliseconds, so that keys made in the same second keep their order. */
export function toStoredDate(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** A stored date as the services write it: whole seconds, `2026-01-02T03:04:05Z`. */
export function toWireDate(stored: string): string {
  return stored.replace(/\.\d+Z$/, "Z");
}
