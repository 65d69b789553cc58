import { describe, expect, it } from "vitest";
import { TokenBucket } from "./token-bucket";

describe("a token bucket", () => {
  it("lets two seconds' worth come at once, then one after the other", () => {
    const bucket = new TokenBucket(10);
    const waits = Array.from({ length: 23 }, () => bucket.reserve(1_000));
    expect(waits.slice(0, 20).every((wait) => wait === 0)).toBe(true);
    expect(waits.slice(20).map((wait) => Math.round(wait))).toEqual([100, 200, 300]);
    bucket.refund();
    expect(Math.round(bucket.reserve(1_000))).toBe(300);
    expect(bucket.isFull(3_200)).toBe(false);
    expect(bucket.isFull(3_301)).toBe(true);
    expect(bucket.reserve(60_000)).toBe(0);
  });

  it("of zero is none", () => {
    const bucket = new TokenBucket(0);
    expect(Array.from({ length: 100 }, () => bucket.reserve(0)).every((wait) => wait === 0)).toBe(true);
    expect(bucket.isFull(0)).toBe(true);
  });
});
