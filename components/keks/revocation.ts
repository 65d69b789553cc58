import type { KekState, RevocationReason } from "@/lib/api/keks/schemas";

/** The KMIP state that a revocation leads to (KMIP 1.4 §4.20: a compromise leads to Compromised). */
export function stateAfterRevocation(state: KekState, reason: RevocationReason): KekState {
  const compromise = reason === "keyCompromise" || reason === "caCompromise";

  if (state === "compromised") {
    return state;
  }

  return compromise ? "compromised" : "deactivated";
}
