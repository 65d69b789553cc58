import { describe, expect, test } from "vitest";
import { fieldOfMoment, momentOfField } from "./moments";

describe("fields of date and time", () => {
  test.each(["utc", "local"] as const)("round trip in %s", (zone) => {
    const moment = "2026-07-01T12:34:00.000Z";
    expect(momentOfField(fieldOfMoment(moment, zone), zone)).toBe(moment);
  });

  test("nothing and nonsense are no moment", () => {
    expect(momentOfField("", "utc")).toBeNull();
    expect(momentOfField("soon", "local")).toBeNull();
    expect(fieldOfMoment(undefined, "utc")).toBe("");
  });
});
