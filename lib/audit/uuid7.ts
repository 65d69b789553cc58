import { randomBytes } from "node:crypto";

/** Text of a UUID from its 16 bytes. */
function format(bytes: Buffer): string {
  const hex = bytes.toString("hex");

  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function stamp(bytes: Buffer, milliseconds: number): void {
  bytes.writeUIntBE(Math.max(0, Math.min(milliseconds, 2 ** 48 - 1)), 0, 6);
}

/** Random bytes that are drawn at once: a call of the generator costs far more than the sixteen bytes of an id. */
const DRAWN = 4096;

/** Makes a source of random bytes, sixteen at a time, each given out once. */
function createRandomBlocks(): () => Buffer {
  let drawn = Buffer.alloc(0);
  let used = 0;

  return () => {
    if (used === drawn.length) {
      drawn = randomBytes(DRAWN);
      used = 0;
    }

    used += 16;

    return drawn.subarray(used - 16, used);
  };
}

/**
 * Makes a generator of UUIDs of version 7 (RFC 9562, 5.7) whose values always grow within this process: the 12
 * bits after the time are a counter (6.2, method 1), started at random in the lower half each millisecond. A
 * clock that runs back, or more than the counter holds, moves the embedded time ahead by as little as needed.
 */
export function createUuid7(): (now: Date) => string {
  let last = -1;
  let counter = 0;
  const nextBlock = createRandomBlocks();

  return (now) => {
    const bytes = nextBlock();
    const milliseconds = now.getTime();

    if (milliseconds > last) {
      last = milliseconds;
      counter = bytes.readUInt16BE(6) & 0x7ff;
    } else if (counter < 0xfff) {
      counter += 1;
    } else {
      last += 1;
      counter = bytes.readUInt16BE(6) & 0x7ff;
    }

    stamp(bytes, last);
    bytes.writeUInt16BE(0x7000 | counter, 6);
    bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);

    return format(bytes);
  };
}

/** Smallest UUID of version 7 of a time: `id >= uuid7Floor(from)` is an index range for a time filter. */
export function uuid7Floor(time: Date): string {
  const bytes = Buffer.alloc(16);

  stamp(bytes, time.getTime());

  return format(bytes);
}
