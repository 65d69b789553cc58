/**
 * Symmetric ciphers (KMIP 4.29, 4.30): from Cryptographic Parameters to a cipher of node:crypto.
 */

import type { RandomSource } from "../../ports";
import {
  CryptographicAlgorithm as Algorithm,
  BlockCipherMode as Mode,
  PaddingMethod,
} from "../../protocol/enumerations";
import {
  badParameters,
  FAILURES,
  invalidField,
  KmipError,
  missingIv,
  missingParameters,
  unsupportedParameters,
} from "../../protocol/errors";
import { KmipVersion } from "../../protocol/versions";
import type { CountedPadding } from "./padding";
import type { Parameters } from "./parameters";

/** A cipher, chosen before the key is read. */
export type CipherPlan = {
  readonly algorithm: number;
  /** OpenSSL's name of the cipher for a key of a length. */
  name(keyBytes: number): string;
  readonly blockSize: number;
  /** "none" for whole blocks, and for what has no blocks. */
  readonly padding: "none" | "pkcs5" | CountedPadding;
  /** As answered, or as given. */
  readonly iv: Uint8Array;
  /** As OpenSSL takes it; null where there is none. */
  readonly nativeIv: Uint8Array | null;
  /** True if the server made the IV. */
  readonly ivIsNew: boolean;
  /** Bytes of the authentication tag; null without one. */
  readonly tagLength: number | null;
  /** True if all of the data is needed at once. */
  readonly whole: boolean;
};

/** How a cipher in a mode is used. */
type ModeRule = {
  /** The part of OpenSSL's name that the mode is. */
  readonly suffix: string;
  /** Lengths of the IV in bytes. */
  readonly iv: { readonly shortest: number; readonly longest: number; readonly usual: number };
  /** The IV that is used unless one is given; not random. */
  readonly fixedIv?: Uint8Array;
  readonly padded?: true;
  /** Bytes that a tag may have, the usual one first. */
  readonly tags?: readonly number[];
  readonly whole?: true;
  /** The IV as OpenSSL takes it. */
  readonly nativeIv?: (iv: Uint8Array, parameters: Parameters) => Uint8Array;
};

type CipherFamily = {
  readonly blockSize: number;
  readonly modes: ReadonlyMap<number | null, ModeRule>;
  name(keyBytes: number, suffix: string): string;
};

const exactly = (bytes: number) => ({ shortest: bytes, longest: bytes, usual: bytes });

/** Modes that every block cipher has. */
const blockModes = (blockSize: number): [number, ModeRule][] => [
  [Mode.ECB, { suffix: "ecb", iv: exactly(0), padded: true }],
  [Mode.CBC, { suffix: "cbc", iv: exactly(blockSize), padded: true }],
  [Mode.CFB, { suffix: "cfb", iv: exactly(blockSize) }],
  [Mode.OFB, { suffix: "ofb", iv: exactly(blockSize) }],
];
const CTR: [number, ModeRule] = [Mode.CTR, { suffix: "ctr", iv: exactly(16) }];

const AES_MODES = new Map<number | null, ModeRule>([
  ...blockModes(16),
  CTR,
  // SP 800-38D: tags for general use (5.2.1.2); a random IV shorter than 96 bits repeats too soon (8.2.2).
  [Mode.GCM, { suffix: "gcm", iv: { shortest: 1, longest: 128, usual: 12 }, tags: [16, 15, 14, 13, 12] }],
  // SP 800-38C: shorter tags want a careful analysis (appendix B.2).
  [
    Mode.CCM,
    { suffix: "ccm", iv: { shortest: 7, longest: 13, usual: 12 }, tags: [16, 14, 12, 10, 8], whole: true },
  ],
  // RFC 3394, RFC 5649: their initial values.
  [Mode.NISTKeyWrap, { suffix: "wrap", iv: exactly(8), fixedIv: Buffer.alloc(8, 0xa6), whole: true }],
  [
    Mode.AESKeyWrapPadding,
    { suffix: "wrap-pad", iv: exactly(4), fixedIv: Buffer.from("a65959a6", "hex"), whole: true },
  ],
]);

/**
 * OpenSSL's IV of ChaCha20: the block counter, little-endian, and the nonce, of 8 bytes (Bernstein) or 12 (RFC 8439);
 * or both together as one of 16.
 */
function chachaIv(iv: Uint8Array, { initialCounter }: Parameters): Uint8Array {
  if (iv.length !== 8 && iv.length !== 12 && iv.length !== 16) {
    throw wrongIv();
  }
  const native = Buffer.alloc(16);
  native.set(iv, 16 - iv.length);
  if (iv.length < 16) {
    native.writeUInt32LE((initialCounter ?? 0) >>> 0, 0);
  }
  return native;
}

const wrongIv = () => invalidField("IV/Counter/Nonce has the wrong length");

const FAMILIES: ReadonlyMap<number, CipherFamily> = new Map<number, CipherFamily>([
  [
    Algorithm.AES,
    {
      blockSize: 16,
      modes: AES_MODES,
      name: (keyBytes, suffix) => `${suffix.startsWith("wrap") ? "id-aes" : "aes-"}${keyBytes * 8}-${suffix}`,
    },
  ],
  [
    Algorithm.Camellia,
    {
      blockSize: 16,
      modes: new Map([...blockModes(16), CTR]),
      name: (keyBytes, suffix) => `camellia-${keyBytes * 8}-${suffix}`,
    },
  ],
  [
    Algorithm.DES3,
    {
      blockSize: 8,
      modes: new Map(blockModes(8)),
      // OpenSSL calls ECB of triple DES by the name of the cipher alone.
      name: (_, suffix) => (suffix === "ecb" ? "des-ede3" : `des-ede3-${suffix}`),
    },
  ],
  [
    Algorithm.ChaCha20,
    {
      blockSize: 1,
      modes: new Map([
        [null, { suffix: "chacha20", iv: { shortest: 8, longest: 16, usual: 12 }, nativeIv: chachaIv }],
      ]),
      name: (_, suffix) => suffix,
    },
  ],
  [
    Algorithm.ChaCha20Poly1305,
    {
      blockSize: 1,
      modes: new Map(
        [null, Mode.AEAD].map((mode) => [
          mode,
          // Cut short as those of GCM are.
          { suffix: "chacha20-poly1305", iv: exactly(12), tags: [16, 15, 14, 13, 12] },
        ]),
      ),
      name: (_, suffix) => suffix,
    },
  ],
]);

/** What choosing a cipher needs of the context of an operation. */
type CipherContext = { readonly random: RandomSource; readonly version: KmipVersion };

/** Where the IV comes from. */
export type IvSource = {
  /** By the client. */
  readonly given: Uint8Array | undefined;
  /** True in Encrypt, where the server makes the IV if it is asked to. */
  readonly mayBeMade: boolean;
};

/**
 * Chooses the cipher for a key and its parameters.
 *
 * @param keyAlgorithm Cryptographic Algorithm of the key
 * @throws KmipError for what is missing, not supported, or wrong
 */
export function planCipher(
  context: CipherContext,
  keyAlgorithm: number | null,
  parameters: Parameters,
  iv: IvSource,
): CipherPlan {
  const { mode, algorithm } = parameters;
  if (algorithm !== null && algorithm !== keyAlgorithm) {
    throw badParameters("The key is not of this Cryptographic Algorithm");
  }
  const family = keyAlgorithm === null ? undefined : FAMILIES.get(keyAlgorithm);
  if (family === undefined || keyAlgorithm === null) {
    throw unsupportedParameters("Keys of this Cryptographic Algorithm are not used by the server");
  }
  const rule = family.modes.get(mode);
  if (rule === undefined) {
    if (mode === null) {
      throw missingParameters("Block Cipher Mode is missing");
    }
    throw unsupportedParameters("This Block Cipher Mode is not supported");
  }
  if (rule.tags !== undefined && context.version < KmipVersion.V1_4) {
    throw unsupportedParameters("This version of the protocol cannot carry an authentication tag");
  }
  const chosen = ivOf(context, rule, parameters, iv);
  return {
    algorithm: keyAlgorithm,
    name: (keyBytes) => family.name(keyBytes, rule.suffix),
    blockSize: family.blockSize,
    padding: paddingOf(rule, parameters),
    ...chosen,
    nativeIv: rule.iv.longest === 0 ? null : (rule.nativeIv?.(chosen.iv, parameters) ?? chosen.iv),
    tagLength: tagLengthOf(rule, parameters),
    whole: rule.whole === true,
  };
}

function paddingOf({ padded }: ModeRule, { padding }: Parameters): CipherPlan["padding"] {
  if (padding === null || padding === PaddingMethod.None) {
    return "none";
  }
  const { PKCS5, ANSIX9_23, ISO10126 } = PaddingMethod;
  if (padding !== PKCS5 && padding !== ANSIX9_23 && padding !== ISO10126) {
    throw unsupportedParameters("This Padding Method is not supported");
  }
  if (padded !== true) {
    throw badParameters("This Block Cipher Mode has no padding");
  }
  return padding === PKCS5 ? "pkcs5" : padding;
}

function ivOf(
  { random }: CipherContext,
  rule: ModeRule,
  parameters: Parameters,
  { given, mayBeMade }: IvSource,
): Pick<CipherPlan, "iv" | "ivIsNew"> {
  const { shortest, longest } = rule.iv;
  // ECB: one that is given has no meaning.
  if (longest === 0) {
    return { iv: new Uint8Array(), ivIsNew: false };
  }
  if (given !== undefined) {
    if (given.length < shortest || given.length > longest) {
      throw wrongIv();
    }
    return { iv: given, ivIsNew: false };
  }
  if (rule.fixedIv !== undefined) {
    return { iv: rule.fixedIv, ivIsNew: false };
  }
  if (!mayBeMade || !parameters.randomIv) {
    throw missingIv("IV/Counter/Nonce is missing");
  }
  return { iv: random.bytes(ivBytes(rule, parameters)), ivIsNew: true };
}

/** Length of an IV to be made, in bytes. */
function ivBytes({ iv: { usual, longest } }: ModeRule, { ivLength }: Parameters): number {
  const bits = ivLength ?? usual * 8;
  if (bits < usual * 8 || bits > longest * 8 || bits % 8 !== 0) {
    throw badParameters("IV Length is not one of the Block Cipher Mode");
  }
  return bits / 8;
}

function tagLengthOf({ tags }: ModeRule, { tagLength }: Parameters): number | null {
  if (tags === undefined) {
    return null;
  }
  const length = tagLength ?? tags[0] ?? 0;
  if (!tags.includes(length)) {
    throw new KmipError(FAILURES.badTagLength, "Tag Length is not one of the Block Cipher Mode");
  }
  return length;
}
