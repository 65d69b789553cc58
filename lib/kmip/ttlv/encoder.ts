/**
 * TTLV encoder (KMIP 9.1): writes into one buffer, structure lengths filled in when a structure ends.
 */
import { type Item, ItemType } from "./item";
import { wipe } from "./wipe";

const INITIAL_SIZE = 512;

/**
 * Writes items one after the other. The buffer grows by doubling; an outgrown buffer is zeroed, as it may have held
 * key material.
 */
export class TtlvWriter {
  #buffer: Buffer;
  #length = 0;

  /** @param size bytes to reserve; the message may outgrow them */
  constructor(size: number = INITIAL_SIZE) {
    // Not of Node's shared pool: whoever zeroes it must own it.
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(size, 64));
  }

  /** Bytes written. */
  get length(): number {
    return this.#length;
  }

  /** Starts a structure; answers the mark that `end` wants. */
  begin(tag: number): number {
    this.#reserve(8);
    this.#buffer.writeUInt32BE(((tag << 8) | ItemType.Structure) >>> 0, this.#length);
    this.#length += 8;
    return this.#length;
  }

  /** Ends the structure that `begin` gave the mark for. */
  end(mark: number): void {
    this.#buffer.writeUInt32BE(this.#length - mark, mark - 4);
  }

  integer(tag: number, value: number): void {
    const at = this.#header(tag, ItemType.Integer, 4, 8);
    this.#buffer.writeInt32BE(value, at);
    this.#buffer.writeInt32BE(0, at + 4);
  }

  enumeration(tag: number, value: number): void {
    this.#unsigned(tag, ItemType.Enumeration, value);
  }

  text(tag: number, value: string): void {
    const length = Buffer.byteLength(value, "utf8");
    const padded = length + ((8 - (length % 8)) % 8);
    const at = this.#header(tag, ItemType.TextString, length, padded);
    this.#buffer.write(value, at, length, "utf8");
    this.#buffer.fill(0, at + length, at + padded);
  }

  bytes(tag: number, value: Uint8Array): void {
    this.#octets(tag, ItemType.ByteString, value);
  }

  /** @param seconds POSIX seconds, a whole number */
  dateTime(tag: number, seconds: number): void {
    const at = this.#header(tag, ItemType.DateTime, 8, 8);
    this.#buffer.writeInt32BE(Math.floor(seconds / 0x1_0000_0000), at);
    this.#buffer.writeUInt32BE(seconds >>> 0, at + 4);
  }

  /** Writes a tree of items. @throws RangeError for a number that its type cannot hold */
  item(item: Item): void {
    switch (item.type) {
      case ItemType.Structure: {
        const mark = this.begin(item.tag);
        for (const child of item.value) this.item(child);
        this.end(mark);
        return;
      }
      case ItemType.Integer:
        this.integer(item.tag, item.value);
        return;
      case ItemType.Enumeration:
      case ItemType.Interval:
        this.#unsigned(item.tag, item.type, item.value);
        return;
      case ItemType.TextString:
        this.text(item.tag, item.value);
        return;
      case ItemType.ByteString:
      case ItemType.BigInteger:
        this.#octets(item.tag, item.type, item.value);
        return;
      case ItemType.Boolean: {
        const at = this.#header(item.tag, item.type, 8, 8);
        this.#buffer.writeUInt32BE(0, at);
        this.#buffer.writeUInt32BE(item.value ? 1 : 0, at + 4);
        return;
      }
      default: {
        const at = this.#header(item.tag, item.type, 8, 8);
        this.#buffer.writeBigInt64BE(item.value, at);
      }
    }
  }

  /** Overwrites the Integer whose item started at `offset`, for counts that are known late. */
  patchInteger(offset: number, value: number): void {
    this.#buffer.writeInt32BE(value, offset + 8);
  }

  /** Takes back, and zeroes, everything written after `length`. */
  truncate(length: number): void {
    this.#buffer.fill(0, length, this.#length);
    this.#length = length;
  }

  /** What was written: a view, valid until the next write. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Zeroes all that was written. */
  wipe(): void {
    wipe(this.#buffer);
  }

  #unsigned(tag: number, type: ItemType, value: number): void {
    const at = this.#header(tag, type, 4, 8);
    this.#buffer.writeUInt32BE(value, at);
    this.#buffer.writeUInt32BE(0, at + 4);
  }

  #octets(tag: number, type: ItemType, value: Uint8Array): void {
    const padded = value.length + ((8 - (value.length % 8)) % 8);
    const at = this.#header(tag, type, value.length, padded);
    this.#buffer.set(value, at);
    this.#buffer.fill(0, at + value.length, at + padded);
  }

  /** Writes a header, reserves the value with its padding, answers where the value starts. */
  #header(tag: number, type: ItemType, length: number, padded: number): number {
    this.#reserve(8 + padded);
    const at = this.#length;
    this.#buffer.writeUInt32BE(((tag << 8) | type) >>> 0, at);
    this.#buffer.writeUInt32BE(length, at + 4);
    this.#length = at + 8 + padded;
    return at + 8;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    wipe(this.#buffer);
    this.#buffer = grown;
  }
}

/** Encodes one item and all that it holds. The caller owns, and if need be zeroes, the result. */
export function encodeTtlv(item: Item): Buffer {
  const writer = new TtlvWriter();
  writer.item(item);
  return writer.view();
}
