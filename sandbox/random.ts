import { randomBytes } from "node:crypto";

const DRAWN = 4096;
let drawn = Buffer.alloc(0);
let used = 0;

/** A nonce of so many bytes, each given out once: they are drawn many at a time, as a call costs far more than bytes. */
export function nonce(length: number): Buffer {
  if (used + length > drawn.length) {
    drawn = randomBytes(Math.max(DRAWN, length));
    used = 0;
  }
  used += length;

  return drawn.subarray(used - length, used);
}
