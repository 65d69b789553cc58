/**
 * Attributes that are not of the specification, and their names in the store.
 *
 * The custom attribute "x-Product" of 1.x (3.39) and the vendor attribute Product of the Vendor Identification "x" of
 * 2.x (2.1: 4.60) are one attribute, kept as "x-Product". Attributes of other vendors, which only 2.x can tell, are
 * kept as "Acme:Product": a Vendor Identification has neither hyphen nor colon, and no name of the specification has a
 * colon.
 */
import type { StoredValue } from "../ports";
import { isSecondMajor, type KmipVersion } from "../protocol/versions";

/** How 2.x names an attribute that is not of the specification. */
export type VendorName = { readonly vendor: string; readonly name: string };

/** Vendor Identifications of the custom attributes of 1.x: those of clients and those of servers. */
const CUSTOM_VENDORS: ReadonlySet<string> = new Set(["x", "y"]);
const VENDOR = /^[A-Za-z0-9_.]+$/;
const STORED_VENDOR = /^([A-Za-z0-9_.]+):/;

/** What 3.39 calls them all, and some clients give one of them for a name. */
const NAMED_AFTER_ITS_KIND = "Custom Attribute";

/** True for custom attributes of 1.x, of clients ("x-") and of servers ("y-"). */
export const isCustomName = (name: string): boolean =>
  name.startsWith("x-") || name.startsWith("y-") || name === NAMED_AFTER_ITS_KIND;

/** True for stored names of attributes that are not of the specification. */
export const isVendorName = (name: string): boolean => isCustomName(name) || STORED_VENDOR.test(name);

/** True for the names that clients may give their own attributes. */
export const isClientVendorName = (name: string): boolean => isVendorName(name) && !name.startsWith("y-");

/** The name in the store, or null if the Vendor Identification has characters that it may not have. */
export function storedNameOf({ vendor, name }: VendorName): string | null {
  if (CUSTOM_VENDORS.has(vendor)) {
    return `${vendor}-${name}`;
  }
  return VENDOR.test(vendor) ? `${vendor}:${name}` : null;
}

/** The name in 2.x of a stored name that `isVendorName`. */
export function vendorNameOf(stored: string): VendorName {
  if (isCustomName(stored)) {
    return { vendor: stored.slice(0, 1), name: stored.slice(2) };
  }
  const [, vendor = ""] = STORED_VENDOR.exec(stored) ?? [];
  return { vendor, name: stored.slice(vendor.length + 1) };
}

/** True if a version can tell the value: Date-Time Extended is younger than 1.x. */
const isTellable = (value: StoredValue, version: KmipVersion): boolean =>
  isSecondMajor(version) ||
  (value.t === "structure"
    ? value.v.every((field) => isTellable(field.value, version))
    : value.t !== "dateTimeExtended");

/** True if clients of a version can see the attribute with this value. */
export const isVendorVisible = (name: string, value: StoredValue, version: KmipVersion): boolean =>
  isCustomName(name) && !(name === NAMED_AFTER_ITS_KIND && isSecondMajor(version))
    ? isTellable(value, version)
    : isSecondMajor(version) && isVendorName(name);
