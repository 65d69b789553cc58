import { isRefusal } from "@/lib/db/refusal";

/** Carries out what was asked for together; answers in the order of the items. */
export type RunBatch<Item, Result> = (key: string, items: readonly Item[]) => Promise<readonly Result[]>;

type Waiter<Item, Result> = {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
/**
 * How long a batch waits for more when the one before had several: under load it saves more than it costs, and
 * somebody who is alone never waits.
 */
const GATHER_MS = 5;
const gather = () => new Promise<void>((resolve) => setTimeout(resolve, GATHER_MS));

/**
 * Group commit: what is asked for while an earlier statement of the same key runs goes into the next one together, so
 * that many creations at once share statements, commits and row locks. A statement that PostgreSQL refuses is
 * repeated for each item by itself, so that nobody fails for another's sake.
 */
export class Batches<Item, Result> {
  readonly #run: RunBatch<Item, Result>;
  readonly #max: number;
  /** By key; there is an entry as long as something of it runs. */
  readonly #waiting = new Map<string, Waiter<Item, Result>[]>();

  /** @param max items in one statement */
  constructor(max: number, run: RunBatch<Item, Result>) {
    this.#max = max;
    this.#run = run;
  }

  /** @throws what the statement throws; after an error without an answer it may have taken effect */
  add(key: string, item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      const waiter = { item, resolve, reject };
      const running = this.#waiting.get(key);

      if (running !== undefined) {
        running.push(waiter);

        return;
      }

      this.#waiting.set(key, [waiter]);
      void this.#work(key);
    });
  }

  async #work(key: string): Promise<void> {
    const waiting = this.#waiting.get(key) ?? [];

    // Answers of the key manager that arrived together are dealt with before this.
    await turn();

    while (waiting.length > 0) {
      const batch = waiting.splice(0, this.#max);

      await this.#settle(key, batch);

      if (batch.length > 1 && waiting.length < this.#max) {
        await gather();
      }
    }

    this.#waiting.delete(key);
  }

  async #settle(key: string, batch: readonly Waiter<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#run(
        key,
        batch.map(({ item }) => item),
      );

      for (const [index, waiter] of batch.entries()) {
        waiter.resolve(results[index] as Result);
      }
    } catch (error) {
      if (batch.length > 1 && isRefusal(error)) {
        for (const waiter of batch) {
          await this.#settle(key, [waiter]);
        }

        return;
      }

      for (const waiter of batch) {
        waiter.reject(error);
      }
    }
  }
}
