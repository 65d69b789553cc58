/**
 * Symmetric ciphers (KMIP 4.29, 4.30): from Cryptographic Parameters to a cipher of node:crypto and its result.
 */
import {
  type Cipher,
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  type Decipher,
  type DecipherGCM,
} from "node:crypto";
import {
  badParameters,
  cryptographicFailure,
  FAILURES,
  invalidField,
  invalidMessage,
  KmipError,
  missingIv,
  missingParameters,
  unsupportedParameters,
} from "../errors";
import {
  CryptographicAlgorithm as Algorithm,
  BlockCipherMode as Mode,
  PaddingMethod,
} from "../protocol/enumerations";
import { KmipVersion } from "../protocol/versions";
import { wipe } from "../ttlv/wipe";
import type { OperationContext } from "./operation";
import type { Parameters } from "./parameters";

/** A cipher, chosen before the key is read. */
export type CipherPlan = {
  readonly algorithm: number;
  readonly mode: number;
  readonly padded: boolean;
  /** Empty in ECB. */
  readonly iv: Uint8Array;
  /** True if the server made the IV. */
  readonly ivIsNew: boolean;
  /** Bytes of the authentication tag; null for modes without one. */
  readonly tagLength: number | null;
};

type CipherFamily = {
  readonly blockSize: number;
  readonly modes: ReadonlySet<number>;
  name(keyBytes: number, mode: string): string;
};

const BLOCK_MODES = [Mode.ECB, Mode.CBC, Mode.CFB, Mode.OFB];
/** OpenSSL calls ECB of triple DES by the name of the cipher alone. */
const tripleDesName = (mode: string) => (mode === "ecb" ? "des-ede3" : `des-ede3-${mode}`);

const FAMILIES: ReadonlyMap<number, CipherFamily> = new Map<number, CipherFamily>([
  [
    Algorithm.AES,
    {
      blockSize: 16,
      modes: new Set([...BLOCK_MODES, Mode.CTR, Mode.GCM]),
      name: (keyBytes, mode) => `aes-${keyBytes * 8}-${mode}`,
    },
  ],
  [
    Algorithm.Camellia,
    {
      blockSize: 16,
      modes: new Set([...BLOCK_MODES, Mode.CTR]),
      name: (keyBytes, mode) => `camellia-${keyBytes * 8}-${mode}`,
    },
  ],
  [Algorithm.DES3, { blockSize: 8, modes: new Set(BLOCK_MODES), name: (_, mode) => tripleDesName(mode) }],
]);

const MODE_NAMES: ReadonlyMap<number, string> = new Map<number, string>([
  [Mode.ECB, "ecb"],
  [Mode.CBC, "cbc"],
  [Mode.CFB, "cfb"],
  [Mode.OFB, "ofb"],
  [Mode.CTR, "ctr"],
  [Mode.GCM, "gcm"],
]);

/** Lengths of GCM's tag for general use, in bytes (SP 800-38D, 5.2.1.2). */
const TAG_LENGTHS = { shortest: 12, longest: 16 } as const;
const GCM_IV_BITS = 96;
const MAX_IV_BITS = 1024;

/**
 * Chooses the cipher for a key and its parameters.
 *
 * @param keyAlgorithm Cryptographic Algorithm of the key
 * @param mayMakeIv true in Encrypt, where the server makes the IV if it is asked to
 * @throws KmipError Invalid Message for what is missing, Feature Not Supported, Invalid Field
 */
export function planCipher(
  context: Pick<OperationContext, "random" | "version">,
  keyAlgorithm: number | null,
  parameters: Parameters,
  iv: Uint8Array | undefined,
  mayMakeIv: boolean,
): CipherPlan {
  const { mode, padding, algorithm } = parameters;
  if (algorithm !== null && algorithm !== keyAlgorithm) {
    throw badParameters("The key is not of this Cryptographic Algorithm");
  }
  const family = keyAlgorithm === null ? undefined : FAMILIES.get(keyAlgorithm);
  if (family === undefined || keyAlgorithm === null) {
    throw unsupportedParameters("Keys of this Cryptographic Algorithm are not used by the server");
  }
  if (mode === null) throw missingParameters("Block Cipher Mode is missing");
  if (!family.modes.has(mode)) throw unsupportedParameters("This Block Cipher Mode is not supported");
  if (mode === Mode.GCM && context.version < KmipVersion.V1_4) {
    throw unsupportedParameters("This version of the protocol cannot carry an authentication tag");
  }
  const none = padding === null || padding === PaddingMethod.None;
  if (!none && padding !== PaddingMethod.PKCS5) {
    throw unsupportedParameters("This Padding Method is not supported");
  }
  const blockwise = mode === Mode.ECB || mode === Mode.CBC;
  if (!none && !blockwise) throw badParameters("This Block Cipher Mode has no padding");
  const base = { algorithm: keyAlgorithm, mode, padded: !none, tagLength: tagLengthOf(parameters) };
  if (mode === Mode.ECB) return { ...base, iv: new Uint8Array(), ivIsNew: false };
  if (iv !== undefined) {
    checkIv(mode, family, iv);
    return { ...base, iv, ivIsNew: false };
  }
  if (!mayMakeIv || !parameters.randomIv) throw missingIv("IV/Counter/Nonce is missing");
  return { ...base, iv: context.random.bytes(ivBytes(family, parameters)), ivIsNew: true };
}

function checkIv(mode: number, { blockSize }: CipherFamily, iv: Uint8Array): void {
  const fits = mode === Mode.GCM ? iv.length > 0 && iv.length * 8 <= MAX_IV_BITS : iv.length === blockSize;
  if (!fits) throw invalidField("IV/Counter/Nonce has the wrong length");
}

/** Length of an IV to be made, in bytes. */
function ivBytes({ blockSize }: CipherFamily, { mode, ivLength }: Parameters): number {
  const usual = mode === Mode.GCM ? GCM_IV_BITS : blockSize * 8;
  const bits = ivLength ?? usual;
  // SP 800-38D, 8.2.2: a random IV shorter than 96 bits repeats too soon.
  const fits = mode === Mode.GCM ? bits >= GCM_IV_BITS && bits <= MAX_IV_BITS : bits === usual;
  if (!fits || bits % 8 !== 0) throw badParameters("IV Length is not one of the Block Cipher Mode");
  return bits / 8;
}

function tagLengthOf({ mode, tagLength }: Parameters): number | null {
  if (mode !== Mode.GCM) return null;
  const length = tagLength ?? TAG_LENGTHS.longest;
  if (length < TAG_LENGTHS.shortest || length > TAG_LENGTHS.longest) {
    throw new KmipError(FAILURES.badTagLength, "Tag Length is not one of the Block Cipher Mode");
  }
  return length;
}

/** Result of an encryption. */
export type Encrypted = { readonly data: Uint8Array; readonly tag: Uint8Array | null };

/** Encrypts. @throws KmipError Cryptographic Failure */
export function encryptWith(
  plan: CipherPlan,
  key: Uint8Array,
  data: Uint8Array,
  additional: Uint8Array | undefined,
): Encrypted {
  return guarded("The data cannot be encrypted", plan, key, (name, full, iv) => {
    if (plan.tagLength === null) return { data: run(createCipheriv(name, full, iv), plan, data), tag: null };
    // The name is only known at run time to be one of GCM.
    const cipher = createCipheriv(name, full, iv, { authTagLength: plan.tagLength } as object) as CipherGCM;
    if (additional !== undefined) cipher.setAAD(additional);
    const encrypted = run(cipher, plan, data);
    return { data: encrypted, tag: cipher.getAuthTag() };
  });
}

/** Decrypts; the caller zeroes the result. @throws KmipError Cryptographic Failure */
export function decryptWith(
  plan: CipherPlan,
  key: Uint8Array,
  data: Uint8Array,
  additional: Uint8Array | undefined,
  tag: Uint8Array | undefined,
): Uint8Array {
  if (plan.tagLength !== null && tag === undefined) {
    throw invalidMessage("Authenticated Encryption Tag is missing");
  }
  // One message for all that may be wrong: which of it is, would tell about the plaintext.
  return guarded("The data cannot be decrypted", plan, key, (name, full, iv) => {
    if (plan.tagLength === null || tag === undefined)
      return run(createDecipheriv(name, full, iv), plan, data);
    const options = { authTagLength: plan.tagLength } as object;
    const decipher = createDecipheriv(name, full, iv, options) as DecipherGCM;
    decipher.setAuthTag(tag);
    if (additional !== undefined) decipher.setAAD(additional);
    return run(decipher, plan, data);
  });
}

function guarded<T>(
  failure: string,
  { algorithm, mode, iv }: CipherPlan,
  key: Uint8Array,
  work: (name: string, key: Uint8Array, iv: Uint8Array | null) => T,
): T {
  const full = algorithm === Algorithm.DES3 ? tripleKey(key) : Uint8Array.from(key);
  try {
    const name = FAMILIES.get(algorithm)?.name(full.length, MODE_NAMES.get(mode) ?? "") ?? "";
    return work(name, full, mode === Mode.ECB ? null : iv);
  } catch (error) {
    throw cryptographicFailure(failure, { cause: error });
  } finally {
    wipe(full);
  }
}

/** Two-key triple DES uses the first key again as the third. */
function tripleKey(key: Uint8Array): Uint8Array {
  const full = new Uint8Array(24);
  full.set(key);
  if (key.length === 16) full.set(key.subarray(0, 8), 16);
  return full;
}

/** The whole of the data at once; what is left of it on the way is zeroed. */
function run(cipher: Cipher | Decipher, { padded }: CipherPlan, data: Uint8Array): Uint8Array {
  cipher.setAutoPadding(padded);
  const start = cipher.update(data);
  try {
    const end = cipher.final();
    const whole = Buffer.allocUnsafeSlow(start.length + end.length);
    whole.set(start);
    whole.set(end, start.length);
    wipe(end);
    return whole;
  } finally {
    wipe(start);
  }
}
