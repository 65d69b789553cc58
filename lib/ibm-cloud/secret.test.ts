import { format, inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Secret, secret } from "./secret";

describe("Secret", () => {
  const value = new Secret("very-private");

  it("prints nowhere", () => {
    for (const text of [
      String(value),
      `${value}`,
      JSON.stringify({ value }),
      inspect({ value }, { depth: 5, showHidden: true }),
      format("%s %o %j", value, value, value),
      Object.values(value).join(),
    ]) {
      expect(text).not.toContain("very-private");
    }
  });

  it("gives the text only when asked", () => {
    expect(value.reveal()).toBe("very-private");
    expect(secret(value)).toBe(value);
    expect(secret("x").reveal()).toBe("x");
  });

  it("has a fingerprint that tells credentials apart", () => {
    expect(new Secret("a").fingerprint()).toBe(new Secret("a").fingerprint());
    expect(new Secret("a").fingerprint()).not.toBe(new Secret("b").fingerprint());
    expect(new Secret("a").fingerprint()).toMatch(/^[0-9a-f]{64}$/);
  });
});
