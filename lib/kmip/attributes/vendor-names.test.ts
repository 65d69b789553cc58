import { describe, expect, it } from "vitest";
import { KmipVersion } from "../protocol/versions";
import { ATTRIBUTE_RULES } from "./rules";
import {
  isClientVendorName,
  isCustomName,
  isVendorName,
  isVendorVisible,
  storedNameOf,
  vendorNameOf,
} from "./vendor-names";

const { V1_4, V2_0 } = KmipVersion;
const text = { t: "text", v: "a" } as const;

describe("names of attributes that are not of the specification", () => {
  it.each([
    ["x", "Product", "x-Product"],
    ["y", "Product", "y-Product"],
    ["x", "x-ID", "x-x-ID"],
    ["Acme", "Product", "Acme:Product"],
    ["Acme", "a:b", "Acme:a:b"],
    ["acme.example_1", "Product Version", "acme.example_1:Product Version"],
  ])("%s and %s are %s, and back", (vendor, name, stored) => {
    expect(storedNameOf({ vendor, name })).toBe(stored);
    expect(vendorNameOf(stored)).toEqual({ vendor, name });
    expect(isVendorName(stored)).toBe(true);
  });

  it.each(["", "a-b", "a:b", "a b", "é"])("%j is no Vendor Identification", (vendor) => {
    expect(storedNameOf({ vendor, name: "Product" })).toBeNull();
  });

  it("are never one of the specification's", () => {
    expect(ATTRIBUTE_RULES.filter(({ name }) => isVendorName(name))).toEqual([]);
  });

  it("may be given by clients, unless they are the server's own", () => {
    expect(["x-a", "Acme:a", "y-a", "Name"].map(isClientVendorName)).toEqual([true, true, false, false]);
    expect(["x-a", "y-a", "Acme:a"].map(isCustomName)).toEqual([true, true, false]);
  });

  it("are hidden where a version cannot tell them", () => {
    const extended = { t: "dateTimeExtended", v: "1" } as const;
    const nested = { t: "structure", v: [{ tag: 0x540001, value: extended }] } as const;
    expect(isVendorVisible("x-a", text, V1_4)).toBe(true);
    expect(isVendorVisible("x-a", extended, V1_4)).toBe(false);
    expect(isVendorVisible("x-a", nested, V1_4)).toBe(false);
    expect(isVendorVisible("x-a", nested, V2_0)).toBe(true);
    expect(isVendorVisible("Acme:a", text, V1_4)).toBe(false);
    expect(isVendorVisible("Acme:a", text, V2_0)).toBe(true);
  });
});
