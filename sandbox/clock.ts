/** Time source. Tests pass their own, so that waits of 30 seconds, an hour or 30 days need no waiting. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** A clock that can be moved. It runs on from where it was moved to. */
export interface MovableClock extends Clock {
  /** How far it is from the clock below it, in milliseconds. */
  offset(): number;
  moveTo(offset: number): void;
}

/** A movable clock over another one. Where it was moved to is kept in memory only. */
export function movableClock(base: Clock): MovableClock {
  let offset = 0;

  return {
    now: () => base.now() + offset,
    offset: () => offset,
    moveTo: (wanted) => {
      offset = wanted;
    },
  };
}

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
