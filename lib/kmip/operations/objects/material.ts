/**
 * Symmetric key material: which algorithms and lengths Create makes, and how.
 */
import { fieldOf, sameValue } from "../../attributes/values";
import type { RequestedAttributes } from "../../attributes/wire";
import type { RandomSource, StoredValue } from "../../ports";
import {
  CryptographicAlgorithm as Algorithm,
  DrbgAlgorithm,
  RngAlgorithm,
} from "../../protocol/enumerations";
import { invalidAttributeValue, limitExceeded } from "../../protocol/errors";
import { Tag } from "../../protocol/tags";
import type { OperationContext } from "../context";

type KeySizes = {
  /** Bits when the client names none. */
  readonly usual: number;
  /** Cryptographic Lengths in bits, and the bytes of material that each takes. */
  readonly lengths: ReadonlyMap<number, number>;
};

const sizes = (usual: number, ...lengths: number[]): KeySizes => ({
  usual,
  lengths: new Map([usual, ...lengths].map((bits) => [bits, bits / 8])),
});

/** Lengths of whole steps, both bounds included. */
const range = (least: number, most: number, step = 8): number[] =>
  Array.from({ length: (most - least) / step + 1 }, (_, at) => least + at * step);

/** HMAC keys: whole bytes, at least 112 bits of strength, at most the largest block of the SHA families. */
const hmac = (usual: number): KeySizes => sizes(usual, ...range(112, 1152));

/** Whatever is random bytes, in the lengths that the algorithm knows. */
const SIZES: ReadonlyMap<number, KeySizes> = new Map([
  [Algorithm.AES, sizes(256, 128, 192)],
  // 2.1.3: the length counts the parity bits or leaves them out; the material always has them.
  [
    Algorithm.DES,
    {
      usual: 56,
      lengths: new Map([
        [56, 8],
        [64, 8],
      ]),
    },
  ],
  [
    Algorithm.DES3,
    {
      usual: 168,
      lengths: new Map([
        [112, 16],
        [128, 16],
        [168, 24],
        [192, 24],
      ]),
    },
  ],
  [Algorithm.Camellia, sizes(256, 128, 192)],
  [Algorithm.Twofish, sizes(256, 128, 192)],
  [Algorithm.ARIA, sizes(256, 128, 192)],
  [Algorithm.Blowfish, sizes(128, ...range(32, 448))],
  [Algorithm.CAST5, sizes(128, ...range(40, 128))],
  [Algorithm.IDEA, sizes(128)],
  [Algorithm.MARS, sizes(256, ...range(128, 448, 32))],
  [Algorithm.RC2, sizes(128, ...range(8, 1024))],
  [Algorithm.RC4, sizes(128, ...range(40, 2048))],
  [Algorithm.RC5, sizes(128, ...range(8, 2040))],
  [Algorithm.SEED, sizes(128)],
  [Algorithm.SKIPJACK, sizes(80)],
  [Algorithm.SM4, sizes(128)],
  [Algorithm.GOST28147_89, sizes(256)],
  [Algorithm.GOSTR34_13_2015, sizes(256)],
  [Algorithm.OneTimePad, sizes(256, ...range(8, 32_768))],
  [Algorithm.Poly1305, sizes(256)],
  [Algorithm.ChaCha20, sizes(256)],
  [Algorithm.ChaCha20Poly1305, sizes(256)],
  [Algorithm.HMAC_SHA1, hmac(160)],
  [Algorithm.HMAC_SHA224, hmac(224)],
  [Algorithm.HMAC_SHA256, hmac(256)],
  [Algorithm.HMAC_SHA384, hmac(384)],
  [Algorithm.HMAC_SHA512, hmac(512)],
  [Algorithm.HMAC_MD5, hmac(128)],
  [Algorithm.HMAC_SHA3_224, hmac(224)],
  [Algorithm.HMAC_SHA3_256, hmac(256)],
  [Algorithm.HMAC_SHA3_384, hmac(384)],
  [Algorithm.HMAC_SHA3_512, hmac(512)],
]);

/** The Cryptographic Length of a key to be made, in bits. @throws KmipError Invalid Field */
export function lengthFor(algorithm: number, requested: number | null): number {
  const known = SIZES.get(algorithm);
  if (known === undefined) {
    throw invalidAttributeValue("Keys of this Cryptographic Algorithm cannot be created");
  }
  const length = requested ?? known.usual;
  if (!known.lengths.has(length)) {
    throw invalidAttributeValue("This Cryptographic Length is not one of the Cryptographic Algorithm");
  }
  return length;
}

/** Makes the material of a key; the caller zeroes it. @throws KmipError Invalid Field */
export function makeMaterial(random: RandomSource, algorithm: number, length: number): Uint8Array {
  const size = SIZES.get(algorithm)?.lengths.get(length);
  if (size === undefined) {
    throw invalidAttributeValue("Keys of this kind cannot be created");
  }
  const material = random.bytes(size);
  if (algorithm === Algorithm.DES3 || algorithm === Algorithm.DES) {
    setOddParity(material);
  }
  return material;
}

/** Makes secret data; the caller zeroes it. @throws KmipError for a length that is none */
export function makeSecret(
  { random, limits }: Pick<OperationContext, "random" | "limits">,
  length: number,
): Uint8Array {
  if (length <= 0 || length % 8 !== 0) {
    throw invalidAttributeValue("Cryptographic Length is not in whole bytes");
  }
  if (length / 8 > limits.maxMaterialBytes) {
    throw limitExceeded("Cryptographic Length is too large");
  }
  return random.bytes(length / 8);
}

/** DES keys carry odd parity in the lowest bit of each byte (FIPS 46-3). */
function setOddParity(material: Uint8Array): void {
  for (let at = 0; at < material.length; at += 1) {
    let bits = (material[at] ?? 0) & 0xfe;
    let ones = 0;
    for (let rest = bits; rest !== 0; rest >>= 1) {
      ones += rest & 1;
    }
    bits |= ones % 2 === 0 ? 1 : 0;
    material[at] = bits;
  }
}

const HMACS: ReadonlySet<number> = new Set(
  Object.entries(Algorithm).flatMap(([name, code]) => (name.startsWith("HMAC_") ? [code] : [])),
);

/** Algorithms of key pairs, which no symmetric key can be of. */
const ASYMMETRIC: ReadonlySet<number> = new Set([
  Algorithm.RSA,
  Algorithm.DSA,
  Algorithm.ECDSA,
  Algorithm.DH,
  Algorithm.ECDH,
  Algorithm.ECMQV,
  Algorithm.EC,
  Algorithm.SM2,
  Algorithm.GOSTR34_10_2012,
  Algorithm.XMSS,
  Algorithm.SPHINCS_256,
  Algorithm.McEliece,
  Algorithm.McEliece_6960119,
  Algorithm.McEliece_8192128,
  Algorithm.Ed25519,
  Algorithm.Ed448,
]);

/** True for a Cryptographic Length that the algorithm knows, and for algorithms whose lengths are not known here. */
export const isUsualLength = (algorithm: number, length: number): boolean =>
  // The lengths of HMAC keys that Create makes are a choice of the server, not of the algorithm.
  HMACS.has(algorithm) || SIZES.get(algorithm)?.lengths.has(length) !== false;

/** Ciphers and MACs that a quantum computer does no more to than halve the length of their keys. */
const STRONG: ReadonlySet<number> = new Set([
  Algorithm.AES,
  Algorithm.ARIA,
  Algorithm.Camellia,
  Algorithm.Twofish,
  Algorithm.ChaCha20,
  Algorithm.ChaCha20Poly1305,
  Algorithm.OneTimePad,
  Algorithm.HMAC_SHA256,
  Algorithm.HMAC_SHA384,
  Algorithm.HMAC_SHA512,
  Algorithm.HMAC_SHA3_256,
  Algorithm.HMAC_SHA3_384,
  Algorithm.HMAC_SHA3_512,
]);

/** True for symmetric keys that are Quantum Safe: 256 bits at least, as the Quantum Safe profile has it (Profiles 2.1). */
export const isQuantumSafe = (algorithm: number, length: number): boolean =>
  STRONG.has(algorithm) && length >= 256;

/**
 * Refuses a registered symmetric key whose Cryptographic Length is not that of its material. A length that the algorithm
 * does not know is its owner's affair: some clients keep other secrets under the name of AES (`isUsualLength`).
 *
 * @param bytes length of the material; null if it is not known, because it is wrapped or opaque
 * @throws KmipError Invalid Field
 */
export function checkRegistered(algorithm: number, length: number, bytes: number | null): void {
  if (ASYMMETRIC.has(algorithm)) {
    throw invalidAttributeValue("Symmetric keys are not of this Cryptographic Algorithm");
  }
  const counted = SIZES.get(algorithm)?.lengths.get(length);
  if (bytes !== null && bytes !== counted && bytes !== Math.ceil(length / 8)) {
    throw invalidAttributeValue("Cryptographic Length is not the length of the key material");
  }
}

/** What node:crypto draws from: OpenSSL's CTR_DRBG with AES-256 (SP 800-90A). */
export const RANDOM_NUMBER_GENERATOR: StoredValue = {
  t: "structure",
  v: [
    { tag: Tag.RNGAlgorithm, value: { t: "enumeration", v: RngAlgorithm.DRBG } },
    { tag: Tag.CryptographicAlgorithm, value: { t: "enumeration", v: Algorithm.AES } },
    { tag: Tag.CryptographicLength, value: { t: "integer", v: 256 } },
    { tag: Tag.DRBGAlgorithm, value: { t: "enumeration", v: DrbgAlgorithm.CTR } },
  ],
};

/**
 * Refuses to make a key with random number generators of which none is used here (3.44).
 *
 * @throws KmipError Invalid Field (2.x: Invalid Attribute Value)
 */
export function checkGenerator(requested: RequestedAttributes): void {
  const generators = requested.get("Random Number Generator");
  if (generators !== undefined && !generators.some(({ v }) => isGeneratorInUse(v))) {
    throw invalidAttributeValue("There is no such Random Number Generator");
  }
}

/** True for parameters that the generator has, and for those that leave the choice to the server. */
function isGeneratorInUse(asked: StoredValue): boolean {
  if (asked.t !== "structure") {
    return false;
  }
  if (fieldOf(asked, Tag.RNGAlgorithm)?.v === RngAlgorithm.Unspecified) {
    return true;
  }
  return asked.v.every(({ tag, value }) => {
    const own = fieldOf(RANDOM_NUMBER_GENERATOR, tag);
    return own !== null && sameValue(own, value);
  });
}
