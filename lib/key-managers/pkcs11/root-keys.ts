import { endianness } from "node:os";
import { KeyManagerError, type KeyManagerKeyState } from "../key-manager";
import { CKA, CKK_AES, CKM, CKO, type Cryptoki, type Handle, type Template } from "./cryptoki";
import { isStaleHandle } from "./errors";
import type { TokenSession } from "./token-session";
import { MAX_VERSION_BYTES } from "./wrapped-key";

/** One AES key of the token. A root key is all keys of one label; each is a version, by its CKA_ID. */
export type KeyVersion = {
  readonly handle: Handle;
  readonly label: string;
  readonly id: Buffer;
  readonly bits: number;
  /** Its bytes never leave the token. */
  readonly guarded: boolean;
  readonly mayEncrypt: boolean;
  readonly mayDecrypt: boolean;
};

/** How long a list of versions is taken for complete: a new version is used within this time. */
const FRESH_MS = 5_000;

const AES_KEYS: Template = [
  { type: CKA.CLASS, value: CKO.SECRET_KEY },
  { type: CKA.KEY_TYPE, value: CKK_AES },
  { type: CKA.TOKEN, value: true },
];

/** The AES keys of a token. Handles are remembered; what a key may do is read at every use. */
export class RootKeys {
  readonly #session: TokenSession;
  readonly #known = new Map<string, { generation: number; at: number; handles: Handle[] }>();

  constructor(session: TokenSession) {
    this.#session = session;
  }

  /** All versions of all keys. */
  all(): KeyVersion[] {
    return this.#session
      .run("safe", (module, session) =>
        this.#session.find(AES_KEYS).map((handle) => readKey(module, session, handle)),
      )
      .filter((key) => key.label !== "");
  }

  /** All versions of a key, the latest first; none when there is no such key. */
  versions(label: string): KeyVersion[] {
    return this.#session.run("safe", (module, session) => {
      const known = this.#known.get(label);

      if (known?.generation === this.#session.generation && performance.now() - known.at < FRESH_MS) {
        const versions = readAll(module, session, known.handles);

        if (versions?.every((version) => version.label === label)) {
          return versions.sort(latestFirst);
        }
      }

      const handles = this.#session.find([...AES_KEYS, { type: CKA.LABEL, value: label }]);

      if (handles.length > 0) {
        this.#known.set(label, { generation: this.#session.generation, at: performance.now(), handles });
      }

      return handles.map((handle) => readKey(module, session, handle)).sort(latestFirst);
    });
  }

  /** Forgets a key's handles, so that the next use looks for it anew. */
  forget(label: string): void {
    this.#known.delete(label);
  }

  /** Makes an AES-256 key that never leaves the token: a new root key, or a new version of one. */
  generate(label: string, id: Buffer): void {
    this.#session.run("unprocessed", (module, session) =>
      module.C_GenerateKey(session, { mechanism: CKM.AES_KEY_GEN }, [
        ...AES_KEYS,
        { type: CKA.VALUE_LEN, value: 32 },
        { type: CKA.PRIVATE, value: true },
        { type: CKA.SENSITIVE, value: true },
        { type: CKA.EXTRACTABLE, value: false },
        { type: CKA.ENCRYPT, value: true },
        { type: CKA.DECRYPT, value: true },
        { type: CKA.LABEL, value: label },
        { type: CKA.ID, value: id },
      ]),
    );
    this.forget(label);
  }
}

/** Null when one of them is gone. */
function readAll(module: Cryptoki, session: Handle, handles: readonly Handle[]): KeyVersion[] | null {
  try {
    return handles.map((handle) => readKey(module, session, handle));
  } catch (error) {
    if (isStaleHandle(error)) {
      return null;
    }

    throw error;
  }
}

function readKey(module: Cryptoki, session: Handle, handle: Handle): KeyVersion {
  const [label, id, length, sensitive, extractable, encrypt, decrypt] = module.C_GetAttributeValue(
    session,
    handle,
    [
      { type: CKA.LABEL },
      { type: CKA.ID },
      { type: CKA.VALUE_LEN },
      { type: CKA.SENSITIVE },
      { type: CKA.EXTRACTABLE },
      { type: CKA.ENCRYPT },
      { type: CKA.DECRYPT },
    ],
  );

  return {
    handle,
    label: label?.value.toString("utf8") ?? "",
    id: Buffer.from(id?.value ?? []),
    bits: toNumber(length?.value) * 8,
    guarded: isTrue(sensitive?.value) && !isTrue(extractable?.value),
    mayEncrypt: isTrue(encrypt?.value),
    mayDecrypt: isTrue(decrypt?.value),
  };
}

/** A key's version as the console shows it: its CKA_ID in hexadecimal, `0` where it has none. */
export function versionText(id: Buffer): string {
  return id.length === 0 ? "0" : id.toString("hex");
}

/**
 * What a key may still do, in the words of the port. A key that decrypts only serves what it has wrapped; one that does
 * not decrypt serves nothing, whatever else it may.
 */
export function stateOf(key: Pick<KeyVersion, "mayEncrypt" | "mayDecrypt">): KeyManagerKeyState {
  if (!key.mayDecrypt) {
    return "suspended";
  }

  return key.mayEncrypt ? "active" : "deactivated";
}

/** True for what may serve as a CRK: AES-256 whose bytes cannot be read. */
export function isRootKey(key: Pick<KeyVersion, "bits" | "guarded" | "id">): boolean {
  return key.guarded && key.bits === 256 && key.id.length <= MAX_VERSION_BYTES;
}

/** Order of versions: CKA_ID as a number, the greatest first. */
function latestFirst(a: KeyVersion, b: KeyVersion): number {
  return numberOf(b.id) > numberOf(a.id) ? 1 : numberOf(b.id) < numberOf(a.id) ? -1 : 0;
}

function numberOf(id: Buffer): bigint {
  return id.length === 0 ? -1n : BigInt(`0x${id.toString("hex")}`);
}

/** The CKA_ID for the version after this one: the next number, in at least as many bytes. */
export function nextVersion(latest: Buffer | null): Buffer {
  const hex = (latest === null ? 1n : numberOf(latest) + 1n || 1n).toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");

  return Buffer.concat([Buffer.alloc(Math.max(0, (latest?.length ?? 0) - bytes.length)), bytes]);
}

/** @throws KeyManagerError `notFound` */
export function requireVersions(versions: KeyVersion[]): [KeyVersion, ...KeyVersion[]] {
  const [latest, ...older] = versions;

  if (latest === undefined) {
    throw new KeyManagerError("notFound", "The token has no such root key.", { code: "ROOT_KEY_NOT_FOUND" });
  }

  return [latest, ...older];
}

function isTrue(value: Buffer | undefined): boolean {
  return value?.[0] === 1;
}

/** A CK_ULONG, in the machine's own size and order. */
function toNumber(value: Buffer | undefined): number {
  return value === undefined || value.length === 0
    ? 0
    : Number(
        endianness() === "LE"
          ? value.readUIntLE(0, Math.min(value.length, 6))
          : value.readUIntBE(Math.max(0, value.length - 6), Math.min(value.length, 6)),
      );
}
