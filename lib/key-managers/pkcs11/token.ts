import { randomBytes } from "node:crypto";
import {
  KeyManagerError,
  type RootKey,
  type StandardKey,
  type StandardKeyMarks,
  type UnwrappedKey,
  type WrappedKey,
} from "../key-manager";
import { type Cryptoki, gcm, type Handle } from "./cryptoki";
import { DataObjects } from "./data-objects";
import { isStaleHandle } from "./errors";
import { MacKeys } from "./mac-keys";
import {
  isRootKey,
  type KeyVersion,
  nextVersion,
  RootKeys,
  requireVersions,
  stateOf,
  versionText,
} from "./root-keys";
import type { TokenSession } from "./token-session";
import { decodeWrapped, encodeAad, encodeWrapped, IV_BYTES, TAG_BYTES } from "./wrapped-key";

/** A token has no key rings; all of its keys are in the one of this name. */
export const TOKEN_KEY_RING = "default";

/** What the permission checks ask of a root key. */
export type TokenKeyMetadata = RootKey & { readonly isRootKey: boolean; readonly bits: number };

/**
 * A token as a key manager. Its calls block, which is why they run in a process of their own (see host.ts).
 *
 * Keys are wrapped with AES-GCM by the token. The IV is 96 bits of the token's random number generator: at the 2^32
 * wraps that NIST SP 800-38D, 8.3, allows a key, two are equal with a chance below 2^-32.
 */
export class Token {
  readonly #session: TokenSession;
  readonly #keys: RootKeys;
  readonly #objects: DataObjects;
  readonly #macs: MacKeys;

  constructor(session: TokenSession) {
    this.#session = session;
    this.#keys = new RootKeys(session);
    this.#objects = new DataObjects(session);
    this.#macs = new MacKeys(session);
  }

  /** Logs in and does nothing else. */
  login(): void {
    this.#session.run("safe", () => undefined);
  }

  wrap(label: string, plaintext: Uint8Array, aad: readonly string[]): WrappedKey {
    return this.#onKey(label, (versions) => this.#wrapUnder(requireUsable(versions[0]), plaintext, aad));
  }

  unwrap(label: string, wrapped: Uint8Array, aad: readonly string[]): UnwrappedKey {
    const { version, iv, ciphertext } = decodeWrapped(wrapped);

    // Another process may have rotated the root key a moment ago, and wrapped this under a version not seen here yet.
    if (!this.#keys.versions(label).some(({ id }) => id.equals(version))) {
      this.#keys.forget(label);
    }

    return this.#onKey(label, (versions) => {
      const [latest] = versions;
      // Nothing keeps an administrator from making two keys of one label and CKA_ID: the tag tells which it was.
      const candidates = versions.filter(({ id }) => id.equals(version));
      const [key] = candidates;

      if (key === undefined) {
        throw new KeyManagerError(
          "notFound",
          "The token lacks the version of the root key that wrapped this.",
          {
            code: "ROOT_KEY_VERSION_NOT_FOUND",
          },
        );
      }

      const plaintext = this.#decryptWithOne(candidates, iv, encodeAad(version, aad), ciphertext);

      if (latest.id.equals(version) || !isRootKey(latest) || !latest.mayEncrypt || !latest.mayDecrypt) {
        return { plaintext, crkVersion: versionText(version) };
      }

      return {
        plaintext,
        crkVersion: versionText(version),
        rewrapped: this.#wrapUnder(latest, plaintext, aad),
      };
    });
  }

  createStandardKey(key: { name: string; description: string; payload: Uint8Array }): { id: string } {
    return { id: this.#objects.create(key) };
  }

  findStandardKeys(marks: StandardKeyMarks): { id: string }[] {
    return this.#objects.find(marks).map((id) => ({ id }));
  }

  getStandardKey(id: string): StandardKey {
    const { name, value } = this.#objects.read(id);

    return { id, name, payload: value, state: "active" };
  }

  deleteStandardKey(id: string): void {
    this.#objects.delete(id);
  }

  readKeyMetadata(label: string): TokenKeyMetadata {
    return this.#onKey(label, describeKey);
  }

  /** Root keys by name; other AES keys are left out. */
  listRootKeys(): RootKey[] {
    return [...new Set(this.#keys.all().map((key) => key.label))]
      .sort((a, b) => a.localeCompare(b))
      .map((label) => describeKey(requireVersions(this.#keys.versions(label))))
      .filter((key) => key.isRootKey)
      .map(({ isRootKey: _, bits: __, ...key }) => key);
  }

  /** Makes a root key, or a new version of the one of this label. */
  generateRootKey(label: string): { version: string } {
    this.#keys.forget(label);

    const [latest] = this.#keys.versions(label);
    const id = nextVersion(latest?.id ?? null);

    this.#keys.generate(label, id);

    return { version: versionText(id) };
  }

  /** Makes a new version of a root key that may wrap. */
  rotateRootKey(label: string): void {
    this.#onKey(label, ([latest]) => requireUsable(latest));
    this.generateRootKey(label);
  }

  /** HMAC-SHA-256 of bytes by a key of the token, which is made when there is none yet. */
  sign(data: Uint8Array): Uint8Array {
    return this.#macs.sign(data);
  }

  /** True when the token has made this HMAC of these bytes. */
  verify(data: Uint8Array, hmac: Uint8Array): boolean {
    return this.#macs.verify(data, hmac);
  }

  probeStorage(): void {
    this.#objects.probe();
  }

  /** Runs work on a root key; once more when one of its versions was deleted meanwhile. */
  #onKey<T>(label: string, work: (versions: [KeyVersion, ...KeyVersion[]]) => T): T {
    try {
      return work(requireVersions(this.#keys.versions(label)));
    } catch (error) {
      if (!isStaleHandle(error)) {
        throw error;
      }

      this.#keys.forget(label);

      return work(requireVersions(this.#keys.versions(label)));
    }
  }

  #wrapUnder(key: KeyVersion, plaintext: Uint8Array, aad: readonly string[]): WrappedKey {
    const input = Buffer.from(plaintext);

    try {
      return this.#session.run("safe", (module, session) => {
        const iv = randomIv(module, session);
        const output = Buffer.alloc(input.length + TAG_BYTES + BLOCK_BYTES);

        module.C_EncryptInit(session, gcm(iv, encodeAad(key.id, aad)), key.handle);

        const ciphertext = module.C_Encrypt(session, input, output);

        // Whatever a module does with its tag: what cannot be unwrapped is not stored.
        if (ciphertext.length !== input.length + TAG_BYTES) {
          throw new KeyManagerError("serverError", "The token wrapped to another length than AES-GCM has.", {
            code: "MALFORMED_RESPONSE",
          });
        }

        return {
          bytes: encodeWrapped({ version: key.id, iv, ciphertext }),
          crkVersion: versionText(key.id),
        };
      });
    } finally {
      input.fill(0);
    }
  }

  #decryptWithOne(keys: readonly KeyVersion[], iv: Buffer, aad: Buffer, ciphertext: Buffer): Buffer {
    let failure: unknown;

    for (const key of keys) {
      try {
        if (!key.mayDecrypt) {
          throw notAllowed(key);
        }

        return this.#decrypt(key, iv, aad, ciphertext);
      } catch (error) {
        const code = error instanceof KeyManagerError ? error.failure : null;

        if (code !== "ciphertext" && code !== "keyState") {
          throw error;
        }

        failure ??= error;
      }
    }

    throw failure;
  }

  #decrypt(key: KeyVersion, iv: Buffer, aad: Buffer, ciphertext: Buffer): Buffer {
    return this.#session.run("safe", (module, session) => {
      const output = Buffer.alloc(ciphertext.length + BLOCK_BYTES);

      try {
        module.C_DecryptInit(session, gcm(iv, aad), key.handle);

        return Buffer.from(module.C_Decrypt(session, ciphertext, output));
      } catch (error) {
        throw this.#isTagMismatch(error, module, session, key.handle)
          ? new KeyManagerError("ciphertext", "The token cannot unwrap this: ciphertext or AAD do not fit.", {
              code: "CKR_ENCRYPTED_DATA_INVALID",
            })
          : error;
      } finally {
        output.fill(0);
      }
    });
  }

  /**
   * A wrong tag has a return value of its own only since PKCS#11 3.0; SoftHSM says CKR_GENERAL_ERROR, others
   * CKR_FUNCTION_FAILED, as for a defect. It was the tag if the same key decrypts something else at once.
   */
  #isTagMismatch(error: unknown, module: Cryptoki, session: Handle, key: Handle): boolean {
    const code = error instanceof Error ? error.message : "";

    if (!TAG_MISMATCHES.includes(code)) {
      return false;
    }

    try {
      const iv = randomIv(module, session);
      const probe = randomBytes(BLOCK_BYTES);
      module.C_EncryptInit(session, gcm(iv, Buffer.alloc(0)), key);
      const ciphertext = Buffer.from(module.C_Encrypt(session, probe, Buffer.alloc(4 * BLOCK_BYTES)));
      module.C_DecryptInit(session, gcm(iv, Buffer.alloc(0)), key);

      return module.C_Decrypt(session, ciphertext, Buffer.alloc(4 * BLOCK_BYTES)).equals(probe);
    } catch (second) {
      // A retired version does not encrypt, which says as much: the token answers sensibly.
      return second instanceof Error && second.message === "CKR_KEY_FUNCTION_NOT_PERMITTED";
    }
  }
}

const BLOCK_BYTES = 16;
const TAG_MISMATCHES = [
  "CKR_GENERAL_ERROR",
  "CKR_FUNCTION_FAILED",
  "CKR_DATA_INVALID",
  "CKR_SIGNATURE_INVALID",
];

/** Where a token has no random number generator, the machine's does. */
function randomIv(module: Cryptoki, session: Handle): Buffer {
  try {
    return Buffer.from(module.C_GenerateRandom(session, Buffer.alloc(IV_BYTES)));
  } catch (error) {
    const code = error instanceof Error ? error.message : "";

    if (code === "CKR_RANDOM_NO_RNG" || code === "CKR_FUNCTION_NOT_SUPPORTED") {
      return randomBytes(IV_BYTES);
    }

    throw error;
  }
}

function describeKey(versions: readonly [KeyVersion, ...KeyVersion[]]): TokenKeyMetadata {
  const [latest] = versions;

  return {
    id: latest.label,
    name: latest.label,
    state: stateOf(latest),
    keyRing: TOKEN_KEY_RING,
    // A token keeps no date of its keys.
    lastRotatedAt: null,
    versions: versions.length,
    currentVersion: versionText(latest.id),
    algorithm: `AES-${latest.bits}`,
    isRootKey: isRootKey(latest),
    bits: latest.bits,
  };
}

/** @throws KeyManagerError `rejected` for a key that is no root key, `keyState` for one that may not wrap */
function requireUsable(key: KeyVersion): KeyVersion {
  if (!isRootKey(key)) {
    throw new KeyManagerError("rejected", "The key is no root key: AES-256, sensitive, not extractable.", {
      code: "NOT_A_ROOT_KEY",
    });
  }

  if (!key.mayEncrypt || !key.mayDecrypt) {
    throw notAllowed(key);
  }

  return key;
}

function notAllowed(key: KeyVersion): KeyManagerError {
  return new KeyManagerError("keyState", `The root key is ${stateOf(key)} in the token.`, {
    code: "CKR_KEY_FUNCTION_NOT_PERMITTED",
  });
}
