/**
 * TTLV items as a tree: what the decoder makes and what the encoder takes (KMIP 9.1).
 */

/** Item Types (9.1.1.2; Date-Time Extended since 2.0). */
export const ItemType = {
  Structure: 0x01,
  Integer: 0x02,
  LongInteger: 0x03,
  BigInteger: 0x04,
  Enumeration: 0x05,
  Boolean: 0x06,
  TextString: 0x07,
  ByteString: 0x08,
  DateTime: 0x09,
  Interval: 0x0a,
  DateTimeExtended: 0x0b,
} as const;
export type ItemType = (typeof ItemType)[keyof typeof ItemType];

export type StructureItem = {
  readonly tag: number;
  readonly type: typeof ItemType.Structure;
  readonly value: readonly Item[];
};

/** Integer: signed 32 bits. Enumeration and Interval (seconds): unsigned 32 bits. */
export type NumberItem = {
  readonly tag: number;
  readonly type: typeof ItemType.Integer | typeof ItemType.Enumeration | typeof ItemType.Interval;
  readonly value: number;
};

/** Signed 64 bits; Date-Time in POSIX seconds, Date-Time Extended in microseconds. */
export type Int64Item = {
  readonly tag: number;
  readonly type: typeof ItemType.LongInteger | typeof ItemType.DateTime | typeof ItemType.DateTimeExtended;
  readonly value: bigint;
};

export type BooleanItem = {
  readonly tag: number;
  readonly type: typeof ItemType.Boolean;
  readonly value: boolean;
};

export type TextItem = {
  readonly tag: number;
  readonly type: typeof ItemType.TextString;
  readonly value: string;
};

/** Byte String; Big Integer as two's complement, a multiple of eight bytes. Decoded ones are views. */
export type BytesItem = {
  readonly tag: number;
  readonly type: typeof ItemType.ByteString | typeof ItemType.BigInteger;
  readonly value: Uint8Array;
};

export type Item = StructureItem | NumberItem | Int64Item | BooleanItem | TextItem | BytesItem;

export const structure = (tag: number, value: readonly Item[]): StructureItem => ({
  tag,
  type: ItemType.Structure,
  value,
});
export const integer = (tag: number, value: number): NumberItem => ({ tag, type: ItemType.Integer, value });
export const longInteger = (tag: number, value: bigint): Int64Item => ({
  tag,
  type: ItemType.LongInteger,
  value,
});
export const enumeration = (tag: number, value: number): NumberItem => ({
  tag,
  type: ItemType.Enumeration,
  value,
});
export const boolean = (tag: number, value: boolean): BooleanItem => ({ tag, type: ItemType.Boolean, value });
export const text = (tag: number, value: string): TextItem => ({ tag, type: ItemType.TextString, value });
export const bytes = (tag: number, value: Uint8Array): BytesItem => ({
  tag,
  type: ItemType.ByteString,
  value,
});
/** @param value POSIX seconds */
export const dateTime = (tag: number, value: bigint): Int64Item => ({ tag, type: ItemType.DateTime, value });
/** @param value seconds */
export const interval = (tag: number, value: number): NumberItem => ({ tag, type: ItemType.Interval, value });
/** A Big Integer in the shortest multiple of eight bytes (9.1.1.4). */
export const bigInteger = (tag: number, value: bigint): BytesItem => ({
  tag,
  type: ItemType.BigInteger,
  value: bigIntegerToBytes(value),
});

/** Two's complement of a number in the fewest groups of eight bytes, big-endian. */
export function bigIntegerToBytes(value: bigint): Uint8Array {
  let words = 1;
  while (BigInt.asIntN(words * 64, value) !== value) {
    words *= 2;
  }
  while (words > 1 && BigInt.asIntN((words - 1) * 64, value) === value) {
    words -= 1;
  }
  const hex = BigInt.asUintN(words * 64, value).toString(16);
  return Buffer.from(hex.padStart(words * 16, "0"), "hex");
}

/** The number that a Big Integer's bytes hold. */
export function bigIntegerFromBytes(value: Uint8Array): bigint {
  if (value.length === 0) {
    return 0n;
  }
  const hex = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex");
  return BigInt.asIntN(value.length * 8, BigInt(`0x${hex}`));
}
