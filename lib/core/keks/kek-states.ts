import { isCompromise, isDestroyed } from "@/lib/kmip/attributes/lifecycle";
import { RevocationReasonCode, State } from "@/lib/kmip/protocol/enumerations";
import type { Conditions } from "../sql-conditions";

/** KMIP's states and revocation reasons under the names of the API. */
export const KEK_STATES = {
  preActive: State.PreActive,
  active: State.Active,
  deactivated: State.Deactivated,
  compromised: State.Compromised,
  destroyed: State.Destroyed,
  destroyedCompromised: State.DestroyedCompromised,
} as const;

export type KekState = keyof typeof KEK_STATES;

export const REVOCATION_REASONS = {
  unspecified: RevocationReasonCode.Unspecified,
  keyCompromise: RevocationReasonCode.KeyCompromise,
  caCompromise: RevocationReasonCode.CACompromise,
  affiliationChanged: RevocationReasonCode.AffiliationChanged,
  superseded: RevocationReasonCode.Superseded,
  cessationOfOperation: RevocationReasonCode.CessationOfOperation,
  privilegeWithdrawn: RevocationReasonCode.PrivilegeWithdrawn,
} as const;

export type RevocationReason = keyof typeof REVOCATION_REASONS;

const STATE_NAMES = new Map<number, KekState>(
  (Object.entries(KEK_STATES) as [KekState, number][]).map(([name, code]) => [code, name]),
);
const REASON_NAMES = new Map<number, RevocationReason>(
  (Object.entries(REVOCATION_REASONS) as [RevocationReason, number][]).map(([name, code]) => [code, name]),
);

/** Name of a state. @throws RangeError for a number that is none */
export function stateName(state: number): KekState {
  const name = STATE_NAMES.get(state);

  if (name === undefined) {
    throw new RangeError(`${state} is not a KMIP state.`);
  }

  return name;
}

/** Name of a Revocation Reason Code; null for a vendor's own. */
export function reasonName(code: number): RevocationReason | null {
  return REASON_NAMES.get(code) ?? null;
}

/**
 * The state that a revocation leads to: Compromised for a compromise, else Deactivated (KMIP 1.4 §4.20). A state that
 * says as much already stays: what is known to be compromised never becomes less than that.
 */
export function stateAfterRevocation(state: number, reasonCode: number): number {
  return state === State.Compromised || isCompromise(reasonCode) ? State.Compromised : State.Deactivated;
}

/** What revoking a KEK would lead to. */
export type RevocationOutcome = {
  readonly reason: RevocationReason;
  readonly leadsTo: KekState;
  /** A compromise: when it happened can be told with it. */
  readonly compromise: boolean;
};

/** What revoking a KEK in this state leads to, for each reason; nothing can be revoked that is destroyed. */
export function revocationOutcomes(state: number): readonly RevocationOutcome[] {
  return isDestroyed(state)
    ? []
    : (Object.entries(REVOCATION_REASONS) as [RevocationReason, number][]).map(([reason, code]) => ({
        reason,
        leadsTo: stateName(stateAfterRevocation(state, code)),
        compromise: isCompromise(code),
      }));
}

const date = (name: string) => `(o.attributes #>> '{${name},0,v,v}')::bigint`;

/**
 * Narrows to a state as it is now: dates move stored states on (KMIP 3.22), and no row is written when they do, so
 * the condition repeats what `stateAt` of the engine does.
 */
export function addStateCondition(where: Conditions, state: KekState, now: Date): void {
  if (state !== "preActive" && state !== "active" && state !== "deactivated") {
    where.add("o.state = ?", KEK_STATES[state]);

    return;
  }

  const seconds = `${where.parameter(Math.floor(now.getTime() / 1_000))}::bigint`;
  const activated = `coalesce(${date("Activation Date")} <= ${seconds}, FALSE)`;
  const deactivated = `coalesce(${date("Deactivation Date")} <= ${seconds}, FALSE)`;
  const isActive = `(o.state = ${State.Active} OR (o.state = ${State.PreActive} AND ${activated}))`;

  where.add(
    {
      preActive: `o.state = ${State.PreActive} AND NOT ${activated}`,
      active: `${isActive} AND NOT ${deactivated}`,
      deactivated: `o.state = ${State.Deactivated} OR (${isActive} AND ${deactivated})`,
    }[state],
  );
}
