import { Groups } from "../groups";

/** What is remembered of a KEK's material, and of which standard key and CRK it came. */
export type CachedMaterial = {
  readonly keyManagerKeyId: string;
  readonly crkId: string;
  /** As read from the key manager: lets the next read and unwrap run side by side. Not secret. */
  readonly wrapped: Buffer;
  /** When the key manager last gave it, in milliseconds. */
  readonly fetchedAt: number;
};

/** Where the material of a KEK comes from. */
export type MaterialSource = Pick<CachedMaterial, "keyManagerKeyId" | "crkId">;

type Entry = CachedMaterial & {
  plaintext: Buffer | null;
  /** Something was changed that may forbid its use: only an outage may be bridged with it. */
  doubted: boolean;
  /** Used since it was last looked at for eviction. */
  used: boolean;
};

function copyOf(entry: Entry, source: MaterialSource, now: number, maxAgeMs: number): Uint8Array | null {
  if (
    !entry.plaintext ||
    entry.keyManagerKeyId !== source.keyManagerKeyId ||
    entry.crkId !== source.crkId ||
    // A clock that was set back makes nothing younger.
    Math.abs(now - entry.fetchedAt) >= maxAgeMs
  ) {
    return null;
  }

  entry.used = true;

  return new Uint8Array(entry.plaintext);
}

/**
 * The only place that holds KEKs in plaintext between two requests. Every buffer is its own (never a slice of
 * Node's pool) and is zeroed when its entry is replaced, evicted, dropped, outlived or when the cache is closed.
 */
export class MaterialCache {
  readonly #max: number;
  readonly #groupOf: (key: string) => string;
  readonly #entries = new Map<string, Entry>();
  readonly #groups = new Groups();

  /**
   * @param max entries; the oldest go first, but for those that were used since they last had to go
   * @param groupOf what a key belongs to, for `dropGroup` and `doubtGroup`
   */
  constructor(max: number, groupOf: (key: string) => string) {
    this.#max = max;
    this.#groupOf = groupOf;
  }

  /** What is known of a key, without its plaintext. */
  describe(key: string): CachedMaterial | null {
    return this.#entries.get(key) ?? null;
  }

  /** A copy of the plaintext if it was fetched no longer than `maxAgeMs` ago; the caller zeroes it. */
  copy(key: string, source: MaterialSource, now: number, maxAgeMs: number): Uint8Array | null {
    const entry = this.#entries.get(key);

    return entry?.doubted === false ? copyOf(entry, source, now, maxAgeMs) : null;
  }

  /** The same where the key manager was asked just now and did not answer: then what is doubted will do. */
  bridge(key: string, source: MaterialSource, now: number, maxAgeMs: number): Uint8Array | null {
    const entry = this.#entries.get(key);

    return entry ? copyOf(entry, source, now, maxAgeMs) : null;
  }

  /** Remembers material. `plaintext` is copied, or left out where policy keeps none. */
  keep(key: string, material: CachedMaterial, plaintext: Uint8Array | null): void {
    this.drop(key);

    let own: Buffer | null = null;

    if (plaintext) {
      own = Buffer.alloc(plaintext.length);
      own.set(plaintext);
    }

    this.#entries.set(key, { ...material, plaintext: own, doubted: false, used: false });
    this.#groups.add(this.#groupOf(key), key);

    // Second chance: moving an entry at every use would cost more than the use itself.
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= this.#max) {
        break;
      }

      if (entry.used) {
        entry.used = false;
        this.#entries.delete(oldest);
        this.#entries.set(oldest, entry);
      } else {
        this.drop(oldest);
      }
    }
  }

  /** Forgets a key. */
  drop(key: string): void {
    this.#entries.get(key)?.plaintext?.fill(0);

    if (this.#entries.delete(key)) {
      this.#groups.delete(this.#groupOf(key), key);
    }
  }

  /** Forgets the keys of a group; it costs what they are. */
  dropGroup(group: string): void {
    for (const key of this.#groups.keysOf(group)) {
      this.drop(key);
    }
  }

  /** The key manager has to be asked again before any key of a group is used. */
  doubtGroup(group: string): void {
    for (const key of this.#groups.keysOf(group)) {
      const entry = this.#entries.get(key);

      if (entry) {
        entry.doubted = true;
      }
    }
  }

  /** Zeroes what is older than it may be used. @param maxAgeOf milliseconds by key */
  sweep(now: number, maxAgeOf: (key: string) => number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.plaintext && Math.abs(now - entry.fetchedAt) >= maxAgeOf(key)) {
        entry.plaintext.fill(0);
        entry.plaintext = null;
      }
    }
  }

  /** Forgets everything. */
  clear(): void {
    for (const key of this.#entries.keys()) {
      this.drop(key);
    }
  }

  /** Entries that hold plaintext now. */
  get plaintexts(): number {
    let count = 0;

    for (const entry of this.#entries.values()) {
      count += entry.plaintext ? 1 : 0;
    }

    return count;
  }
}
