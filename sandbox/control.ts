import { type Account, createAccount } from "./account";
import { toStoredDate } from "./clock";
import type { SandboxContext } from "./context";
import type { ActiveFault, FaultInjector } from "./faults/injector";
import { keepUp } from "./kms/upkeep";

/**
 * What happens from outside of the APIs that the sandbox serves. Changes of the account are records, durable when
 * their promise is fulfilled. Faults, the clock and the waits are in memory only: a sandbox that is started again
 * has none of it.
 */
export interface SandboxControl extends Account {
  readonly faults: FaultInjector;
  /**
   * Moves the sandbox's clock, by which keys expire and rotate, waits end and tokens run out, relative to the real
   * one. What became due on the way happens once.
   */
  moveClock(to: { offsetMs: number } | { advanceMs: number }): void;
  /** Whether the real services' waits are left out, see SandboxOptions.relaxedWaits. */
  setRelaxedWaits(relaxed: boolean): void;
  /** What of this is in force. */
  state(): { now: string; clockOffsetMs: number; relaxedWaits: boolean; faults: ActiveFault[] };
  /** Takes faults back, and clock and waits to what they were at the start. Changes of the account stay. */
  reset(): void;
}

/** The controls of a running sandbox. */
export function createControl(context: SandboxContext, faults: FaultInjector): SandboxControl {
  const relaxedAtStart = context.relaxedWaits;

  return {
    ...createAccount(context),
    faults,

    moveClock(to) {
      context.clock.moveTo("offsetMs" in to ? to.offsetMs : context.clock.offset() + to.advanceMs);
      keepUp(context);
    },

    setRelaxedWaits(relaxed) {
      context.relaxedWaits = relaxed;
    },

    state: () => ({
      now: toStoredDate(context.clock.now()),
      clockOffsetMs: context.clock.offset(),
      relaxedWaits: context.relaxedWaits,
      faults: faults.list(),
    }),

    reset() {
      faults.clear();
      context.clock.moveTo(0);
      context.relaxedWaits = relaxedAtStart;
    },
  };
}
