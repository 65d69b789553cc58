/**
 * Cryptographic operations that take their data piece by piece (KMIP 2.1.15), and what comes out of them.
 */
import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { wipe } from "../../ttlv/wipe";

/** What comes out of an operation or at its end. The caller zeroes it. */
export type Piece = { readonly data: Uint8Array; readonly tag: Uint8Array | null };

/** An operation in the making. */
export interface CryptoStream {
  /** Takes data in; answers what comes out so far. @throws KmipError Cryptographic Failure */
  update(data: Uint8Array): Uint8Array;
  /** Ends; answers what comes out at the end. @throws KmipError Cryptographic Failure */
  final(key: Uint8Array): Piece;
  /** Ends without a result, and forgets everything; does nothing once it has ended. */
  drop(): void;
  /** Bytes of data that it keeps until its end. */
  readonly held: number;
}

export const NOTHING: Uint8Array = new Uint8Array();

/** Two buffers as one; they are zeroed. */
export function joined(start: Uint8Array, end: Uint8Array): Uint8Array {
  const whole = Buffer.allocUnsafeSlow(start.length + end.length);
  whole.set(start);
  whole.set(end, start.length);
  wipe(start);
  wipe(end);
  return whole;
}

/** Takes all of the data in and ends. */
export function runWhole(stream: CryptoStream, key: Uint8Array, data: Uint8Array): Piece {
  const start = stream.update(data);
  try {
    const { data: end, tag } = stream.final(key);
    return { data: joined(start, end), tag };
  } finally {
    wipe(start);
  }
}

/** A digest: nothing comes out before the end. */
class DigestStream implements CryptoStream {
  readonly held = 0;
  readonly #digest: Hash | Hmac;
  #ended = false;

  constructor(digest: Hash | Hmac) {
    this.#digest = digest;
  }

  update(data: Uint8Array): Uint8Array {
    this.#digest.update(data);
    return NOTHING;
  }

  final(): Piece {
    this.#ended = true;
    return { data: this.#digest.digest(), tag: null };
  }

  drop(): void {
    // Ending it frees, and zeroes, the native state that knows the key.
    if (!this.#ended) {
      wipe(this.final().data);
    }
  }
}

/** @param hash name of a hash function */
export const hashStream = (hash: string): CryptoStream => new DigestStream(createHash(hash));

/** @param hash name of a hash function */
export const macStream = (hash: string, key: Uint8Array): CryptoStream =>
  new DigestStream(createHmac(hash, key));
