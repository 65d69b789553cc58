import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { env } from "@/lib/env";
import { makeFolder } from "@/lib/folder";

/**
 * Secrets at rest (API keys of service IDs, private keys of server certificates) are sealed with AES-256-GCM
 * under the master key: 32 bytes in a file of mode 0600, kept apart from the database, so that neither a dump of
 * the database nor a copy of the file alone opens anything.
 */
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** First byte of everything sealed, so that the form can change. */
const FORM = 1;

/** The master key is missing, too open, or not the one that sealed this. Its message holds no secret. */
export class MasterKeyError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "MasterKeyError";
  }
}

function readKey(file: string): Buffer {
  if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0) {
    throw new MasterKeyError(`The master key ${file} can be read by others. Run: chmod 600 ${file}`);
  }

  const key = Buffer.from(readFileSync(file, "utf8").trim(), "base64");

  if (key.length !== KEY_BYTES) {
    throw new MasterKeyError(`The master key ${file} is not 32 bytes in base64. Restore it from a backup.`);
  }

  return key;
}

/**
 * Makes the master key if there is none. Whoever comes second finds the first one's key: the file appears whole
 * or not at all.
 * @throws MasterKeyError when a file is there but cannot be used, or none can be made
 */
export function ensureMasterKey(file: string): void {
  try {
    makeMasterKey(file);
    readKey(file);
  } catch (error) {
    if (error instanceof MasterKeyError) {
      throw error;
    }
    throw new MasterKeyError(`The master key ${file} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function makeMasterKey(file: string): void {
  if (!existsSync(file)) {
    makeFolder(dirname(file));

    const draft = `${file}.${process.pid}.tmp`;
    const descriptor = openSync(draft, "wx", 0o600);

    try {
      writeSync(descriptor, `${randomBytes(KEY_BYTES).toString("base64")}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }

    try {
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
        throw error;
      }
    } finally {
      unlinkSync(draft);
    }
  }
}

const keys = new Map<string, Buffer>();

function masterKey(file: string): Buffer {
  let key = keys.get(file);

  if (!key) {
    if (!existsSync(file)) {
      throw new MasterKeyError(
        `The master key ${file} is missing. Without it sealed secrets cannot be opened; restore it from a backup.`,
      );
    }

    key = readKey(file);
    keys.set(file, key);
  }

  return key;
}

/**
 * A key for one purpose, derived from the master key by HKDF-SHA-256 (RFC 5869).
 * @param purpose a constant name, e.g. `next-auth`
 * @param length bytes
 */
export function deriveKey(purpose: string, length = KEY_BYTES, file = env().masterKeyFile): Buffer {
  return Buffer.from(hkdfSync("sha256", masterKey(file), Buffer.alloc(0), `kmip-console ${purpose}`, length));
}

/**
 * Seals a secret.
 * @param purpose where it belongs, e.g. `instance-api-key:<id>`; opening it needs the same, so that sealed values
 *   cannot be moved from one row to another
 * @returns form byte, nonce, tag, ciphertext
 */
export function sealSecret(
  plaintext: string | Uint8Array,
  purpose: string,
  file = env().masterKeyFile,
): Uint8Array<ArrayBuffer> {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", deriveKey("seal", KEY_BYTES, file), nonce);

  cipher.setAAD(Buffer.from(purpose, "utf8"));

  const body = Buffer.concat([
    typeof plaintext === "string" ? cipher.update(plaintext, "utf8") : cipher.update(plaintext),
    cipher.final(),
  ]);
  const sealed = new Uint8Array(1 + NONCE_BYTES + TAG_BYTES + body.length);

  sealed[0] = FORM;
  sealed.set(nonce, 1);
  sealed.set(cipher.getAuthTag(), 1 + NONCE_BYTES);
  sealed.set(body, 1 + NONCE_BYTES + TAG_BYTES);

  return sealed;
}

/**
 * Opens what `sealSecret` made with the same purpose.
 * @throws MasterKeyError when it was sealed under another master key or for another purpose, or was changed
 */
export function unsealSecret(sealed: Uint8Array, purpose: string, file = env().masterKeyFile): Buffer {
  if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] !== FORM) {
    throw new MasterKeyError("A sealed secret has a form that this version does not know.");
  }

  const decipher = createDecipheriv(
    "aes-256-gcm",
    deriveKey("seal", KEY_BYTES, file),
    sealed.subarray(1, 1 + NONCE_BYTES),
  );

  decipher.setAAD(Buffer.from(purpose, "utf8"));
  decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES));

  try {
    return Buffer.concat([decipher.update(sealed.subarray(1 + NONCE_BYTES + TAG_BYTES)), decipher.final()]);
  } catch (error) {
    throw new MasterKeyError(
      "A sealed secret does not open: another master key sealed it, or it was changed.",
      { cause: error },
    );
  }
}
