/**
 * Bytes that arrive in pieces, in one buffer: a piece of one byte takes one byte, whatever a sender cuts up.
 */

const FIRST_CAPACITY = 4_096;

/** Takes pieces in, and gives the whole away; what it leaves behind is zeroed. */
export class GrowingBuffer {
  #buffer = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Bytes of memory that are taken. */
  get capacity(): number {
    return this.#buffer.length;
  }

  /** Copies a piece in. What it leaves behind when it grows is zeroed: it may be key material. */
  append(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#buffer.length) {
      // Of its own, never of Node's pool, which others read from.
      const larger = Buffer.alloc(Math.max(FIRST_CAPACITY, length, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer.fill(0);
      this.#buffer = larger;
    }
    this.#buffer.set(piece, this.#length);
    this.#length = length;
  }

  /** What has come so far, without a copy; it changes with the next piece. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Hands out all that has come, and begins anew. Whoever takes it zeroes it. */
  take(): Buffer {
    const taken = this.view();
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
    return taken;
  }

  /** Zeroes and forgets what has come. */
  clear(): void {
    this.#buffer.fill(0);
    this.take();
  }
}
