import { Groups } from "./groups";

type Entry<Value> = {
  readonly value: Value;
  /** What `get` answers: made once, not at every call. */
  readonly settled: Promise<Value>;
  /** Used since it was last looked at for eviction. */
  used: boolean;
};

/**
 * A bounded memory of rows that other processes may change. What a load brings is kept only if nothing was
 * invalidated while it ran, so an answer that was already old when it arrived is never remembered.
 */
export class CoherentCache<Value> {
  readonly #max: number;
  readonly #trusted: () => boolean;
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #loads = new Map<string, { promise: Promise<Value | null>; stale: boolean }>();
  readonly #groupOf: ((key: string) => string) | undefined;
  /** Keys that are remembered or being loaded. */
  readonly #groups = new Groups();

  /**
   * @param options.max entries; the oldest go first, but for those that were used since they last had to go
   * @param options.trusted false while invalidations may go missing: then every `get` loads
   * @param options.groupOf what a key belongs to, for `invalidateGroup`
   */
  constructor(options: {
    readonly max: number;
    readonly trusted: () => boolean;
    readonly groupOf?: (key: string) => string;
  }) {
    this.#max = options.max;
    this.#trusted = options.trusted;
    this.#groupOf = options.groupOf;
  }

  /** The value of a key, loaded once for all who ask at the same time. Absence (null) is not remembered. */
  get(key: string, load: () => Promise<Value | null>): Promise<Value | null> {
    if (!this.#trusted()) {
      return load();
    }

    const known = this.#entries.get(key);

    if (known !== undefined) {
      known.used = true;

      return known.settled;
    }

    return this.#loads.get(key)?.promise ?? this.#load(key, load);
  }

  async #load(key: string, load: () => Promise<Value | null>): Promise<Value | null> {
    const entry = { promise: load(), stale: false };

    this.#loads.set(key, entry);

    if (this.#groupOf) {
      this.#groups.add(this.#groupOf(key), key);
    }

    try {
      const value = await entry.promise;

      if (value !== null && !entry.stale && this.#trusted()) {
        this.#keep(key, value);
      }

      return value;
    } finally {
      if (this.#loads.get(key) === entry) {
        this.#loads.delete(key);
        this.#leaveGroup(key);
      }
    }
  }

  /** The remembered value, if it may be used. */
  peek(key: string): Value | undefined {
    if (!this.#trusted()) {
      return undefined;
    }

    const entry = this.#entries.get(key);

    if (entry !== undefined) {
      entry.used = true;
    }

    return entry?.value;
  }

  #keep(key: string, value: Value): void {
    this.#entries.set(key, { value, settled: Promise.resolve(value), used: false });

    // Second chance: moving an entry at every use would cost more than the use itself.
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= this.#max) {
        break;
      }

      this.#entries.delete(oldest);

      if (entry.used) {
        entry.used = false;
        this.#entries.set(oldest, entry);
      } else {
        this.#leaveGroup(oldest);
      }
    }
  }

  /** After a key was forgotten: it stays in its group while something else of it is there. */
  #leaveGroup(key: string): void {
    if (this.#groupOf && !this.#entries.has(key) && !this.#loads.has(key)) {
      this.#groups.delete(this.#groupOf(key), key);
    }
  }

  /** Forgets a key, and what is being loaded for it. */
  invalidate(key: string): void {
    this.#entries.delete(key);
    this.#forgetLoad(key);
    this.#leaveGroup(key);
  }

  #forgetLoad(key: string): void {
    const load = this.#loads.get(key);

    if (load) {
      load.stale = true;
      this.#loads.delete(key);
    }
  }

  /** Forgets the keys of a group; it costs what they are. */
  invalidateGroup(group: string): void {
    for (const key of this.#groups.keysOf(group)) {
      this.invalidate(key);
    }
  }

  clear(): void {
    this.#entries.clear();

    for (const key of [...this.#loads.keys()]) {
      this.#forgetLoad(key);
    }

    this.#groups.clear();
  }

  get size(): number {
    return this.#entries.size;
  }
}
