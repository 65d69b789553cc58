/**
 * TTLV encoder (KMIP 9.1): writes into one buffer, structure lengths filled in when a structure ends.
 */
import { type Item, ItemType } from "./item";
import { wipe } from "./wipe";

/** Enough for the answer to a Get; buffers of this size are used again. */
const INITIAL_SIZE = 512;
/** Released buffers of the initial size, all of them zero: making a buffer costs more than filling it. */
const SPARE: Buffer[] = [];
const MAX_SPARE = 64;
/** Texts up to this many characters are written byte by byte, which is faster than a call of native code. */
const SHORT_TEXT = 64;

/** Writes 32 bits, big-endian. Written out: Buffer's own writers check what is known here. */
function putInt32(buffer: Uint8Array, at: number, value: number): void {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
}

/** @throws RangeError for what is no signed 32-bit number */
function checkInt32(value: number): void {
  if ((value | 0) !== value) {
    throw new RangeError(`${value} does not fit into a signed 32-bit number`);
  }
}

/** @throws RangeError for what is no unsigned 32-bit number */
function checkUint32(value: number): void {
  if (value >>> 0 !== value) {
    throw new RangeError(`${value} does not fit into an unsigned 32-bit number`);
  }
}

/** Writes a short text if it is of ASCII characters alone; false if it is not. */
function putAscii(buffer: Uint8Array, at: number, value: string): boolean {
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if (code > 0x7f) {
      return false;
    }
    buffer[at + index] = code;
  }
  return true;
}

const NO_BUFFER = Buffer.alloc(0);

/** Bytes that fill a value up to a multiple of eight. */
const paddingOf = (length: number): number => -length & 7;

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
    this.#buffer =
      (size === INITIAL_SIZE ? SPARE.pop() : undefined) ?? Buffer.allocUnsafeSlow(Math.max(size, 64));
  }

  /** Bytes written. */
  get length(): number {
    return this.#length;
  }

  /** Starts a structure; answers the mark that `end` wants. */
  begin(tag: number): number {
    this.#reserve(8);
    const at = this.#length;
    putInt32(this.#buffer, at, (tag << 8) | ItemType.Structure);
    this.#length = at + 8;
    return at + 8;
  }

  /** Ends the structure that `begin` gave the mark for. */
  end(mark: number): void {
    putInt32(this.#buffer, mark - 4, this.#length - mark);
  }

  /** @throws RangeError */
  integer(tag: number, value: number): void {
    checkInt32(value);
    this.#word(tag, ItemType.Integer, value);
  }

  /** @throws RangeError */
  enumeration(tag: number, value: number): void {
    checkUint32(value);
    this.#word(tag, ItemType.Enumeration, value);
  }

  text(tag: number, value: string): void {
    if (value.length <= SHORT_TEXT && this.#shortText(tag, value)) {
      return;
    }
    const length = Buffer.byteLength(value, "utf8");
    const at = this.#header(tag, ItemType.TextString, length);
    this.#buffer.write(value, at, length, "utf8");
  }

  bytes(tag: number, value: Uint8Array): void {
    this.#octets(tag, ItemType.ByteString, value);
  }

  /** @param seconds POSIX seconds, a whole number */
  dateTime(tag: number, seconds: number): void {
    const at = this.#header(tag, ItemType.DateTime, 8);
    putInt32(this.#buffer, at, Math.floor(seconds / 0x1_0000_0000));
    putInt32(this.#buffer, at + 4, seconds);
  }

  /** Writes a tree of items. @throws RangeError for a number that its type cannot hold */
  item(item: Item): void {
    switch (item.type) {
      case ItemType.Structure: {
        const mark = this.begin(item.tag);
        for (const child of item.value) {
          this.item(child);
        }
        this.end(mark);
        return;
      }
      case ItemType.Integer:
        this.integer(item.tag, item.value);
        return;
      case ItemType.Enumeration:
      case ItemType.Interval:
        checkUint32(item.value);
        this.#word(item.tag, item.type, item.value);
        return;
      case ItemType.TextString:
        this.text(item.tag, item.value);
        return;
      case ItemType.ByteString:
      case ItemType.BigInteger:
        this.#octets(item.tag, item.type, item.value);
        return;
      case ItemType.Boolean: {
        const at = this.#header(item.tag, item.type, 8);
        putInt32(this.#buffer, at, 0);
        putInt32(this.#buffer, at + 4, item.value ? 1 : 0);
        return;
      }
      default: {
        const at = this.#header(item.tag, item.type, 8);
        this.#buffer.writeBigInt64BE(item.value, at);
      }
    }
  }

  /** Overwrites the Integer whose item started at `offset`, for counts that are known late. */
  patchInteger(offset: number, value: number): void {
    putInt32(this.#buffer, offset + 8, value);
  }

  /** Puts what was written after `end` in the place of what was written from `start` to `end`, which is zeroed. */
  cut(start: number, end: number): void {
    this.#buffer.copyWithin(start, end, this.#length);
    this.truncate(start + this.#length - end);
  }

  /** Moves what was written last, from `start` on, to an earlier place; what stood there follows it. */
  moveBack(start: number, to: number): void {
    const moved = Buffer.from(this.#buffer.subarray(start, this.#length));
    this.#buffer.copyWithin(to + moved.length, to, start);
    this.#buffer.set(moved, to);
    moved.fill(0);
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

  /** Zeroes all that was written and ends the writer's use: its buffer, and so every view, belongs to others now. */
  release(): void {
    const buffer = this.#buffer;
    buffer.fill(0, 0, this.#length);
    this.#buffer = NO_BUFFER;
    this.#length = 0;
    if (buffer.length === INITIAL_SIZE && SPARE.length < MAX_SPARE) {
      SPARE.push(buffer);
    }
  }

  /** An item of four bytes. */
  #word(tag: number, type: ItemType, value: number): void {
    this.#reserve(16);
    const buffer = this.#buffer;
    const at = this.#length;
    putInt32(buffer, at, (tag << 8) | type);
    putInt32(buffer, at + 4, 4);
    putInt32(buffer, at + 8, value);
    putInt32(buffer, at + 12, 0);
    this.#length = at + 16;
  }

  /** Writes a text of ASCII characters; false, and nothing written, if it has others. */
  #shortText(tag: number, value: string): boolean {
    const start = this.#length;
    const at = this.#header(tag, ItemType.TextString, value.length);
    if (putAscii(this.#buffer, at, value)) {
      return true;
    }
    this.#length = start;
    return false;
  }

  #octets(tag: number, type: ItemType, value: Uint8Array): void {
    const at = this.#header(tag, type, value.length);
    this.#buffer.set(value, at);
  }

  /** Writes a header, reserves the value, zeroes its padding, answers where the value starts. */
  #header(tag: number, type: ItemType, length: number): number {
    const padding = paddingOf(length);
    this.#reserve(8 + length + padding);
    const buffer = this.#buffer;
    const at = this.#length;
    putInt32(buffer, at, (tag << 8) | type);
    putInt32(buffer, at + 4, length);
    const end = at + 8 + length + padding;
    for (let pad = end - padding; pad < end; pad += 1) {
      buffer[pad] = 0;
    }
    this.#length = end;
    return at + 8;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) {
      return;
    }
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
