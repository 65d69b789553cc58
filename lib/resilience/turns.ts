/** Nobody ended in time whose turn it was. */
export class NoTurn extends Error {
  constructor() {
    super("Too many at once.");
    this.name = "NoTurn";
  }
}

type Place = { running: number; readonly waiting: Set<() => void> };

/** Lets a few of each key work at once; others wait in order, but not for long. */
export class Turns {
  readonly #max: number;
  readonly #waitMs: number;
  readonly #places = new Map<string, Place>();

  /**
   * @param max how many of one key work at once
   * @param waitMs how long one waits for its turn
   */
  constructor(max: number, waitMs: number) {
    this.#max = max;
    this.#waitMs = waitMs;
  }

  /**
   * Waits for a turn.
   * @returns the function that ends it, to be called once
   * @throws NoTurn; the signal's reason
   */
  async take(key: string, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();

    const place = this.#places.get(key) ?? { running: 0, waiting: new Set() };

    this.#places.set(key, place);

    if (place.running < this.#max) {
      place.running += 1;
    } else {
      await this.#wait(place, signal);
    }

    return () => this.#end(key, place);
  }

  #wait({ waiting }: Place, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        waiting.delete(grant);
        signal?.removeEventListener("abort", onAbort);
      };
      // The turn is handed over, so `running` does not change.
      const grant = () => {
        leave();
        resolve();
      };
      const onAbort = () => {
        leave();
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        leave();
        reject(new NoTurn());
      }, this.#waitMs);

      waiting.add(grant);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  #end(key: string, place: Place): void {
    const [next] = place.waiting;

    if (next !== undefined) {
      next();

      return;
    }

    place.running -= 1;

    if (place.running === 0) {
      this.#places.delete(key);
    }
  }
}
