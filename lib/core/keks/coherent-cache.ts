/**
 * A bounded memory of rows that other processes may change. What a load brings is kept only if nothing was
 * invalidated while it ran, so an answer that was already old when it arrived is never remembered.
 */
export class CoherentCache<Value> {
  readonly #max: number;
  readonly #trusted: () => boolean;
  readonly #values = new Map<string, Value>();
  readonly #loads = new Map<string, { promise: Promise<Value | null>; stale: boolean }>();

  /**
   * @param options.max entries; the least recently used go first
   * @param options.trusted false while invalidations may go missing: then every `get` loads
   */
  constructor(options: { readonly max: number; readonly trusted: () => boolean }) {
    this.#max = options.max;
    this.#trusted = options.trusted;
  }

  /** The value of a key, loaded once for all who ask at the same time. Absence (null) is not remembered. */
  async get(key: string, load: () => Promise<Value | null>): Promise<Value | null> {
    if (!this.#trusted()) {
      return load();
    }

    const known = this.peek(key);

    if (known !== undefined) {
      return known;
    }

    const running = this.#loads.get(key);

    if (running) {
      return running.promise;
    }

    const entry = { promise: load(), stale: false };

    this.#loads.set(key, entry);

    try {
      const value = await entry.promise;

      if (value !== null && !entry.stale && this.#trusted()) {
        this.#keep(key, value);
      }

      return value;
    } finally {
      if (this.#loads.get(key) === entry) {
        this.#loads.delete(key);
      }
    }
  }

  /** The remembered value, if it may be used. */
  peek(key: string): Value | undefined {
    if (!this.#trusted()) {
      return undefined;
    }

    const value = this.#values.get(key);

    if (value !== undefined) {
      this.#values.delete(key);
      this.#values.set(key, value);
    }

    return value;
  }

  #keep(key: string, value: Value): void {
    this.#values.set(key, value);

    for (const oldest of this.#values.keys()) {
      if (this.#values.size <= this.#max) {
        break;
      }

      this.#values.delete(oldest);
    }
  }

  /** Forgets a key, and what is being loaded for it. */
  invalidate(key: string): void {
    this.#values.delete(key);
    this.#forgetLoad(key);
  }

  #forgetLoad(key: string): void {
    const load = this.#loads.get(key);

    if (load) {
      load.stale = true;
      this.#loads.delete(key);
    }
  }

  /** Forgets the keys that start so. */
  invalidatePrefix(prefix: string): void {
    for (const key of this.#values.keys()) {
      if (key.startsWith(prefix)) {
        this.#values.delete(key);
      }
    }

    for (const key of [...this.#loads.keys()]) {
      if (key.startsWith(prefix)) {
        this.#forgetLoad(key);
      }
    }
  }

  clear(): void {
    this.#values.clear();

    for (const key of [...this.#loads.keys()]) {
      this.#forgetLoad(key);
    }
  }

  get size(): number {
    return this.#values.size;
  }
}
