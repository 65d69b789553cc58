/**
 * The life cycle of a managed object (KMIP 3.22): states, the transitions that dates bring about, and the changes
 * that operations and the console make to it.
 */

import type { ManagedObject, ManagedObjectChange, StoredAttributes, StoredValue } from "../ports";
import { RevocationReasonCode, State } from "../protocol/enumerations";
import { Tag } from "../protocol/tags";
import { termsOf } from "./terms";

/** Date-Time of a moment: whole POSIX seconds. */
export const toSeconds = (moment: Date): number => Math.floor(moment.getTime() / 1000);

/** The date of a single-instance attribute, in POSIX seconds, or null. */
export function dateOf(attributes: StoredAttributes, name: string): number | null {
  const value = attributes[name]?.[0]?.v;
  return value?.t === "dateTime" ? value.v : null;
}

/** The same attributes with one single-instance attribute set. */
export function withAttribute(
  attributes: StoredAttributes,
  name: string,
  value: StoredValue,
): StoredAttributes {
  return { ...attributes, [name]: [{ i: 0, v: value }] };
}

/** The same attributes with one date set to a moment. */
const withDate = (attributes: StoredAttributes, name: string, moment: Date): StoredAttributes =>
  withAttribute(attributes, name, { t: "dateTime", v: toSeconds(moment) });

/**
 * The state at a moment: as stored, moved on by Activation Date and Deactivation Date (transitions 4 and 6).
 */
export function stateAt(object: Pick<ManagedObject, "state" | "attributes">, now: Date): State {
  const seconds = toSeconds(now);
  let state = object.state as State;
  const activation = dateOf(object.attributes, "Activation Date");
  if (state === State.PreActive && activation !== null && activation <= seconds) {
    state = State.Active;
  }
  const deactivation = dateOf(object.attributes, "Deactivation Date");
  if (state === State.Active && deactivation !== null && deactivation <= seconds) {
    state = State.Deactivated;
  }
  return state;
}

/** True between Archive and Recover (3.32). */
export const isArchived = ({ attributes }: Pick<ManagedObject, "attributes">): boolean =>
  attributes["Archive Date"] !== undefined;

/** True once the material is gone for good. */
export const isDestroyed = (state: number): boolean =>
  state === State.Destroyed || state === State.DestroyedCompromised;

/** True for the reasons that put an object into Compromised (4.20). */
export const isCompromise = (code: number): boolean =>
  code === RevocationReasonCode.KeyCompromise || code === RevocationReasonCode.CACompromise;

/** A change of an object: its Last Change Date set, its search terms made anew. */
export function changeOf(
  object: ManagedObject,
  now: Date,
  state: State,
  attributes: StoredAttributes,
): ManagedObjectChange {
  const changed = withDate(attributes, "Last Change Date", now);
  return { revision: object.revision, state, attributes: changed, terms: termsOf(changed) };
}

/** Archive (4.22): off-line from now on. */
export const archival = (object: ManagedObject, now: Date): ManagedObjectChange =>
  changeOf(object, now, object.state as State, withDate(object.attributes, "Archive Date", now));

/** Recover (4.23): on-line again. */
export function recovery(object: ManagedObject, now: Date): ManagedObjectChange {
  const { "Archive Date": _, ...attributes } = object.attributes;
  return changeOf(object, now, object.state as State, attributes);
}

/** Activate (4.19): Active from now on. */
export function activation(object: ManagedObject, now: Date): ManagedObjectChange {
  return changeOf(object, now, State.Active, withDate(object.attributes, "Activation Date", now));
}

/** Why and since when an object is revoked. */
export type Revocation = {
  /** Revocation Reason Code enumeration. */
  readonly code: number;
  readonly message?: string;
  /** Compromise Occurrence Date; default: the Initial Date (4.20). */
  readonly occurred?: Date;
};

/**
 * Revoke (4.20): Compromised (or Destroyed Compromised) for a compromise, Deactivated for any other reason.
 *
 * The caller has checked that the state allows it.
 */
export function revocation(object: ManagedObject, now: Date, reason: Revocation): ManagedObjectChange {
  let attributes = withAttribute(object.attributes, "Revocation Reason", {
    t: "structure",
    v: [
      { tag: Tag.RevocationReasonCode, value: { t: "enumeration", v: reason.code } },
      ...(reason.message === undefined
        ? []
        : [{ tag: Tag.RevocationMessage, value: { t: "text", v: reason.message } } as const]),
    ],
  });
  if (!isCompromise(reason.code)) {
    const stop = dateOf(attributes, "Protect Stop Date");
    // 3.26: protection does not stop later than that.
    if (stop !== null && stop > toSeconds(now)) {
      attributes = withDate(attributes, "Protect Stop Date", now);
    }
    return changeOf(object, now, State.Deactivated, withDate(attributes, "Deactivation Date", now));
  }
  attributes = withDate(attributes, "Compromise Date", now);
  attributes = withDate(attributes, "Compromise Occurrence Date", reason.occurred ?? object.createdAt);
  const state = isDestroyed(stateAt(object, now)) ? State.DestroyedCompromised : State.Compromised;
  return changeOf(object, now, state, attributes);
}

/** Destroy (4.21): the change of metadata that goes with the destruction of the material. */
export function destruction(object: ManagedObject, now: Date): ManagedObjectChange {
  const state = stateAt(object, now) === State.Compromised ? State.DestroyedCompromised : State.Destroyed;
  return changeOf(object, now, state, withDate(object.attributes, "Destroy Date", now));
}

/** True if Destroy is allowed in a state (11.22). */
export const isDestroyable = (state: number): boolean =>
  state === State.PreActive || state === State.Deactivated || state === State.Compromised;

/** True if Revoke for a reason is one of the transitions of 3.22. */
export function isRevocable(state: number, code: number): boolean {
  if (!isCompromise(code)) {
    return state === State.Active;
  }
  return state !== State.Compromised && state !== State.DestroyedCompromised;
}
