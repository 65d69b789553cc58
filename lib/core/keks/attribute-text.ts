import { ruleNamed } from "@/lib/kmip/attributes/rules";
import { isVendorName } from "@/lib/kmip/attributes/vendor-names";
import type { StoredAttributes, StoredValue } from "@/lib/kmip/ports";
import { CryptographicUsageMask, ENUMERATION_OF_TAG } from "@/lib/kmip/protocol/enumerations";
import { tagName } from "@/lib/kmip/protocol/fields";

/** Names of the bits of a Cryptographic Usage Mask; unknown bits in hexadecimal. */
export function usageNames(mask: number | null): string[] {
  if (mask === null) {
    return [];
  }

  let rest = mask >>> 0;
  const names: string[] = [];

  for (const [name, bit] of Object.entries(CryptographicUsageMask)) {
    if ((mask & bit) !== 0) {
      names.push(name);
      rest = (rest & ~bit) >>> 0;
    }
  }

  return rest === 0 ? names : [...names, `0x${rest.toString(16)}`];
}

/** A moment in RFC 3339; POSIX seconds that JavaScript's dates do not reach stay a number. */
function dateText(seconds: number): string {
  const date = new Date(seconds * 1_000);

  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString();
}

/** A moment in RFC 3339 with its microseconds. */
function extendedDateText(microseconds: bigint): string {
  const fraction = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const second = dateText(Number((microseconds - fraction) / 1_000_000n));

  return second.replace(".000Z", `.${String(fraction).padStart(6, "0")}Z`);
}

/**
 * A value as people read it.
 * @param tag of the attribute or field, which names the values of an enumeration; null for custom attributes
 */
export function valueText(value: StoredValue, tag: number | null): string {
  switch (value.t) {
    case "dateTime":
      return dateText(value.v);
    case "dateTimeExtended":
      return extendedDateText(BigInt(value.v));
    case "enumeration":
      return (tag === null ? undefined : ENUMERATION_OF_TAG.get(tag)?.nameOf(value.v)) ?? String(value.v);
    case "structure":
      return value.v.map((field) => `${tagName(field.tag)}: ${valueText(field.value, field.tag)}`).join(", ");
    default:
      return String(value.v);
  }
}

/** Every kept attribute as text. */
export function allAttributes(
  attributes: StoredAttributes,
): { name: string; index: number; value: string }[] {
  return Object.entries(attributes).flatMap(([name, instances]) =>
    instances.map(({ i, v }) => ({
      name,
      index: i,
      value:
        name === "Cryptographic Usage Mask" && v.t === "integer"
          ? usageNames(v.v).join(", ")
          : valueText(v, ruleNamed(name)?.tag ?? null),
    })),
  );
}

/** The attributes that clients and vendors made up (`x-…`, `y-…`, `Acme:…`) with their values as text. */
export function customAttributes(attributes: StoredAttributes): { [name: string]: string[] } {
  return Object.fromEntries(
    Object.entries(attributes)
      .filter(([name]) => isVendorName(name))
      .map(([name, instances]) => [name, instances.map(({ v }) => valueText(v, null))]),
  );
}
