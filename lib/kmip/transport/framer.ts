/**
 * Cuts a stream of bytes into request messages (KMIP 9.1: a message says its own length in its first eight bytes).
 */

import { Tag } from "../protocol/tags";
import { HEADER_LENGTH } from "../ttlv/decoder";
import { ItemType } from "../ttlv/item";
import { GrowingBuffer } from "./growing-buffer";

/** Why a stream cannot be cut any further. */
export type FramingError = "not-kmip" | "too-large";

const MESSAGE_START = ((Tag.RequestMessage << 8) | ItemType.Structure) >>> 0;
const EMPTY = Buffer.alloc(0);

/**
 * Takes chunks and hands out messages: views of a chunk that holds all of a message, and one buffer for what comes
 * in pieces. It never holds more than one message and what followed it in the last chunk, and refuses a message by
 * its header alone.
 */
export class Framer {
  readonly #maxMessageBytes: number;
  /** What came first and is whole: a chunk as it arrived, or what is left of it. */
  #rest: Buffer = EMPTY;
  /** Instead of it, once a message has turned out to come in pieces. */
  readonly #pieces = new GrowingBuffer();

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Bytes that wait to become a message. */
  get buffered(): number {
    return this.#rest.length + this.#pieces.length;
  }

  push(chunk: Buffer): void {
    if (this.#rest.length === 0 && this.#pieces.length === 0) {
      this.#rest = chunk;
      return;
    }
    if (this.#rest.length > 0) {
      this.#pieces.append(this.#rest);
      this.#rest.fill(0);
      this.#rest = EMPTY;
    }
    this.#pieces.append(chunk);
    chunk.fill(0);
  }

  /** The next message, null if it is not complete yet, or why there cannot be one. */
  next(): Buffer | FramingError | null {
    if (this.buffered < HEADER_LENGTH) {
      return null;
    }
    const view = this.#rest.length > 0 ? this.#rest : this.#pieces.view();
    if (view.readUInt32BE(0) !== MESSAGE_START) {
      return "not-kmip";
    }
    const total = HEADER_LENGTH + view.readUInt32BE(4);
    if (total > this.#maxMessageBytes) {
      return "too-large";
    }
    if (view.length < total) {
      return null;
    }
    // What is handed out belongs to who takes it: nothing is written into its buffer any more.
    if (this.#rest.length === 0) {
      this.#pieces.take();
    }
    this.#rest = view.length === total ? EMPTY : view.subarray(total);
    return view.subarray(0, total);
  }

  /** Forgets, and zeroes, what is buffered. */
  clear(): void {
    this.#rest.fill(0);
    this.#rest = EMPTY;
    this.#pieces.clear();
  }
}
