/**
 * The attributes of an object as a client sees them: kept ones, derived ones, and none that is younger than the
 * client's version.
 */
import { createHash } from "node:crypto";
import type { ManagedObject, StoredAttribute, StoredAttributes, StoredValue } from "../ports";
import { KeyFormatType, ObjectType } from "../protocol/enumerations";
import { type KmipVersion, NEWEST_VERSION } from "../protocol/versions";
import { stateAt, toSeconds } from "./lifecycle";
import { type AttributeRule, appliesTo, findRule, rulesOf } from "./rules";
import { STORAGE_MASK } from "./storage-masks";
import { isKnownValue } from "./values";
import { isVendorName, isVendorVisible } from "./vendor-names";

/** The longest lease that is granted, and the one that is (3.20). */
const LEASE_SECONDS = 3600;

/** One attribute of an object, with all of its instances. */
export type VisibleAttribute = {
  readonly name: string;
  readonly rule: AttributeRule | null;
  readonly instances: readonly StoredAttribute[];
};

const single = (v: StoredValue): readonly StoredAttribute[] => [{ i: 0, v }];

const POLICY = "Operation Policy Name";

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
  // 3.18; not listed, as nobody has given it.
  [POLICY]: () => ({ t: "text", v: "default" }),
  "Lease Time": () => ({ t: "interval", v: LEASE_SECONDS }),
  Sensitive: () => ({ t: "boolean", v: false }),
  "Always Sensitive": () => ({ t: "boolean", v: false }),
  Extractable: () => ({ t: "boolean", v: true }),
  "Never Extractable": () => ({ t: "boolean", v: false }),
  // 2.1, Table 81
  "Key Format Type": ({ objectType }) => ({
    t: "enumeration",
    v: objectType === ObjectType.OpaqueObject ? KeyFormatType.Opaque : KeyFormatType.Raw,
  }),
  "Protection Storage Mask": () => ({ t: "integer", v: STORAGE_MASK }),
  // 2.1, 4.56
  "Short Unique Identifier": ({ uniqueIdentifier }) => ({
    t: "bytes",
    v: createHash("sha256").update(uniqueIdentifier).digest("hex"),
  }),
};

/** Attributes that are never kept, whatever an object carries. */
const ALWAYS_DERIVED = new Set(["Unique Identifier", "Object Type", "State", "Initial Date"]);

/** The instances of one attribute of an object, kept or derived; empty if it has none in a version. */
export function instancesOf(
  object: ManagedObject,
  name: string,
  now: Date,
  version: KmipVersion,
): readonly StoredAttribute[] {
  if (!appliesTo(name, object.objectType, version)) {
    return [];
  }
  const kept = ALWAYS_DERIVED.has(name) ? undefined : object.attributes[name];
  if (kept !== undefined) {
    return kept;
  }
  const derived = Object.hasOwn(DERIVED, name) ? DERIVED[name]?.(object, now) : null;
  return derived === null || derived === undefined ? [] : single(derived);
}

/** True if a single-instance boolean attribute holds, whether the client's version has it or not. */
export function isSet(object: ManagedObject, name: string, now: Date): boolean {
  const value = instancesOf(object, name, now, NEWEST_VERSION)[0]?.v;
  return value?.t === "boolean" && value.v;
}

/** One attribute by its name in the store, as a version sees it; null if it has no value there. */
export const visibleAttribute = (
  object: ManagedObject,
  name: string,
  version: KmipVersion,
  now: Date,
): VisibleAttribute | null =>
  attributeIn(
    name,
    isVendorName(name) ? (object.attributes[name] ?? []) : instancesOf(object, name, now, version),
    version,
  );

/** An attribute by its name in the store, with those of its instances that a version knows; null if there is none. */
export function attributeIn(
  name: string,
  all: readonly StoredAttribute[],
  version: KmipVersion,
): VisibleAttribute | null {
  const rule = findRule(name, version);
  if (rule !== null) {
    return ruledAttribute(rule, all, version);
  }
  if (!isVendorName(name)) {
    return null;
  }
  const instances = all.filter(({ v }) => isVendorVisible(name, v, version));
  return instances.length === 0 ? null : { name, rule: null, instances };
}

/** An attribute of the specification, without the values that are younger than the version (9.1.3.2). */
function ruledAttribute(
  rule: AttributeRule,
  all: readonly StoredAttribute[],
  version: KmipVersion,
): VisibleAttribute | null {
  const instances = all.filter(({ v }) => isKnownValue(v, rule, version));
  return instances.length === 0 ? null : { name: rule.name, rule, instances };
}

/** All attributes of an object that a version knows, in the specification's order, those of vendors last. */
export function visibleAttributes(
  object: ManagedObject,
  version: KmipVersion,
  now: Date,
): VisibleAttribute[] {
  const visible: VisibleAttribute[] = [];
  for (const rule of rulesOf(version)) {
    if (rule.name === POLICY && object.attributes[POLICY] === undefined) {
      continue;
    }
    const attribute = ruledAttribute(rule, instancesOf(object, rule.name, now, version), version);
    if (attribute !== null) {
      visible.push(attribute);
    }
  }
  for (const name of Object.keys(object.attributes)) {
    if (!isVendorName(name)) {
      continue;
    }
    const attribute = visibleAttribute(object, name, version, now);
    if (attribute !== null) {
      visible.push(attribute);
    }
  }
  return visible;
}

/** The number that a kept single-instance attribute holds, or null. */
export function numberOf(attributes: StoredAttributes, name: string): number | null {
  const value = attributes[name]?.[0]?.v;
  return value !== undefined && typeof value.v === "number" ? value.v : null;
}

/** The lease of an object: the one that it was imported with, or the usual one. */
export const leaseOf = ({ attributes }: Pick<ManagedObject, "attributes">): number =>
  numberOf(attributes, "Lease Time") ?? LEASE_SECONDS;

/** The attributes of some names; none, and no error, for a name without a value. */
export const namedAttributes = (
  { version, now }: { readonly version: KmipVersion; readonly now: Date },
  object: ManagedObject,
  names: readonly string[],
): VisibleAttribute[] => names.flatMap((name) => visibleAttribute(object, name, version, now) ?? []);
