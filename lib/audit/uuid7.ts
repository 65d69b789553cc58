import { randomFillSync } from "node:crypto";
import { v7 } from "uuid";

/** Random bytes that are drawn at once: the library's own call of the generator for each id costs ten times the rest. */
const DRAWN = 4096;
const ID_BYTES = 16;
/** The library's sequence has 32 bits; it starts in their lower half, so that a millisecond cannot use it up. */
const LOWER_HALF = 0x7fff_ffff;

/**
 * Makes a generator of UUIDs of version 7 (RFC 9562, 5.7) for given times whose values always grow within this process
 * (6.2, method 1). The library's own state knows the present only. A clock that runs back leaves the embedded time
 * where it was.
 */
export function createUuid7(): (now: Date) => string {
  const drawn = Buffer.alloc(DRAWN);
  let used = DRAWN;
  let msecs = -1;
  let seq = 0;

  return (now) => {
    if (used === DRAWN) {
      randomFillSync(drawn);
      used = 0;
    }

    const random = drawn.subarray(used, used + ID_BYTES);
    const time = now.getTime();

    used += ID_BYTES;

    if (time > msecs) {
      msecs = time;
      seq = random.readUInt32BE(6) & LOWER_HALF;
    } else {
      seq += 1;
    }

    return v7({ msecs, seq, random });
  };
}

const NO_BITS = new Uint8Array(ID_BYTES);

/** Smallest UUID of version 7 of a time: `id >= uuid7Floor(from)` is an index range for a time filter. */
export function uuid7Floor(time: Date): string {
  return v7({ msecs: time.getTime(), seq: 0, random: NO_BITS });
}
