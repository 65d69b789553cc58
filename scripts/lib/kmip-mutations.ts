/**
 * How the fuzzer damages messages: in their tree, as a client with mistakes does, and in their bytes, as an attacker
 * does.
 */
import { Tag } from "@/lib/kmip/protocol/tags";
import { encodeTtlv, type Item, ItemType } from "@/lib/kmip/ttlv";

const TAG_CODES: readonly number[] = Object.values(Tag);

/** Random numbers that follow from a seed and a number (the mixing function of SplitMix32). */
export class Random {
  #state: number;

  constructor(seed: number, number: number) {
    this.#state = (Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) | 0;
  }

  /** 32 bits. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return limit <= 1 ? 0 : this.next() % limit;
  }

  /** One of a list that is not empty. */
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  bytes(length: number): Buffer {
    const noise = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; at += 1) {
      noise[at] = this.next();
    }
    return noise;
  }
}

const NUMBERS = [
  0, 1, 2, 3, 7, 8, 10, 15, 255, 256, 65_535, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffff8, 0xffffffff,
];
const TEXTS = [
  "",
  "x-",
  "y-a",
  "Name",
  "State",
  "x-Vendor",
  "Cryptographic Length",
  "\u{10ffff}",
  "é",
  "a".repeat(300),
];

/** A value of any type. */
function leaf(random: Random, tag: number): Item {
  const number = random.of(NUMBERS);
  switch (random.below(8)) {
    case 0:
      return { tag, type: ItemType.Integer, value: number | 0 };
    case 1:
      return { tag, type: random.of([ItemType.Enumeration, ItemType.Interval]), value: number };
    case 2:
      return { tag, type: ItemType.Boolean, value: random.below(2) === 0 };
    case 3:
      return { tag, type: ItemType.TextString, value: random.of(TEXTS) };
    case 4:
      return { tag, type: ItemType.ByteString, value: random.bytes(random.below(40)) };
    case 5:
      return { tag, type: ItemType.BigInteger, value: random.bytes(8 * (1 + random.below(4))) };
    case 6: {
      const type = random.of([ItemType.LongInteger, ItemType.DateTime, ItemType.DateTimeExtended]);
      const high = random.of([0n, 1n, -1n, 0x7fffffffn, -0x80000000n]);
      return { tag, type, value: BigInt.asIntN(64, (high << 32n) | BigInt(number)) };
    }
    default:
      return { tag, type: ItemType.Structure, value: [] };
  }
}

/** A change of a list of children. */
function rearrange(random: Random, children: readonly Item[], corpus: readonly Item[]): Item[] {
  const list = [...children];
  const at = random.below(list.length);
  switch (random.below(6)) {
    case 0:
      list.splice(at, 1);
      break;
    case 1: {
      const twin = list[at];
      if (twin !== undefined) {
        list.splice(random.below(list.length + 1), 0, twin);
      }
      break;
    }
    case 2:
      list.reverse();
      break;
    case 3:
      list.splice(at, 0, leaf(random, random.of(TAG_CODES)));
      break;
    case 4:
      list.splice(at, 0, random.of(corpus));
      break;
    default: {
      let nest = leaf(random, random.of(TAG_CODES));
      for (let depth = random.below(40); depth > 0; depth -= 1) {
        nest = { tag: random.of(TAG_CODES), type: ItemType.Structure, value: [nest] };
      }
      list.splice(at, 0, nest);
    }
  }
  return list;
}

/** The same tree with one place changed. */
function changeTree(random: Random, item: Item, corpus: readonly Item[]): Item {
  if (item.type !== ItemType.Structure) {
    const tag = random.below(6) === 0 ? random.of(TAG_CODES) : item.tag;
    const other = leaf(random, tag);
    if (random.below(3) === 0) {
      return other;
    }
    // The type that is expected, with a value that is not.
    if (item.type === ItemType.TextString) {
      return { ...item, tag, value: random.of(TEXTS) };
    }
    if (typeof item.value === "number") {
      const number = random.below(2) === 0 ? random.of(NUMBERS) : random.below(64);
      return item.type === ItemType.Integer
        ? { tag, type: ItemType.Integer, value: number | 0 }
        : { tag, type: ItemType.Enumeration, value: number };
    }
    return other;
  }
  const { tag, type, value } = item;
  if (value.length === 0 || random.below(5) === 0) {
    return { tag, type, value: rearrange(random, value, corpus) };
  }
  const chosen = random.below(value.length);
  return {
    tag,
    type,
    value: value.map((child, index) => (index === chosen ? changeTree(random, child, corpus) : child)),
  };
}

/** Where items begin: headers are where damage does most. Every eighth byte may be one. */
const headerIn = (random: Random, frame: Buffer): number => 8 * random.below(Math.floor(frame.length / 8));

/** The same bytes with one place changed. */
function changeBytes(random: Random, frame: Buffer): Buffer {
  if (frame.length < 8) {
    return Buffer.concat([frame, random.bytes(random.below(16))]);
  }
  const at = random.below(frame.length);
  switch (random.below(8)) {
    case 0:
      frame[at] = (frame[at] ?? 0) ^ (1 << random.below(8));
      return frame;
    case 1:
      frame[at] = random.of([0, 1, 0x42, 0x54, 0x7f, 0x80, 0xff]);
      return frame;
    case 2:
      frame.writeUInt32BE(random.of(NUMBERS), headerIn(random, frame) + 4);
      return frame;
    case 3: {
      const header = headerIn(random, frame) + 4;
      frame.writeUInt32BE((frame.readUInt32BE(header) + random.of([-8, -1, 1, 4, 8])) >>> 0, header);
      return frame;
    }
    case 4:
      frame[headerIn(random, frame) + 3] = random.below(14);
      return frame;
    case 5:
      return frame.subarray(0, at);
    case 6:
      return Buffer.concat([frame, random.bytes(1 + random.below(24))]);
    default:
      return Buffer.concat([frame.subarray(0, at), random.bytes(random.below(16)), frame.subarray(at)]);
  }
}

/** A frame: a message of the corpus with one to four changes, or noise. */
export function mutate(random: Random, corpus: readonly Item[]): Buffer {
  if (random.below(20) === 0) {
    const noise = random.bytes(random.below(300));
    if (random.below(2) === 0 || noise.length < 8) {
      return noise;
    }
    // Noise that looks like a request message of the right length.
    noise.writeUInt32BE(0x42007801, 0);
    noise.writeUInt32BE(noise.length - 8, 4);
    return noise;
  }
  let item = random.of(corpus);
  for (let changes = random.below(4); changes > 0; changes -= 1) {
    item = changeTree(random, item, corpus);
  }
  let frame = encodeTtlv(item);
  if (random.below(2) === 0) {
    for (let changes = 1 + random.below(2); changes > 0; changes -= 1) {
      frame = changeBytes(random, frame);
    }
  }
  return frame;
}

/** What means something in XML or JSON. */
const TEXT_PIECES = [
  "",
  "<",
  ">",
  "/>",
  '"',
  "'",
  "&",
  "&lt;",
  "&#x110000;",
  "<!--",
  "-->",
  "<!DOCTYPE x>",
  "<?xml?>",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "\\",
  "\\u0000",
  "\ud800",
  "\0",
  "null",
  "-1",
  "1e400",
  "0x",
  '"__proto__":{},',
];

/** A text with up to three places changed. */
export function mutateText(random: Random, text: string): string {
  let changed = text;
  for (let changes = random.below(4); changes > 0; changes -= 1) {
    const at = random.below(changed.length + 1);
    const cut = random.below(3) === 0 ? random.below(30) : random.below(2);
    changed = changed.slice(0, at) + random.of(TEXT_PIECES) + changed.slice(at + cut);
  }
  return changed;
}
