/**
 * The attributes of an object as a client sees them: kept ones, derived ones, and none that is younger than the
 * client's version.
 */
import { stateAt, toSeconds } from "../lifecycle";
import type { ManagedObject, StoredAttribute, StoredAttributes, StoredValue } from "../ports";
import type { KmipVersion } from "../protocol/versions";
import { ATTRIBUTE_RULES, type AttributeRule, appliesTo, isCustomName } from "./rules";

/** The longest lease that is granted, and the one that is (3.20). */
export const LEASE_SECONDS = 3600;

/** One attribute of an object, with all of its instances. */
export type VisibleAttribute = {
  readonly name: string;
  readonly rule: AttributeRule | null;
  readonly instances: readonly StoredAttribute[];
};

const single = (v: StoredValue): readonly StoredAttribute[] => [{ i: 0, v }];

/**
 * Attributes that follow from the object itself, or whose value is kept only where it is not the usual one
 * (3.48 to 3.51: not sensitive, extractable).
 */
const DERIVED: { readonly [name: string]: (object: ManagedObject, now: Date) => StoredValue | null } = {
  "Unique Identifier": ({ uniqueIdentifier }) => ({ t: "text", v: uniqueIdentifier }),
  "Object Type": ({ objectType }) => ({ t: "enumeration", v: objectType }),
  State: (object, now) => ({ t: "enumeration", v: stateAt(object, now) }),
  "Initial Date": ({ createdAt }) => ({ t: "dateTime", v: toSeconds(createdAt) }),
  "Last Change Date": ({ createdAt }) => ({ t: "dateTime", v: toSeconds(createdAt) }),
  "Lease Time": () => ({ t: "interval", v: LEASE_SECONDS }),
  Sensitive: () => ({ t: "boolean", v: false }),
  "Always Sensitive": () => ({ t: "boolean", v: false }),
  Extractable: () => ({ t: "boolean", v: true }),
  "Never Extractable": () => ({ t: "boolean", v: false }),
};

/** Attributes that are never kept, whatever an object carries. */
const ALWAYS_DERIVED = new Set(["Unique Identifier", "Object Type", "State", "Initial Date"]);

/** The instances of one attribute of an object, kept or derived; empty if it has none. */
export function instancesOf(object: ManagedObject, name: string, now: Date): readonly StoredAttribute[] {
  if (!appliesTo(name, object.objectType)) return [];
  const kept = ALWAYS_DERIVED.has(name) ? undefined : object.attributes[name];
  if (kept !== undefined) return kept;
  const derived = Object.hasOwn(DERIVED, name) ? DERIVED[name]?.(object, now) : null;
  return derived === null || derived === undefined ? [] : single(derived);
}

/** True if a single-instance boolean attribute holds. */
export function isSet(object: ManagedObject, name: string, now: Date): boolean {
  const value = instancesOf(object, name, now)[0]?.v;
  return value?.t === "boolean" && value.v;
}

const known = (rule: AttributeRule, version: KmipVersion) =>
  rule.since <= version && version <= (rule.until ?? version);

/** All attributes of an object that a version knows, in the specification's order, custom ones last. */
export function visibleAttributes(
  object: ManagedObject,
  version: KmipVersion,
  now: Date,
): VisibleAttribute[] {
  const visible: VisibleAttribute[] = [];
  for (const rule of ATTRIBUTE_RULES) {
    if (!known(rule, version)) continue;
    const instances = instancesOf(object, rule.name, now);
    if (instances.length > 0) visible.push({ name: rule.name, rule, instances });
  }
  return [...visible, ...customAttributes(object.attributes)];
}

function customAttributes(attributes: StoredAttributes): VisibleAttribute[] {
  return Object.entries(attributes)
    .filter(([name, instances]) => isCustomName(name) && instances.length > 0)
    .map(([name, instances]) => ({ name, rule: null, instances }));
}

/** The number that a kept single-instance attribute holds, or null. */
export function numberOf(attributes: StoredAttributes, name: string): number | null {
  const value = attributes[name]?.[0]?.v;
  return value !== undefined && typeof value.v === "number" ? value.v : null;
}
