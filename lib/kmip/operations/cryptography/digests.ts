/** Hash functions of node:crypto, alone and in MACs, by their KMIP enumerations. */

import { CryptographicAlgorithm as Algorithm, HashingAlgorithm as Hash } from "../../protocol/enumerations";
import { badParameters, missingParameters, unsupportedParameters } from "../../protocol/errors";
import type { Parameters } from "./parameters";

const HASHES: ReadonlyMap<number, string> = new Map<number, string>([
  [Hash.SHA_1, "sha1"],
  [Hash.SHA_224, "sha224"],
  [Hash.SHA_256, "sha256"],
  [Hash.SHA_384, "sha384"],
  [Hash.SHA_512, "sha512"],
  [Hash.SHA_512_224, "sha512-224"],
  [Hash.SHA_512_256, "sha512-256"],
  [Hash.SHA_3_224, "sha3-224"],
  [Hash.SHA_3_256, "sha3-256"],
  [Hash.SHA_3_384, "sha3-384"],
  [Hash.SHA_3_512, "sha3-512"],
]);

const HMACS: ReadonlyMap<number, string> = new Map<number, string>([
  [Algorithm.HMAC_SHA1, "sha1"],
  [Algorithm.HMAC_SHA224, "sha224"],
  [Algorithm.HMAC_SHA256, "sha256"],
  [Algorithm.HMAC_SHA384, "sha384"],
  [Algorithm.HMAC_SHA512, "sha512"],
  [Algorithm.HMAC_SHA3_224, "sha3-224"],
  [Algorithm.HMAC_SHA3_256, "sha3-256"],
  [Algorithm.HMAC_SHA3_384, "sha3-384"],
  [Algorithm.HMAC_SHA3_512, "sha3-512"],
]);

/** Name of a hash function. @throws KmipError Invalid Message if none is given, Feature Not Supported */
export function hashName({ hash }: Parameters): string {
  if (hash === null) {
    throw missingParameters("Hashing Algorithm is missing");
  }
  const name = HASHES.get(hash);
  if (name === undefined) {
    throw unsupportedParameters("This Hashing Algorithm is not supported");
  }
  return name;
}

/**
 * Name of the hash function of the MAC for a key: that of the parameters, or else the one that the key is for.
 *
 * @param keyAlgorithm Cryptographic Algorithm of the key
 * @throws KmipError Invalid Message if neither says which, Invalid Field, Feature Not Supported
 */
export function macHash(keyAlgorithm: number | null, { algorithm }: Parameters): string {
  const own = keyAlgorithm !== null && HMACS.has(keyAlgorithm) ? keyAlgorithm : null;
  const chosen = algorithm ?? own;
  if (chosen === null) {
    throw missingParameters("Cryptographic Algorithm is missing");
  }
  if (own !== null && chosen !== own) {
    throw badParameters("The key is not of this Cryptographic Algorithm");
  }
  const name = HMACS.get(chosen);
  if (name === undefined) {
    throw unsupportedParameters("This Cryptographic Algorithm makes no MAC here");
  }
  return name;
}
