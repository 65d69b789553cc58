import { RevocationReasonCode, State } from "@/lib/kmip/protocol/enumerations";
import type { Conditions } from "../sql-conditions";

/** KMIP's states and revocation reasons under the names of the API. */
const KEK_STATES = {
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
