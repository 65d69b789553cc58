import { expect, test } from "vitest";
import { stateAfterRevocation } from "./revocation";

test.each([
  ["active", "unspecified", "deactivated"],
  ["preActive", "superseded", "deactivated"],
  ["active", "keyCompromise", "compromised"],
  ["deactivated", "caCompromise", "compromised"],
  ["deactivated", "privilegeWithdrawn", "deactivated"],
  // What is known to be compromised never becomes less than that.
  ["compromised", "unspecified", "compromised"],
] as const)("%s revoked for %s is %s", (state, reason, expected) => {
  expect(stateAfterRevocation(state, reason)).toBe(expected);
});
