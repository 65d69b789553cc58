import { describe, expect, it } from "vitest";
import { GrowingBuffer } from "./growing-buffer";

describe("a growing buffer", () => {
  it("takes little more than what came, in however many pieces", () => {
    const buffer = new GrowingBuffer();
    for (let at = 0; at < 100_000; at += 1) {
      buffer.append(Buffer.from([at & 0xff]));
    }
    expect(buffer.capacity).toBeLessThanOrEqual(200_000);
    const taken = buffer.take();
    expect(taken.length).toBe(100_000);
    expect(taken.every((byte, at) => byte === (at & 0xff))).toBe(true);
    expect(buffer.length).toBe(0);
  });

  it("leaves nothing behind when it grows, or is cleared", () => {
    const buffer = new GrowingBuffer();
    buffer.append(Buffer.alloc(4_000, 1));
    const small = buffer.view();
    buffer.append(Buffer.alloc(4_000, 2));
    expect(small.every((byte) => byte === 0)).toBe(true);
    const large = buffer.view();
    buffer.clear();
    expect(large.every((byte) => byte === 0)).toBe(true);
  });
});
