import { z } from "zod";

import type { KmsCall } from "./call";
import { decodeBase64 } from "./crypto";
import { invalidField } from "./errors";
import { openImport } from "./import-tokens";

const MAX_STANDARD_BYTES = 7500;
const ROOT_KEY_BYTES: readonly number[] = [16, 24, 32];

/** Fields of a create or rotate that bring key material. */
export const importFields = {
  payload: z.string().optional(),
  encryptionAlgorithm: z.string().optional(),
  encryptedNonce: z.string().optional(),
  iv: z.string().optional(),
};

type ImportFields = z.infer<z.ZodObject<typeof importFields>>;

/** Whether a request brings key material. Refuses one that has all of an import but that. */
export function bringsMaterial(input: ImportFields, what: string): boolean {
  if (input.payload !== undefined) {
    return true;
  }
  if (input.encryptionAlgorithm ?? input.encryptedNonce ?? input.iv) {
    throw invalidField("payload", "A secure import needs a payload.", what);
  }

  return false;
}

/**
 * Key material from a request: base64, or encrypted under the import token; that of a root key has the length of
 * an AES key. The caller zeroes it.
 */
export function importedMaterial(
  call: KmsCall,
  input: ImportFields,
  extractable: boolean,
  what: string,
): Buffer {
  const { payload = "", encryptionAlgorithm, encryptedNonce, iv } = input;
  if (encryptionAlgorithm !== undefined || encryptedNonce !== undefined || iv !== undefined) {
    if (encryptionAlgorithm === undefined || encryptedNonce === undefined || iv === undefined) {
      throw invalidField(
        "encryptionAlgorithm",
        "A secure import has encryptionAlgorithm, encryptedNonce and iv.",
        what,
      );
    }
    if (extractable) {
      throw invalidField("encryptionAlgorithm", "Import tokens are for root keys.", what);
    }
    return openImport(call, { payload, encryptionAlgorithm, encryptedNonce, iv }, what);
  }
  const bytes = decodeBase64(payload);
  if (!bytes || bytes.length === 0) {
    throw invalidField("payload", "The payload must be base64.", what);
  }
  if (!extractable && !ROOT_KEY_BYTES.includes(bytes.length)) {
    throw invalidField("payload", "The material of a root key has 16, 24 or 32 bytes.", what);
  }
  if (bytes.length > MAX_STANDARD_BYTES) {
    throw invalidField(
      "payload",
      `The material of a standard key has at most ${MAX_STANDARD_BYTES} bytes.`,
      what,
    );
  }

  return bytes;
}
