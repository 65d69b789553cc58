import { expect, test } from "vitest";
import {
  KEK_STATES,
  REVOCATION_REASONS,
  revocationOutcomes,
  stateAfterRevocation,
  stateName,
} from "./kek-states";

test.each([
  ["active", "unspecified", "deactivated"],
  ["preActive", "superseded", "deactivated"],
  ["active", "keyCompromise", "compromised"],
  ["deactivated", "caCompromise", "compromised"],
  ["deactivated", "privilegeWithdrawn", "deactivated"],
  // What is known to be compromised never becomes less than that.
  ["compromised", "unspecified", "compromised"],
] as const)("%s revoked for %s is %s", (state, reason, expected) => {
  expect(stateName(stateAfterRevocation(KEK_STATES[state], REVOCATION_REASONS[reason]))).toBe(expected);
  expect(revocationOutcomes(KEK_STATES[state])).toContainEqual(
    expect.objectContaining({ reason, leadsTo: expected }),
  );
});

test("nothing is revoked that is destroyed", () => {
  expect(revocationOutcomes(KEK_STATES.destroyed)).toEqual([]);
  expect(revocationOutcomes(KEK_STATES.destroyedCompromised)).toEqual([]);
});
