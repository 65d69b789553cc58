/**
 * Cuts a stream of bytes into request messages (KMIP 9.1: a message says its own length in its first eight bytes).
 */

import { Tag } from "../protocol/tags";
import { HEADER_LENGTH } from "../ttlv/decoder";
import { ItemType } from "../ttlv/item";

/** Why a stream cannot be cut any further. */
export type FramingError = "not-kmip" | "too-large";

const MESSAGE_START = ((Tag.RequestMessage << 8) | ItemType.Structure) >>> 0;

/**
 * Collects chunks and hands out messages. It never holds more than one message and what followed it in the last
 * chunk, and refuses a message by its header alone.
 */
export class Framer {
  readonly #maxMessageBytes: number;
  #chunks: Buffer[] = [];
  #buffered = 0;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Bytes that wait to become a message. */
  get buffered(): number {
    return this.#buffered;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
  }

  /** The next message, null if it is not complete yet, or why there cannot be one. */
  next(): Buffer | FramingError | null {
    if (this.#buffered < HEADER_LENGTH) return null;
    const head = this.#atLeast(HEADER_LENGTH);
    if (head.readUInt32BE(0) !== MESSAGE_START) return "not-kmip";
    const total = HEADER_LENGTH + head.readUInt32BE(4);
    if (total > this.#maxMessageBytes) return "too-large";
    if (this.#buffered < total) return null;
    const first = this.#atLeast(total);
    this.#buffered -= total;
    if (first.length === total) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(total);
    return first.subarray(0, total);
  }

  /** Forgets, and zeroes, what is buffered. */
  clear(): void {
    for (const chunk of this.#chunks) chunk.fill(0);
    this.#chunks = [];
    this.#buffered = 0;
  }

  /** The first chunk, joined with others until it has so many bytes. */
  #atLeast(length: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= length) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}
