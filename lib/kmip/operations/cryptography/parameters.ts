/**
 * Cryptographic Parameters (KMIP 3.6) as an operation uses them.
 */
import { findRule } from "../../attributes/rules";
import { checkValue, fieldOf, sameValue, storedFromItem } from "../../attributes/values";
import type { ManagedObject, StoredValue } from "../../ports";
import type { ItemReader } from "../../protocol/fields";
import { Tag } from "../../protocol/tags";

/** The fields of Cryptographic Parameters that operations on symmetric keys use. */
export type Parameters = {
  readonly mode: number | null;
  readonly padding: number | null;
  readonly hash: number | null;
  readonly algorithm: number | null;
  readonly randomIv: boolean;
  /** Bits. */
  readonly ivLength: number | null;
  /** Bytes. */
  readonly tagLength: number | null;
  readonly initialCounter: number | null;
};

/** Reads a Cryptographic Parameters structure. @throws KmipError Invalid Field */
export const asParameters: ItemReader<StoredValue> = (item, context) => {
  const rule = findRule("Cryptographic Parameters", context.version);
  return storedFromItem(rule === null ? item : checkValue(rule, item, context));
};

/**
 * The parameters of a key that match those of a request, or those with the lowest Attribute Index (2.1.6).
 *
 * @returns null if the key has none that match
 */
export function matchingParameters(
  given: StoredValue | undefined,
  object: ManagedObject,
): StoredValue | null {
  const own = [...(object.attributes["Cryptographic Parameters"] ?? [])].sort((a, b) => a.i - b.i);
  if (given === undefined || given.t !== "structure") {
    return own[0]?.v ?? null;
  }
  const match = own.find(({ v }) =>
    given.v.every(({ tag, value }) => {
      const field = fieldOf(v, tag);
      return field !== null && sameValue(field, value);
    }),
  );
  return match?.v ?? null;
}

/** Taken apart; a missing structure has no fields. */
export function parametersOf(value: StoredValue | undefined): Parameters {
  const numberAt = (tag: number): number | null => {
    const field = value === undefined ? null : fieldOf(value, tag);
    return typeof field?.v === "number" ? field.v : null;
  };
  return {
    mode: numberAt(Tag.BlockCipherMode),
    padding: numberAt(Tag.PaddingMethod),
    hash: numberAt(Tag.HashingAlgorithm),
    algorithm: numberAt(Tag.CryptographicAlgorithm),
    randomIv: value !== undefined && fieldOf(value, Tag.RandomIV)?.v === true,
    ivLength: numberAt(Tag.IVLength),
    tagLength: numberAt(Tag.TagLength),
    initialCounter: numberAt(Tag.InitialCounterValue),
  };
}

/** Those of the request, or else those of the key with the lowest Attribute Index (4.29). */
export function effectiveParameters(
  given: StoredValue | undefined,
  object: ManagedObject,
): StoredValue | undefined {
  const [lowest] = [...(object.attributes["Cryptographic Parameters"] ?? [])].sort((a, b) => a.i - b.i);
  return given ?? lowest?.v;
}
