import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from "node:crypto";
import {
  type CallContext,
  type KeyManager,
  KeyManagerError,
  type KeyManagerFailure,
  type RootKey,
  type StandardKeyMarks,
} from "@/lib/key-managers/key-manager";

export type FakeCall =
  | "wrap"
  | "unwrap"
  | "createStandardKey"
  | "findStandardKeys"
  | "getStandardKey"
  | "deleteStandardKey"
  | "getRootKey";

/** What to do to a call: fail before or after it took effect, refuse it, or hold it until released. */
export type Fault = {
  readonly call: FakeCall;
  /** How many calls are hit; default 1. */
  times?: number;
  /** How many are let through before. */
  skip?: number;
} & (
  | { readonly fail: "before" | "after"; readonly failure?: KeyManagerFailure }
  | { readonly hold: Promise<void>; readonly when?: "before" | "after" }
);

type FakeRootKey = { id: string; state: RootKey["state"]; versions: { id: string; key: Buffer }[] };
type FakeStandardKey = {
  id: string;
  name: string;
  description: string | null;
  payload: Buffer;
  deleted: boolean;
};

/**
 * A key manager in memory with real AES-256-GCM, names that need not be unique, deletion that is remembered, and
 * faults on demand.
 */
export class FakeKeyManager implements KeyManager {
  readonly kind = "key-protect" as const;
  readonly rootKeys = new Map<string, FakeRootKey>();
  readonly standardKeys = new Map<string, FakeStandardKey>();
  /** Standard keys under dual authorization that nobody else has set for deletion. */
  readonly guarded = new Set<string>();
  readonly calls: FakeCall[] = [];
  readonly faults: Fault[] = [];

  /** Adds an active root key. */
  addRootKey(id: string = randomUUID()): string {
    this.rootKeys.set(id, { id, state: "active", versions: [{ id: randomUUID(), key: randomBytes(32) }] });

    return id;
  }

  /** Rotates a root key: what was wrapped before is still unwrapped. */
  rotate(id: string): string {
    const version = { id: randomUUID(), key: randomBytes(32) };

    this.#rootKey(id).versions.push(version);

    return version.id;
  }

  count(call: FakeCall): number {
    return this.calls.filter((made) => made === call).length;
  }

  /** Standard keys that exist, by name. */
  live(name?: string): FakeStandardKey[] {
    return [...this.standardKeys.values()].filter(
      (key) => !key.deleted && (name === undefined || key.name === name),
    );
  }

  async #run<Result>(call: FakeCall, effect: () => Result): Promise<Result> {
    this.calls.push(call);

    const fault = this.faults.find((candidate) => {
      const meant = candidate.call === call && (candidate.times ?? 1) > 0;

      if (meant && (candidate.skip ?? 0) > 0) {
        candidate.skip = (candidate.skip ?? 0) - 1;

        return false;
      }

      return meant;
    });

    if (!fault) {
      // Even a fast key manager answers in another turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));

      return effect();
    }

    fault.times = (fault.times ?? 1) - 1;

    if ("hold" in fault) {
      if (fault.when === "after") {
        const result = effect();

        await fault.hold;

        return result;
      }

      await fault.hold;

      return effect();
    }

    if (fault.fail === "after") {
      effect();
    }

    throw new KeyManagerError(fault.failure ?? "timeout", "injected");
  }

  #rootKey(id: string): FakeRootKey {
    const key = this.rootKeys.get(id);

    if (!key) {
      throw new KeyManagerError("notFound", "no such key", { status: 404, code: "KEY_NOT_FOUND_ERR" });
    }

    if (key.state === "destroyed") {
      throw new KeyManagerError("deleted", "deleted", { status: 410, code: "KEY_DELETED_ERR" });
    }

    return key;
  }

  #usable(id: string): FakeRootKey {
    const key = this.#rootKey(id);

    if (key.state !== "active") {
      throw new KeyManagerError("keyState", "wrong state", {
        status: 409,
        code: "KEY_ACTION_INVALID_STATE_ERR",
      });
    }

    return key;
  }

  wrap(crkId: string, plaintext: Uint8Array, aad: readonly string[], _context: CallContext) {
    return this.#run("wrap", () => {
      const version = this.#usable(crkId).versions.at(-1);

      if (!version) {
        throw new Error("a root key has a version");
      }

      const iv = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", version.key, iv).setAAD(Buffer.from(JSON.stringify(aad)));
      const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      const bytes = Buffer.concat([Buffer.from(version.id), iv, cipher.getAuthTag(), sealed]);

      return { bytes, crkVersion: version.id };
    });
  }

  unwrap(crkId: string, wrapped: Uint8Array, aad: readonly string[], _context: CallContext) {
    return this.#run("unwrap", () => {
      const bytes = Buffer.from(wrapped);
      const versionId = bytes.subarray(0, 36).toString();
      const version = this.#usable(crkId).versions.find((candidate) => candidate.id === versionId);
      const refuse = () => new KeyManagerError("ciphertext", "does not fit", { status: 422 });

      if (!version) {
        throw refuse();
      }

      try {
        const decipher = createDecipheriv("aes-256-gcm", version.key, bytes.subarray(36, 48))
          .setAAD(Buffer.from(JSON.stringify(aad)))
          .setAuthTag(bytes.subarray(48, 64));

        return {
          plaintext: Buffer.concat([decipher.update(bytes.subarray(64)), decipher.final()]),
          crkVersion: versionId,
        };
      } catch {
        throw refuse();
      }
    });
  }

  createStandardKey(key: { name: string; payload: Uint8Array; description?: string }, _context: CallContext) {
    return this.#run("createStandardKey", () => {
      const id = randomUUID();

      const { name, description = null } = key;

      this.standardKeys.set(id, { id, name, description, payload: Buffer.from(key.payload), deleted: false });

      return { id };
    });
  }

  findStandardKeys(marks: StandardKeyMarks, _context: CallContext) {
    return this.#run("findStandardKeys", () =>
      this.live(marks.name)
        .filter(({ description }) => description === marks.description)
        .map(({ id }) => ({ id })),
    );
  }

  getStandardKey(id: string, _context: CallContext) {
    return this.#run("getStandardKey", () => {
      const key = this.standardKeys.get(id);

      if (!key) {
        throw new KeyManagerError("notFound", "no such key", { status: 404, code: "KEY_NOT_FOUND_ERR" });
      }

      if (key.deleted) {
        throw new KeyManagerError("deleted", "deleted", { status: 410, code: "KEY_DELETED_ERR" });
      }

      return { id, name: key.name, payload: Buffer.from(key.payload), state: "active" as const };
    });
  }

  deleteStandardKey(id: string, _context: CallContext) {
    return this.#run("deleteStandardKey", () => {
      const key = this.standardKeys.get(id);

      if (this.guarded.has(id)) {
        throw new KeyManagerError("rejected", "refused", { status: 409, code: "AUTHORIZATIONS_NOT_MET" });
      }

      if (key) {
        key.deleted = true;
      }
    });
  }

  getRootKey(crkId: string, _context: CallContext) {
    return this.#run("getRootKey", (): RootKey => {
      const key = this.#rootKey(crkId);

      return {
        id: key.id,
        name: "root",
        state: key.state,
        keyRing: "default",
        lastRotatedAt: null,
        versions: key.versions.length,
        currentVersion: key.versions.at(-1)?.id ?? null,
        algorithm: "AES",
      };
    });
  }

  async listRootKeys(_query: object, context: CallContext) {
    const items = await Promise.all([...this.rootKeys.keys()].map((id) => this.getRootKey(id, context)));

    return { items, nextCursor: null };
  }

  async listKeyRings() {
    return [{ id: "default" }];
  }

  async close() {}
}
