/**
 * Encryption and decryption with a cipher of node:crypto, of whole data or piece by piece.
 */
import {
  type Cipher,
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  type Decipher,
  type DecipherGCM,
} from "node:crypto";
import type { RandomSource } from "../../ports";
import { CryptographicAlgorithm as Algorithm } from "../../protocol/enumerations";
import { cryptographicFailure, invalidMessage } from "../../protocol/errors";
import { wipe } from "../../ttlv/wipe";
import type { CipherPlan } from "./ciphers";
import { type CryptoStream, joined, NOTHING, type Piece, runWhole } from "./crypto-stream";
import { paddingAfter, Unpadder } from "./padding";

/** What authenticates the result of a decryption, and the data beside it. */
export type Authentication = {
  readonly additional: Uint8Array | undefined;
  readonly tag: Uint8Array | undefined;
};

const CANNOT_ENCRYPT = "The data cannot be encrypted";
/** One message for all that may be wrong: which of it is, would tell about the plaintext. */
const CANNOT_DECRYPT = "The data cannot be decrypted";

function guarded<T>(failure: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw cryptographicFailure(failure, { cause: error });
  }
}

/** Works with the key as the cipher takes it: two-key triple DES uses the first key again as the third. */
function withFullKey<T>({ algorithm }: CipherPlan, key: Uint8Array, work: (full: Uint8Array) => T): T {
  if (algorithm !== Algorithm.DES3 || key.length !== 16) {
    return work(key);
  }
  const full = new Uint8Array(24);
  full.set(key);
  full.set(key.subarray(0, 8), 16);
  try {
    return work(full);
  } finally {
    wipe(full);
  }
}

/** Ends a cipher whose result nobody wants: that frees, and zeroes, the native state that knows the key. */
function abandon(cipher: Cipher | Decipher): void {
  try {
    wipe(cipher.final());
  } catch {
    // What it has to say about its data does not matter any more.
  }
}

/** That the cipher has a tag is known at run time only. */
const optionsOf = ({ tagLength }: CipherPlan) =>
  (tagLength === null ? {} : { authTagLength: tagLength }) as object;

class Encryption implements CryptoStream {
  readonly held = 0;
  readonly #cipher: Cipher;
  readonly #plan: CipherPlan;
  readonly #random: RandomSource;
  #length = 0;

  constructor(cipher: Cipher, plan: CipherPlan, random: RandomSource) {
    cipher.setAutoPadding(plan.padding === "pkcs5");
    this.#cipher = cipher;
    this.#plan = plan;
    this.#random = random;
  }

  update(data: Uint8Array): Uint8Array {
    this.#length += data.length;
    return guarded(CANNOT_ENCRYPT, () => this.#cipher.update(data));
  }

  final(): Piece {
    const { padding, blockSize, tagLength } = this.#plan;
    const counted = padding !== "none" && padding !== "pkcs5";
    return guarded(CANNOT_ENCRYPT, () => {
      const padded = counted
        ? this.#cipher.update(paddingAfter(padding, this.#length, blockSize, this.#random))
        : NOTHING;
      const data = joined(padded, this.#cipher.final());
      return { data, tag: tagLength === null ? null : (this.#cipher as CipherGCM).getAuthTag() };
    });
  }

  drop(): void {
    abandon(this.#cipher);
  }
}

class Decryption implements CryptoStream {
  readonly held = 0;
  readonly #decipher: Decipher;
  readonly #unpadder: Unpadder | null;

  constructor(decipher: Decipher, { padding, blockSize }: CipherPlan) {
    decipher.setAutoPadding(padding === "pkcs5");
    this.#decipher = decipher;
    this.#unpadder = padding === "none" || padding === "pkcs5" ? null : new Unpadder(padding, blockSize);
  }

  update(data: Uint8Array): Uint8Array {
    const plaintext = guarded(CANNOT_DECRYPT, () => this.#decipher.update(data));
    return this.#unpadder === null ? plaintext : this.#unpadder.take(plaintext);
  }

  final(): Piece {
    const unpadder = this.#unpadder;
    return guarded(CANNOT_DECRYPT, () => {
      const end = this.#decipher.final();
      return { data: unpadder === null ? end : joined(end, unpadder.end()), tag: null };
    });
  }

  drop(): void {
    this.#unpadder?.drop();
    abandon(this.#decipher);
  }
}

/**
 * Decryption whose plaintext has to be authenticated: none of it may be given away before all of the data has come. So
 * the data is kept as it is, and neither plaintext nor anything of the key waits here for the next part.
 */
class CollectedDecryption implements CryptoStream {
  readonly #plan: CipherPlan;
  readonly #authentication: Authentication;
  readonly #pieces: Uint8Array[] = [];
  #held = 0;

  constructor(plan: CipherPlan, { additional, tag }: Authentication) {
    this.#plan = { ...plan, nativeIv: plan.nativeIv === null ? null : Uint8Array.from(plan.nativeIv) };
    this.#authentication = {
      additional: additional === undefined ? undefined : Uint8Array.from(additional),
      tag: tag === undefined ? undefined : Uint8Array.from(tag),
    };
  }

  get held(): number {
    return this.#held + (this.#authentication.additional?.length ?? 0);
  }

  update(data: Uint8Array): Uint8Array {
    this.#pieces.push(Uint8Array.from(data));
    this.#held += data.length;
    return NOTHING;
  }

  final(key: Uint8Array): Piece {
    const data = Buffer.concat(this.#pieces);
    this.drop();
    return { data: decryptWhole(this.#plan, key, data, this.#authentication), tag: null };
  }

  drop(): void {
    this.#pieces.length = 0;
    this.#held = 0;
  }
}

/** What an encryption needs besides the key. */
export type EncryptionInput = {
  readonly random: RandomSource;
  /** What is authenticated with the data. */
  readonly additional: Uint8Array | undefined;
};

/** Begins to encrypt. @param length of the data, where it is known @throws KmipError Cryptographic Failure */
export function openEncryption(
  plan: CipherPlan,
  key: Uint8Array,
  { random, additional }: EncryptionInput,
  length = 0,
): CryptoStream {
  return guarded(CANNOT_ENCRYPT, () => {
    const cipher = withFullKey(plan, key, (full) =>
      createCipheriv(plan.name(full.length), full, plan.nativeIv, optionsOf(plan)),
    );
    if (plan.tagLength !== null && additional !== undefined) {
      (cipher as CipherGCM).setAAD(additional, { plaintextLength: length });
    }
    return new Encryption(cipher, plan, random);
  });
}

/** Encrypts. @throws KmipError Cryptographic Failure */
export const encryptWhole = (
  plan: CipherPlan,
  key: Uint8Array,
  input: EncryptionInput,
  data: Uint8Array,
): Piece => runWhole(openEncryption(plan, key, input, data.length), key, data);

function openDecipher(
  plan: CipherPlan,
  key: Uint8Array,
  { additional, tag }: Authentication,
  length: number,
): Decipher {
  const decipher = withFullKey(plan, key, (full) =>
    createDecipheriv(plan.name(full.length), full, plan.nativeIv, optionsOf(plan)),
  );
  if (plan.tagLength !== null && tag !== undefined) {
    const authenticated = decipher as DecipherGCM;
    authenticated.setAuthTag(tag);
    if (additional !== undefined) {
      authenticated.setAAD(additional, { plaintextLength: length });
    }
  }
  return decipher;
}

/** Refuses to decrypt without what authenticates the plaintext. @throws KmipError Invalid Message */
export function requireTag({ tagLength }: CipherPlan, { tag }: Authentication): void {
  if (tagLength !== null && tag === undefined) {
    throw invalidMessage("Authenticated Encryption Tag is missing");
  }
}

/** Begins to decrypt. @throws KmipError Cryptographic Failure */
export function openDecryption(
  plan: CipherPlan,
  key: Uint8Array,
  authentication: Authentication,
): CryptoStream {
  if (plan.tagLength !== null) {
    return new CollectedDecryption(plan, authentication);
  }
  return guarded(CANNOT_DECRYPT, () => new Decryption(openDecipher(plan, key, authentication, 0), plan));
}

/** Decrypts; the caller zeroes the result. @throws KmipError Cryptographic Failure */
export function decryptWhole(
  plan: CipherPlan,
  key: Uint8Array,
  data: Uint8Array,
  authentication: Authentication,
): Uint8Array {
  return guarded(CANNOT_DECRYPT, () => {
    const decipher = openDecipher(plan, key, authentication, data.length);
    return runWhole(new Decryption(decipher, plan), key, data).data;
  });
}
