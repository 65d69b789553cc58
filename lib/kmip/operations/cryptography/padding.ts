/**
 * Paddings of block ciphers that OpenSSL does not know (KMIP 9.1.3.2.15): the last byte is the number of bytes added,
 * those before it are zero (ANSI X9.23) or random (ISO 10126).
 */
import type { RandomSource } from "../../ports";
import { PaddingMethod } from "../../protocol/enumerations";
import { wipe } from "../../ttlv/wipe";
import { joined, NOTHING } from "./crypto-stream";

export type CountedPadding = typeof PaddingMethod.ANSIX9_23 | typeof PaddingMethod.ISO10126;

/** The padding after data of a length. */
export function paddingAfter(
  method: CountedPadding,
  length: number,
  blockSize: number,
  random: RandomSource,
): Uint8Array {
  const count = blockSize - (length % blockSize);
  const padding = method === PaddingMethod.ISO10126 ? random.bytes(count) : new Uint8Array(count);
  padding[count - 1] = count;
  return padding;
}

/** Takes the padding off what comes out of a cipher, whose last block is held back until the end. */
export class Unpadder {
  readonly #method: CountedPadding;
  readonly #blockSize: number;
  #last: Uint8Array = NOTHING;

  constructor(method: CountedPadding, blockSize: number) {
    this.#method = method;
    this.#blockSize = blockSize;
  }

  /** @param blocks whole blocks, which are zeroed @returns all that cannot be padding */
  take(blocks: Uint8Array): Uint8Array {
    if (blocks.length === 0) {
      return NOTHING;
    }
    const known = joined(this.#last, blocks);
    const end = known.length - this.#blockSize;
    const data = Uint8Array.from(known.subarray(0, end));
    this.#last = Uint8Array.from(known.subarray(end));
    wipe(known);
    return data;
  }

  /** What is left of the last block without its padding. @throws Error if that is none */
  end(): Uint8Array {
    const last = this.#last;
    const count = last.at(-1) ?? 0;
    const padding = last.subarray(-count);
    const zeros =
      this.#method === PaddingMethod.ISO10126 || padding.subarray(0, -1).every((byte) => byte === 0);
    const valid = count > 0 && count <= last.length && zeros;
    try {
      if (!valid) {
        throw new Error("bad padding");
      }
      return Uint8Array.from(last.subarray(0, last.length - count));
    } finally {
      this.drop();
    }
  }

  drop(): void {
    wipe(this.#last);
    this.#last = NOTHING;
  }
}
