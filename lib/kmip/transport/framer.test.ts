import { describe, expect, it } from "vitest";
import { Framer } from "./framer";

describe("a framer", () => {
  const message = (length: number) => {
    const bytes = Buffer.alloc(8 + length, 0x5a);
    bytes.writeUInt32BE(0x42007801, 0);
    bytes.writeUInt32BE(length, 4);
    return bytes;
  };

  it("cuts the same messages out of any pieces", () => {
    const messages = [message(0), message(8), message(2_000), message(16)];
    const stream = Buffer.concat(messages);
    for (const size of [1, 3, 7, 8, 9, 100, 2_020, stream.length]) {
      const framer = new Framer(4_096);
      const found: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size) {
        framer.push(Buffer.from(stream.subarray(at, at + size)));
        for (let next = framer.next(); next !== null; next = framer.next()) {
          if (typeof next === "string") {
            throw new Error(next);
          }
          found.push(Buffer.from(next));
          // Whoever takes a message may overwrite it.
          next.fill(0xff);
        }
      }
      expect(found).toEqual(messages);
      expect(framer.buffered).toBe(0);
    }
  });

  it("refuses a message by its header, with nothing but the header here", () => {
    for (const [header, refusal] of [
      ["42007801000ffff8", null],
      ["42007801000ffff9", "too-large"],
      ["42007801fffffff8", "too-large"],
      ["4200780180000000", "too-large"],
      ["42007b0100000008", "not-kmip"],
      ["474554202f204854", "not-kmip"],
    ] as const) {
      const framer = new Framer(1_048_576);
      for (const byte of Buffer.from(header.slice(0, 14), "hex")) {
        framer.push(Buffer.from([byte]));
        expect(framer.next()).toBeNull();
      }
      framer.push(Buffer.from(header.slice(14), "hex"));
      expect(framer.next()).toBe(refusal);
    }
  });

  it("zeroes what it forgets", () => {
    const framer = new Framer(4_096);
    const first = message(64).subarray(0, 20);
    const second = Buffer.alloc(10, 7);
    framer.push(first);
    framer.push(second);
    framer.clear();
    for (const chunk of [first, second]) {
      expect(chunk.every((byte) => byte === 0)).toBe(true);
    }
    expect(framer.buffered).toBe(0);
  });
});
