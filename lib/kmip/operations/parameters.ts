/**
 * Cryptographic Parameters (KMIP 3.6) as an operation uses them, and what operations on data have in common.
 */
import { findRule } from "../attributes/rules";
import { checkValue, fieldOf, sameValue, storedFromItem } from "../attributes/values";
import { featureNotSupported, invalidCorrelationValue, invalidMessage } from "../errors";
import type { ManagedObject, StoredValue } from "../ports";
import { asBoolean, asBytes, type ItemReader, optional } from "../protocol/fields";
import { Tag } from "../protocol/tags";
import { KmipVersion } from "../protocol/versions";

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
  if (given === undefined || given.t !== "structure") return own[0]?.v ?? null;
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
  };
}

/** Those of the request, or else those of the key with the lowest Attribute Index (4.29). */
export function effectiveParameters(given: StoredValue | undefined, object: ManagedObject): Parameters {
  const [lowest] = [...(object.attributes["Cryptographic Parameters"] ?? [])].sort((a, b) => a.i - b.i);
  return parametersOf(given ?? lowest?.v);
}

/** Fields of operations that can be done in parts. */
export const PARTS = {
  correlationValue: optional(Tag.CorrelationValue, asBytes, KmipVersion.V1_3),
  initIndicator: optional(Tag.InitIndicator, asBoolean, KmipVersion.V1_3),
  finalIndicator: optional(Tag.FinalIndicator, asBoolean, KmipVersion.V1_3),
};

/** Refuses everything but whole operations. @throws KmipError Item Not Found, Feature Not Supported */
export function refuseParts(request: {
  readonly correlationValue: Uint8Array | undefined;
  readonly initIndicator: boolean | undefined;
  readonly finalIndicator: boolean | undefined;
}): void {
  if (request.correlationValue !== undefined) {
    throw invalidCorrelationValue("There is no outstanding operation with this Correlation Value");
  }
  if (request.initIndicator === true && request.finalIndicator !== true) {
    throw featureNotSupported("Cryptographic operations in parts are not supported");
  }
}

/** Data that a whole operation needs. @throws KmipError Invalid Message */
export function required(data: Uint8Array | undefined, name: string): Uint8Array {
  if (data === undefined) throw invalidMessage(`${name} is missing`);
  return data;
}
