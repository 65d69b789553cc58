import type { DecodeLimits } from "../ttlv/decoder";

/** Bounds of what a message in XML or JSON may hold: those of TTLV, and its length. */
export type EncodingLimits = DecodeLimits & {
  /** Length of the text in UTF-16 units. */
  readonly maxCharacters: number;
};

export const DEFAULT_ENCODING_LIMITS: EncodingLimits = {
  maxDepth: 32,
  maxItems: 20_000,
  maxCharacters: 8_388_608,
};
