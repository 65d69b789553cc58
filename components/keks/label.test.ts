import { describe, expect, test } from "vitest";
import { labelOf } from "./label";

describe("labelOf", () => {
  test("vCenter's own attributes become product and version, without vendor and build", () => {
    expect(
      labelOf({
        name: null,
        attributes: {
          "x-Product": ["VMware vSphere"],
          "x-Product_Version": ["8.0.3 build-24022510"],
          "x-Vendor": ["VMware, Inc."],
        },
      }),
    ).toEqual({ main: null, rest: "vSphere 8.0.3" });
  });

  test("an administrator's attributes come first, the name stands apart", () => {
    expect(
      labelOf({
        name: "fra-c01",
        attributes: { "x-Product": ["VMware vSphere"], "x-Team": ["blue", "red"] },
      }),
    ).toEqual({
      main: "fra-c01",
      rest: "Team: blue, red · vSphere",
    });
  });

  test("nothing known", () => {
    expect(labelOf({ name: null, attributes: {} })).toEqual({ main: null, rest: null });
    expect(labelOf({ name: null, attributes: { "x-Product": [""] } })).toEqual({ main: null, rest: null });
  });
});
