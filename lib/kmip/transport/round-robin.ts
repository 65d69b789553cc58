/**
 * Work in rotation (round robin): a key with much of it waits behind itself, and no other key does.
 */

/**
 * Lets a bounded number of pieces of work begin in one turn of the event loop, so that the loop stays short; what
 * has to wait begins in the turns after, one piece for each key in rotation. Work that waits for something else
 * (a key manager, a client) is not counted here.
 */
export class RoundRobin {
  readonly #perTurn: number;
  #left: number;
  /** Who waits, in the order of the rotation; no queue is empty. */
  readonly #queues = new Map<string, Queue>();
  #armed = false;

  /** @param perTurn pieces of work that may begin in one turn of the event loop */
  constructor(perTurn: number) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
  }

  /** True if a piece of work may begin now: the common case, which costs nothing. */
  take(): boolean {
    if (this.#left === 0 || this.#queues.size > 0) {
      return false;
    }
    this.#left -= 1;
    return true;
  }

  /** Has a piece of work that may not begin now begun in its turn. It must not throw. */
  queue(key: string, begin: () => void): void {
    const queue = this.#queues.get(key) ?? new Queue();
    queue.push(begin);
    this.#queues.set(key, queue);
    this.#arm();
  }

  #arm(): void {
    if (this.#armed) {
      return;
    }
    this.#armed = true;
    setImmediate(() => {
      this.#armed = false;
      this.#run();
    });
  }

  #run(): void {
    this.#left = this.#perTurn;
    for (const [key, queue] of this.#queues) {
      if (this.#left === 0) {
        break;
      }
      this.#left -= 1;
      const begin = queue.shift();
      // To the end of the rotation, which this loop goes on with, as a Map is walked in the order of insertion.
      this.#queues.delete(key);
      if (queue.length > 0) {
        this.#queues.set(key, queue);
      }
      begin?.();
    }
    if (this.#queues.size > 0) {
      this.#arm();
    }
  }
}

/** First in, first out, without moving what is behind. */
class Queue {
  #items: (() => void)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: () => void): void {
    this.#items.push(item);
  }

  shift(): (() => void) | undefined {
    const item = this.#items[this.#head];
    this.#head += 1;
    if (this.#head > 1_024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
