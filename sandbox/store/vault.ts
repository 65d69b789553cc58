import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { chmod, link, open, readFile, stat, unlink } from "node:fs/promises";
import { join } from "node:path";

import { SandboxError, systemErrorCode } from "../errors";
import { nonce } from "../random";
import { syncDirectory } from "./journal";

const MASTER_KEY_FILE = "master.key";
const MASTER_KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

function subKey(master: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", master, Buffer.alloc(0), `ibm-cloud-sandbox ${purpose} v1`, 32));
}

/**
 * The sandbox's own root of trust, in the place of the HSM behind the real services: seals what lies on disk
 * (AES-256-GCM) and derives the seeded API keys, so that these need not be stored at all.
 */
export class Vault {
  readonly #sealingKey: Buffer;
  readonly #apiKeyKey: Buffer;

  private constructor(master: Buffer) {
    this.#sealingKey = subKey(master, "sealing");
    this.#apiKeyKey = subKey(master, "api keys");
  }

  /**
   * Opens the vault of a data folder.
   *
   * @throws SandboxError SANDBOX_MASTER_KEY_MISSING if there is no master key, SANDBOX_MASTER_KEY_INVALID if
   *   the file is not one.
   */
  static async open(dataDir: string): Promise<Vault> {
    const path = join(dataDir, MASTER_KEY_FILE);
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT") {
        throw error;
      }
      throw new SandboxError(
        "SANDBOX_MASTER_KEY_MISSING",
        `The sandbox's master key ${path} is missing. Without it nothing in this folder can be read: put it back, or remove the folder to start with an empty sandbox.`,
      );
    }
    const master = Buffer.from(text.trim(), "hex");
    if (master.length !== MASTER_KEY_BYTES) {
      throw new SandboxError(
        "SANDBOX_MASTER_KEY_INVALID",
        `${path} is not a master key (64 hexadecimal digits).`,
      );
    }
    const vault = new Vault(master);
    master.fill(0);

    return vault;
  }

  /**
   * Makes the master key of a new data folder, readable by its owner only, and opens the vault. Never replaces a
   * key that is there. The file appears whole or not at all.
   */
  static async create(dataDir: string): Promise<Vault> {
    const path = join(dataDir, MASTER_KEY_FILE);
    const draft = `${path}.${process.pid}.draft`;
    const master = randomBytes(MASTER_KEY_BYTES);
    const handle = await open(draft, "w", 0o600);
    try {
      await handle.writeFile(`${master.toString("hex")}\n`);
      await handle.sync();
    } finally {
      master.fill(0);
      await handle.close();
    }
    try {
      await link(draft, path);
    } catch (error) {
      if (systemErrorCode(error) !== "EEXIST") {
        throw error;
      }
    } finally {
      await unlink(draft);
    }
    await syncDirectory(dataDir);

    return Vault.open(dataDir);
  }

  /** Takes away rights that group and others may have got on the master key, for instance by a copy. */
  static async tightenPermissions(dataDir: string): Promise<void> {
    const path = join(dataDir, MASTER_KEY_FILE);
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      await chmod(path, 0o600);
    }
  }

  /**
   * Encrypts for storage.
   *
   * @param label where the value belongs (kind and identifiers); a sealed value copied elsewhere does not open
   * @returns base64 of IV, tag and ciphertext
   */
  seal(plaintext: Uint8Array, label: string): string {
    const iv = nonce(IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#sealingKey, iv);
    cipher.setAAD(Buffer.from(label, "utf8"));
    const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);

    return Buffer.concat([iv, cipher.getAuthTag(), ciphertext]).toString("base64");
  }

  /** Decrypts what `seal` made; the caller zeroes the result. Throws SANDBOX_STORE_CORRUPT if it does not open. */
  unseal(sealed: string, label: string): Buffer {
    const bytes = Buffer.from(sealed, "base64");
    try {
      const decipher = createDecipheriv("aes-256-gcm", this.#sealingKey, bytes.subarray(0, IV_BYTES));
      decipher.setAAD(Buffer.from(label, "utf8"));
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));

      return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
    } catch (error) {
      throw new SandboxError(
        "SANDBOX_STORE_CORRUPT",
        `The stored ${label} cannot be decrypted: the sandbox's master key and its store do not belong together, or the store was changed.`,
        { cause: error },
      );
    }
  }

  /** A secret of the sandbox's own by its name, in an API key's form. */
  deriveSecret(name: string): string {
    return this.deriveApiKey(`secret/${name}`);
  }

  /** The API key that belongs to an API key record: 44 URL-safe characters, as IBM Cloud's have. */
  deriveApiKey(apiKeyId: string): string {
    return createHmac("sha512", this.#apiKeyKey)
      .update(apiKeyId)
      .digest()
      .subarray(0, 33)
      .toString("base64url");
  }
}

/** What is stored of an API key, to recognise it by. */
export function hashApiKey(apiKey: string): string {
  return createHash("sha256").update(apiKey, "utf8").digest("hex");
}
