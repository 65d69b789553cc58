import { KeyManagerError } from "../key-manager";

/**
 * Wrapped bytes: format (1 byte), length of the CRK version (1), CRK version (the key's CKA_ID), IV (12), ciphertext with
 * its tag. What stands before the ciphertext is authenticated with the AAD.
 */
export type WrappedParts = {
  readonly version: Buffer;
  readonly iv: Buffer;
  readonly ciphertext: Buffer;
};

/** AES-GCM inside the token. */
const FORMAT_GCM = 1;
export const IV_BYTES = 12;
export const TAG_BYTES = 16;
/** CKA_ID has no limit of its own; a length of one byte is far beyond what tools make. */
export const MAX_VERSION_BYTES = 64;

export function encodeWrapped({ version, iv, ciphertext }: WrappedParts): Buffer {
  return Buffer.concat([Buffer.from([FORMAT_GCM, version.length]), version, iv, ciphertext]);
}

/** @throws KeyManagerError `ciphertext` */
export function decodeWrapped(bytes: Uint8Array): WrappedParts {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const ivAt = 2 + (all[1] ?? 0);
  const ciphertextAt = ivAt + IV_BYTES;

  if (all[0] !== FORMAT_GCM || all.length < ciphertextAt + TAG_BYTES) {
    throw new KeyManagerError("ciphertext", "These bytes are no key that was wrapped here.", {
      code: "NOT_A_WRAPPED_KEY",
    });
  }

  return {
    version: all.subarray(2, ivAt),
    iv: all.subarray(ivAt, ciphertextAt),
    ciphertext: all.subarray(ciphertextAt),
  };
}

/**
 * The AAD of a wrap as the token takes it: format and version, then each text with its length, so that no two lists
 * become the same bytes.
 */
export function encodeAad(version: Buffer, aad: readonly string[]): Buffer {
  return Buffer.concat([
    Buffer.from([FORMAT_GCM, version.length]),
    version,
    ...aad.flatMap((text) => {
      const bytes = Buffer.from(text, "utf8");
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);

      return [length, bytes];
    }),
  ]);
}
