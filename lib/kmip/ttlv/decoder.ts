/**
 * TTLV decoder (KMIP 9.1): one pass, views instead of copies, strict on everything that 9.1.1 fixes.
 */
import { TtlvError } from "./errors";
import { type Item, ItemType } from "./item";

/** Tag, type and length (9.1.1). */
export const HEADER_LENGTH = 8;

/** Bounds of what a message may hold, whatever its size. */
export type DecodeLimits = {
  /** Structures within structures. */
  readonly maxDepth: number;
  /** Items in all. */
  readonly maxItems: number;
};

export const DEFAULT_DECODE_LIMITS: DecodeLimits = { maxDepth: 32, maxItems: 20_000 };

/** Where an item lies in a buffer, before its value is looked at. */
export type ItemExtent = {
  readonly tag: number;
  readonly type: number;
  /** Of the header. */
  readonly offset: number;
  /** Of the value, without padding. */
  readonly length: number;
  /** Of the first byte after the item and its padding. */
  readonly end: number;
};

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The byte at an index that lies within the buffer: every caller has compared it with a limit. */
const byteAt = (buffer: Uint8Array, at: number): number => buffer[at] as number;

/** 32 bits, big-endian, as signed. Written out: Buffer's own readers check again what is known here. */
const int32At = (buffer: Uint8Array, at: number): number =>
  (byteAt(buffer, at) << 24) |
  (byteAt(buffer, at + 1) << 16) |
  (byteAt(buffer, at + 2) << 8) |
  byteAt(buffer, at + 3);

const uint32At = (buffer: Uint8Array, at: number): number => int32At(buffer, at) >>> 0;

/**
 * Decodes one buffer, whole or piece by piece, within one budget of items.
 *
 * Values of Text Strings are copied into strings; those of Byte Strings and Big Integers are views of the buffer
 * and live as long as it does.
 */
export class TtlvDecoder {
  readonly #buffer: Buffer;
  readonly #maxDepth: number;
  readonly #dropsNulls: boolean;
  #itemsLeft: number;

  /** @param dropsNulls true to read Text Strings without the nulls at their end, which clients written in C count in */
  constructor(message: Uint8Array, limits: DecodeLimits = DEFAULT_DECODE_LIMITS, dropsNulls = false) {
    this.#buffer = Buffer.isBuffer(message)
      ? message
      : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
    this.#maxDepth = limits.maxDepth;
    this.#dropsNulls = dropsNulls;
    this.#itemsLeft = limits.maxItems;
  }

  /** The extent of the item at `offset`, which must end by `limit`. @throws TtlvError */
  extentAt(offset: number, limit: number = this.#buffer.length): ItemExtent {
    const tag = this.#tag(offset, limit);
    const type = byteAt(this.#buffer, offset + 3);
    const length = uint32At(this.#buffer, offset + 4);
    return { tag, type, offset, length, end: this.#endOf(offset, type, length, limit) };
  }

  /** The extents of a structure's items, without decoding them. @throws TtlvError */
  extentsIn(parent: ItemExtent): ItemExtent[] {
    if (parent.type !== ItemType.Structure) {
      throw new TtlvError("expected a structure", parent.offset);
    }
    const extents: ItemExtent[] = [];
    for (let offset = parent.offset + HEADER_LENGTH; offset < parent.end; ) {
      this.#spend(offset);
      const extent = this.extentAt(offset, parent.end);
      extents.push(extent);
      offset = extent.end;
    }
    return extents;
  }

  /**
   * The extent of the first item of a tag in a structure, or null; every item's extent is checked.
   *
   * @throws TtlvError
   */
  extentOf(parent: ItemExtent, tag: number): ItemExtent | null {
    if (parent.type !== ItemType.Structure) {
      throw new TtlvError("expected a structure", parent.offset);
    }
    let found: ItemExtent | null = null;
    for (let offset = parent.offset + HEADER_LENGTH; offset < parent.end; ) {
      this.#spend(offset);
      const extent = this.extentAt(offset, parent.end);
      if (found === null && extent.tag === tag) {
        found = extent;
      }
      offset = extent.end;
    }
    return found;
  }

  /**
   * Decodes the item at an extent, and all that it holds.
   *
   * @param depth how many structures surround it
   * @throws TtlvError
   */
  decode(extent: ItemExtent, depth = 0): Item {
    return this.#item(extent.offset, extent.end, depth);
  }

  /** Decodes the buffer as exactly one item. @throws TtlvError */
  decodeAll(): Item {
    const item = this.#item(0, this.#buffer.length, 0);
    if (this.#end !== this.#buffer.length) {
      throw new TtlvError("bytes after the item", this.#end);
    }
    return item;
  }

  /** Where the item decoded last ends. */
  #end = 0;

  #spend(offset: number): void {
    this.#itemsLeft -= 1;
    if (this.#itemsLeft < 0) {
      throw new TtlvError("too many items", offset);
    }
  }

  #tag(offset: number, limit: number): number {
    if (limit - offset < HEADER_LENGTH) {
      throw new TtlvError("truncated item header", offset);
    }
    const buffer = this.#buffer;
    // 9.1.1.1: 0x42 for the specification's tags, 0x54 for extensions.
    const space = byteAt(buffer, offset);
    if (space !== 0x42 && space !== 0x54) {
      throw new TtlvError("tag outside of 42xxxx and 54xxxx", offset);
    }
    return (space << 16) | (byteAt(buffer, offset + 1) << 8) | byteAt(buffer, offset + 2);
  }

  /** 9.1.1.3: checks the length against the type; answers where the item ends. */
  #endOf(offset: number, type: number, length: number, limit: number): number {
    switch (type) {
      case ItemType.Structure:
        if (length % 8 !== 0) {
          throw new TtlvError("structure length is no multiple of 8", offset);
        }
        break;
      case ItemType.Integer:
      case ItemType.Enumeration:
      case ItemType.Interval:
        if (length !== 4) {
          throw new TtlvError("length must be 4", offset);
        }
        break;
      case ItemType.LongInteger:
      case ItemType.Boolean:
      case ItemType.DateTime:
      case ItemType.DateTimeExtended:
        if (length !== 8) {
          throw new TtlvError("length must be 8", offset);
        }
        break;
      case ItemType.BigInteger:
        if (length === 0 || length % 8 !== 0) {
          throw new TtlvError("Big Integer is no multiple of 8", offset);
        }
        break;
      case ItemType.TextString:
      case ItemType.ByteString:
        break;
      default:
        throw new TtlvError("unknown item type", offset);
    }
    // Added, not rounded up by bits: padded, a length may have more than 32 of them.
    const end = offset + HEADER_LENGTH + length + (-length & 7);
    if (end > limit) {
      throw new TtlvError("item reaches beyond what contains it", offset);
    }
    return end;
  }

  #item(offset: number, limit: number, depth: number): Item {
    this.#spend(offset);
    const buffer = this.#buffer;
    const tag = this.#tag(offset, limit);
    const type = byteAt(buffer, offset + 3) as ItemType;
    const length = uint32At(buffer, offset + 4);
    const end = this.#endOf(offset, type, length, limit);
    const start = offset + HEADER_LENGTH;
    switch (type) {
      case ItemType.Structure: {
        if (depth >= this.#maxDepth) {
          throw new TtlvError("nested too deeply", offset);
        }
        const value: Item[] = [];
        for (let at = start; at < end; at = this.#end) {
          value.push(this.#item(at, end, depth + 1));
        }
        this.#end = end;
        return { tag, type, value };
      }
      case ItemType.Integer:
        this.#checkPadding(start + 4, end);
        return { tag, type, value: int32At(buffer, start) };
      case ItemType.Enumeration:
      case ItemType.Interval:
        this.#checkPadding(start + 4, end);
        return { tag, type, value: uint32At(buffer, start) };
      case ItemType.Boolean:
        this.#end = end;
        return { tag, type, value: this.#boolean(start) };
      case ItemType.TextString:
        this.#checkPadding(start + length, end);
        return { tag, type, value: this.#text(start, length) };
      case ItemType.ByteString:
      case ItemType.BigInteger:
        this.#checkPadding(start + length, end);
        return { tag, type, value: buffer.subarray(start, start + length) };
      case ItemType.LongInteger:
      case ItemType.DateTime:
      case ItemType.DateTimeExtended:
        this.#end = end;
        return { tag, type, value: buffer.readBigInt64BE(start) };
      default:
        throw new TtlvError("unknown item type", offset);
    }
  }

  /** Padding must be zero: anything else would be a place to hide bytes in. */
  #checkPadding(from: number, end: number): void {
    const buffer = this.#buffer;
    for (let at = from; at < end; at += 1) {
      if (buffer[at] !== 0) {
        throw new TtlvError("padding is not zero", at);
      }
    }
    this.#end = end;
  }

  #boolean(start: number): boolean {
    const high = int32At(this.#buffer, start);
    const low = uint32At(this.#buffer, start + 4);
    if (high !== 0 || low > 1) {
      throw new TtlvError("Boolean is neither 0 nor 1", start);
    }
    return low === 1;
  }

  #text(start: number, given: number): string {
    const buffer = this.#buffer;
    let length = given;
    while (this.#dropsNulls && length > 0 && byteAt(buffer, start + length - 1) === 0) {
      length -= 1;
    }
    let ascii = true;
    for (let at = start; at < start + length; at += 1) {
      const byte = byteAt(buffer, at);
      // 9.1.1.4: Text Strings are not null-terminated; an embedded null is a trap for clients written in C.
      if (byte === 0) {
        throw new TtlvError("null in a Text String", at);
      }
      if (byte > 0x7f) {
        ascii = false;
        break;
      }
    }
    if (ascii) {
      return buffer.toString("latin1", start, start + length);
    }
    try {
      const value = utf8.decode(buffer.subarray(start, start + length));
      if (value.includes("\0")) {
        throw new TtlvError("null in a Text String", start);
      }
      return value;
    } catch (error) {
      if (error instanceof TtlvError) {
        throw error;
      }
      throw new TtlvError("Text String is not UTF-8", start);
    }
  }
}

/** Decodes a buffer that holds exactly one item. @throws TtlvError */
export function decodeTtlv(message: Uint8Array, limits: DecodeLimits = DEFAULT_DECODE_LIMITS): Item {
  return new TtlvDecoder(message, limits).decodeAll();
}
