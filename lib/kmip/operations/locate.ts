/** Locate (KMIP 4.9). */

import { isArchived, isDestroyed, stateAt } from "../attributes/lifecycle";
import { type Condition, conditionsOf } from "../attributes/match";
import { termOf } from "../attributes/terms";
import { readSearchedAttributes, SEARCHED_ATTRIBUTES, SEARCHED_TEMPLATES } from "../attributes/wire";
import type { IndexTerm, ManagedObject, ObjectQuery } from "../ports";
import { ObjectGroupMember, Operation, State, StorageStatusMask } from "../protocol/enumerations";
import {
  asCount,
  asEnumeration,
  asInteger,
  optional,
  type ReadContext,
  readFields,
  schema,
} from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { isSecondMajor, KmipVersion } from "../protocol/versions";
import { type Item, integer, text } from "../ttlv/item";
import type { OperationContext } from "./context";
import { LIVING_STATES } from "./objects/attribute-changes";
import { isKnownObject } from "./objects/lookup";
import type { OperationDefinition } from "./operation";

const REQUEST = schema({
  maximumItems: optional(Tag.MaximumItems, asCount),
  // Younger (1.3) than some headers that it comes under: a client that leafs through its keys finds none if it is
  // refused, and never comes to an end if it is ignored.
  offsetItems: optional(Tag.OffsetItems, asCount),
  storageStatusMask: optional(Tag.StorageStatusMask, asInteger),
  objectGroupMember: optional(Tag.ObjectGroupMember, asEnumeration, KmipVersion.V1_1),
  attributes: SEARCHED_ATTRIBUTES,
  templates: SEARCHED_TEMPLATES,
});

export const locate: OperationDefinition = {
  code: Operation.Locate,
  since: KmipVersion.V1_0,
  async handle(context, payload) {
    const exact: ReadContext = { version: context.version, newer: false, exact: true };
    const request = readFields(REQUEST, payload, exact);
    const searched = readSearchedAttributes(request.attributes, request.templates, exact);
    const conditions = conditionsOf(searched, context.version);
    if (request.objectGroupMember === ObjectGroupMember.GroupMemberFresh) {
      conditions.push(FRESH);
    }
    const mask = request.storageStatusMask ?? StorageStatusMask.OnLineStorage;
    conditions.push(storage(mask));
    const dead = mayBeDead(context, conditions, mask);
    const most = request.maximumItems ?? context.limits.maxLocatedItems;
    // The policy here: the default member of a group is its newest.
    const byDefault = request.objectGroupMember === ObjectGroupMember.GroupMemberDefault;
    const wanted = byDefault ? Math.min(most, 1) : most;
    const offset = request.offsetItems ?? 0;
    const beyond = byDefault ? null : countedBeyond(context, request);
    const found = await search(context, conditions, { wanted, offset, beyond, dead });
    settlePlaceholder(context, found.identifiers, request.maximumItems);
    context.subjects = found.identifiers.slice(0, MAX_AUDITED);
    const identifiers: Item[] = found.identifiers.map((value) => text(Tag.UniqueIdentifier, value));
    return {
      payload:
        beyond === null || found.total === null
          ? identifiers
          : [integer(Tag.LocatedItems, found.total), ...identifiers],
      data: {
        located: found.identifiers.length,
        attributes: [...new Set(conditions.map(({ name }) => name).filter((name) => name !== STORAGE))],
      },
    };
  },
};

/** Identifiers of a long answer are counted in the audit, not all listed. */
const MAX_AUDITED = 100;

/** Object Group Member "Group Member Fresh" (4.9, 3.34). */
const FRESH: Condition = {
  name: "Fresh",
  value: null,
  range: null,
  matches: (object) => object.attributes.Fresh?.[0]?.v.v === true,
};

const STORAGE = "Storage Status Mask";

/**
 * Storage Status Mask (4.9, 9.1.3.3.2): on-line objects, archived ones, or both. Destroyed Storage is an on-line object
 * to those who find it.
 */
const storage = (mask: number): Condition => ({
  name: STORAGE,
  value: null,
  range: null,
  matches: (object, now) => {
    if (isArchived(object)) {
      return (mask & StorageStatusMask.ArchivalStorage) !== 0;
    }
    const online = (mask & StorageStatusMask.OnLineStorage) !== 0;
    const destroyed = (mask & StorageStatusMask.DestroyedStorage) !== 0;
    return isDestroyed(stateAt(object, now)) ? online || destroyed : online;
  },
});

/** Candidates that are looked at for the number of matches alone, where the client does not leaf through them. */
const COUNTED_BEYOND = 1_000;

/**
 * How many candidates beyond the page are looked at to tell the number of all matches (Located Items): only for clients
 * that asked for a page and know the field. A server may leave the number out (4.9), and does where it takes longer.
 *
 * @returns null where the number is not told
 */
function countedBeyond(
  { version, limits }: OperationContext,
  request: { readonly offsetItems: number | undefined; readonly maximumItems: number | undefined },
): number | null {
  if (version < KmipVersion.V1_3) {
    return null;
  }
  if (request.offsetItems !== undefined) {
    return limits.maxLocatedItems;
  }
  // Who asks for one object wants that one, and no page.
  return (request.maximumItems ?? 0) > 1 ? COUNTED_BEYOND : null;
}

type Bounds = {
  readonly wanted: number;
  readonly offset: number;
  /** Candidates to look at once the page is full; null for none. */
  readonly beyond: number | null;
  /** True if destroyed objects may be found. */
  readonly dead: boolean;
};

/**
 * May destroyed objects be found? In 1.x by those who ask for what only they have; in 2.x by those who say so (2.1:
 * 6.1.28, Destroyed Storage).
 */
const mayBeDead = ({ version }: OperationContext, conditions: readonly Condition[], mask: number): boolean =>
  isSecondMajor(version)
    ? (mask & StorageStatusMask.DestroyedStorage) !== 0
    : conditions.some(({ name }) => name === "State" || name === "Destroy Date");

/** @returns the page, and the number of all matches; null if they were not all counted */
async function search(
  context: OperationContext,
  conditions: readonly Condition[],
  { wanted, offset, beyond, dead }: Bounds,
): Promise<{ identifiers: string[]; total: number | null }> {
  const identifiers: string[] = [];
  let total = 0;
  let left = beyond ?? 0;
  if (wanted === 0 && beyond === null) {
    return { identifiers, total: null };
  }
  for await (const object of candidates(context, conditions, dead)) {
    if (identifiers.length === wanted) {
      if (left === 0) {
        return { identifiers, total: null };
      }
      left -= 1;
    }
    if (!isMatch(context, object, conditions, dead)) {
      continue;
    }
    total += 1;
    if (total > offset && identifiers.length < wanted) {
      identifiers.push(object.uniqueIdentifier);
    }
    if (beyond === null && identifiers.length === wanted) {
      return { identifiers, total: null };
    }
  }
  return { identifiers, total };
}

function isMatch(
  context: OperationContext,
  object: ManagedObject,
  conditions: readonly Condition[],
  dead: boolean,
): boolean {
  if (!isKnownObject(context, object)) {
    return false;
  }
  if (!dead && isDestroyed(stateAt(object, context.now))) {
    return false;
  }
  return conditions.every((condition) => condition.matches(object, context.now));
}

/** Objects that may match: one by its identifier, or what the store finds. */
async function* candidates(
  context: OperationContext,
  conditions: readonly Condition[],
  dead: boolean,
): AsyncIterable<ManagedObject> {
  const identifier = conditions.find(({ name }) => name === "Unique Identifier")?.value;
  if (identifier?.t === "text") {
    const object = await context.store.find(context.tenant, identifier.v);
    if (object !== null) {
      yield object;
    }
    return;
  }
  yield* context.store.search(context.tenant, { ...queryOf(conditions, dead), limited: true });
}

/** What the store can narrow down by itself. */
function queryOf(conditions: readonly Condition[], dead: boolean): ObjectQuery {
  const terms: IndexTerm[] = [];
  let query: Omit<ObjectQuery, "terms"> = {};
  for (const { name, value, range } of conditions) {
    const term = value === null ? null : termOf(name, value);
    if (term !== null) {
      terms.push(term);
    }
    if (name === "Object Type" && value?.t === "enumeration") {
      query = { ...query, objectType: value.v };
    }
    if (name === "Initial Date" && range !== null) {
      // Initial Date is in whole seconds; the store compares moments.
      query = {
        ...query,
        createdFrom: new Date(range.from * 1000),
        createdTo: new Date(range.to * 1000 + 999),
      };
    }
  }
  const state = conditions.find(({ name }) => name === "State")?.value;
  const states = state?.t === "enumeration" ? STORED_STATES.get(state.v) : undefined;
  if (states !== undefined) {
    return { ...query, states, terms };
  }
  return dead ? { ...query, terms } : { ...query, states: LIVING_STATES, terms };
}

/** States in which an object may be stored that is in a state now: dates move it on without a write. */
const STORED_STATES: ReadonlyMap<number, readonly number[]> = new Map([
  [State.PreActive, [State.PreActive]],
  [State.Active, [State.PreActive, State.Active]],
  [State.Deactivated, [State.PreActive, State.Active, State.Deactivated]],
  [State.Compromised, [State.Compromised]],
  [State.Destroyed, [State.Destroyed]],
  [State.DestroyedCompromised, [State.DestroyedCompromised]],
]);

/** A single identifier becomes the ID Placeholder; several empty it (4.9). */
function settlePlaceholder(
  context: OperationContext,
  identifiers: readonly string[],
  maximumItems: number | undefined,
): void {
  const [only] = identifiers;
  const single = identifiers.length === 1 || maximumItems === 1;
  context.idPlaceholder = single && only !== undefined ? only : null;
}
