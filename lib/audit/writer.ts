import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { type ChainHead, type ChainStore, createChainStore } from "./chain-store";
import type { AuditEventInput, AuditSink } from "./event";
import { type EventRow, toEventRow } from "./event-row";
import { createUuid7 } from "./uuid7";

/** Audit events could not be made durable: what they would have recorded must not happen. */
export class AuditWriteError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "AuditWriteError";
  }
}

export type AuditWriterOptions = {
  readonly pool: pg.Pool;
  /**
   * Name of this writer's hash chain, one for each running process ("kmip-zone-1@host", "web@host"). A restarted
   * process continues the chain; two processes of one name take turns and slow each other down.
   */
  readonly node: string;
  readonly clock?: { now(): Date };
  readonly logger?: { error(fields: object, message: string): void };
  /** Events in one INSERT at most. */
  readonly maxGroup?: number;
  /** Events that may wait; more are refused at once. */
  readonly maxQueue?: number;
  /** For one statement, in milliseconds. */
  readonly timeoutMs?: number;
  /** For a write, from when it is asked for: what is not known to be durable by then has failed. In milliseconds. */
  readonly deadlineMs?: number;
};

type AuditWriterStats = {
  readonly waiting: number;
  readonly groups: number;
  readonly events: number;
  readonly failedGroups: number;
};

export interface HashChainWriter extends AuditSink {
  /** Writes what waits, then refuses further events. The pool stays open. */
  close(): Promise<void>;
  stats(): AuditWriterStats;
}

type Waiter = {
  readonly rows: readonly EventRow[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  /** Monotonic milliseconds. */
  readonly until: number;
  /** Its time was over: it has been told that it failed. */
  expired: boolean;
};

/** The chain cannot be taken over: the database does not answer. */
class ChainUnreachable extends Error {
  constructor(cause: unknown) {
    super("The audit chain is out of reach.", { cause });
    this.name = "ChainUnreachable";
  }
}

const ATTEMPTS = 3;
/** Most that a writer waits, times the attempt, before it takes a chain back. */
const FENCED_PAUSE_MS = 20;
const RETRY_DELAY_MS = 100;
/** How often it is looked whether somebody has waited too long. */
const EXPIRE_EVERY_MS = 250;
/** Serialization failure, deadlock: the statement changed nothing and may simply be repeated. */
const REPEATABLE = new Set(["40001", "40P01"]);
const UNIQUE_VIOLATION = "23505";

const isRepeated = (error: unknown): boolean => (error as { code?: unknown }).code === UNIQUE_VIOLATION;
const eventsOf = (group: readonly Waiter[]): number => group.reduce((sum, { rows }) => sum + rows.length, 0);
const pause = () => new Promise<void>((resolve) => setTimeout(resolve, RETRY_DELAY_MS));

class AuditChainWriter implements HashChainWriter {
  readonly #options: AuditWriterOptions;
  readonly #clock: { now(): Date };
  readonly #maxGroup: number;
  readonly #maxQueue: number;
  readonly #deadlineMs: number;
  readonly #store: ChainStore;
  readonly #nextId = createUuid7();
  readonly #queue: Waiter[] = [];
  readonly #counts = { waiting: 0, groups: 0, events: 0, failedGroups: 0 };
  #head: ChainHead | null = null;
  /** What is being committed. */
  #group: readonly Waiter[] = [];
  #expiry: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #closed = false;

  constructor(options: AuditWriterOptions) {
    this.#options = options;
    this.#clock = options.clock ?? { now: () => new Date() };
    this.#maxGroup = options.maxGroup ?? 500;
    this.#maxQueue = options.maxQueue ?? 20_000;
    this.#deadlineMs = options.deadlineMs ?? 4_000;
    this.#store = createChainStore(options.pool, options.node, options.timeoutMs ?? 5_000);
  }

  write(events: readonly AuditEventInput[]): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      if (this.#closed) {
        throw new AuditWriteError("The audit writer is closed.");
      }

      if (this.#counts.waiting + events.length > this.#maxQueue) {
        throw new AuditWriteError(`More than ${this.#maxQueue} audit events wait to be written.`);
      }

      if (events.length === 0) {
        resolve();

        return;
      }

      const time = this.#clock.now();
      const rows = events.map((event) => toEventRow(event, event.stamp ?? { id: this.#nextId(time), time }));

      this.#queue.push({
        rows,
        resolve,
        reject,
        until: performance.now() + this.#deadlineMs,
        expired: false,
      });
      this.#counts.waiting += rows.length;
      this.#expiry ??= setInterval(() => this.#expire(), EXPIRE_EVERY_MS).unref();
      this.#running ??= this.#run();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  stats(): AuditWriterStats {
    return { ...this.#counts };
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const group = this.#takeGroup();
      const size = eventsOf(group);

      this.#group = group;

      try {
        await this.#commit(group);
        this.#answer(group, size);
      } catch (error) {
        if (isRepeated(error)) {
          await this.#writeApart(group);
        } else {
          this.#fail(group, error);
        }

        if (error instanceof ChainUnreachable) {
          this.#failQueue(error);
        }
      } finally {
        this.#counts.waiting -= size;
        this.#group = [];
      }
    }

    // At once: who was just answered may write again before anything else happens.
    this.#running = null;
  }

  #takeGroup(): Waiter[] {
    const group: Waiter[] = [];
    let size = 0;

    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      if (group.length > 0 && size + next.rows.length > this.#maxGroup) {
        break;
      }

      size += next.rows.length;
      group.push(next);
      this.#queue.shift();
    }

    return group;
  }

  #answer(group: readonly Waiter[], size: number): void {
    this.#counts.groups += 1;
    this.#counts.events += size;

    for (const waiter of group) {
      waiter.resolve();
    }
  }

  /** An event whose stamp was given may be in the log already: that is no failure, and no reason to fail others. */
  async #writeApart(group: readonly Waiter[]): Promise<void> {
    for (const waiter of group) {
      const ids = waiter.rows.map(({ id }) => id);

      try {
        await this.#commit([waiter]);
        this.#answer([waiter], ids.length);
      } catch (error) {
        if (isRepeated(error) && (await this.#store.hasAll(ids).catch(() => false))) {
          waiter.resolve();
        } else {
          this.#fail([waiter], error);
        }
      }
    }
  }

  #fail(group: readonly Waiter[], error: unknown): void {
    const failure = new AuditWriteError("The audit events could not be written.", { cause: error });
    const { logger, node } = this.#options;

    this.#counts.failedGroups += 1;
    logger?.error({ err: error, node, events: eventsOf(group) }, "audit events not written");

    for (const waiter of group) {
      waiter.reject(failure);
    }
  }

  /** Who waits behind a group that could not reach its chain could not either. */
  #failQueue(error: ChainUnreachable): void {
    const behind = this.#queue.splice(0);

    if (behind.length > 0) {
      this.#counts.waiting -= eventsOf(behind);
      this.#fail(behind, error);
    }
  }

  /** Tells those whose time is over that they failed. What is being committed may be in the log all the same. */
  #expire(): void {
    const now = performance.now();
    const isOver = (waiter: Waiter) => waiter.until <= now;
    const late = this.#group.filter((waiter) => isOver(waiter) && !waiter.expired);
    // In the order in which they came, so that those who are late stand in front.
    const inTime = this.#queue.findIndex((waiter) => !isOver(waiter));
    const queued = this.#queue.splice(0, inTime === -1 ? this.#queue.length : inTime);

    this.#counts.waiting -= eventsOf(queued);
    late.push(...queued);

    if (late.length > 0) {
      for (const waiter of late) {
        waiter.expired = true;
      }

      this.#fail(late, new Error(`Not durable within ${this.#deadlineMs} ms.`));
    }

    if (this.#running === null && this.#expiry !== null) {
      clearInterval(this.#expiry);
      this.#expiry = null;
    }
  }

  /** @throws ChainUnreachable */
  async #takeOver(): Promise<ChainHead> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#store.takeOver();
      } catch (error) {
        if (attempt === ATTEMPTS) {
          throw new ChainUnreachable(error);
        }

        await pause();
      }
    }
  }

  /** @throws when the rows are certainly not stored, or when that cannot be found out */
  async #commit(group: readonly Waiter[]): Promise<void> {
    const rows = group.flatMap((waiter) => waiter.rows);

    for (let attempt = 1; ; attempt += 1) {
      this.#head ??= await this.#takeOver();

      // Nobody waits any more: a record of what was told to have failed is worth less than those behind it.
      if (group.every((waiter) => waiter.expired)) {
        throw new Error("Given up before it was written.");
      }

      const result = await this.#store.append(this.#head, rows);

      if (result.kind === "committed") {
        this.#head = result.head;

        return;
      }

      if (result.kind === "failed" && !REPEATABLE.has(String((result.error as { code?: unknown }).code))) {
        throw result.error;
      }

      if (result.kind !== "failed") {
        this.#head = null;
      }

      if (result.kind === "unknown") {
        this.#head = await this.#takeOver();

        if (await this.#store.hasAll(rows.map(({ id }) => id))) {
          return;
        }
      }

      if (attempt === ATTEMPTS) {
        throw result.kind === "fenced"
          ? new Error(`Other processes write the chain "${this.#options.node}" all the time.`)
          : result.error;
      }

      if (result.kind === "fenced") {
        // Two writers of one chain would take it from each other again and again, in step.
        await sleep(Math.random() * FENCED_PAUSE_MS * attempt);
      }
    }
  }
}

/**
 * Makes a writer with group commit and a hash chain: while one group is being committed, the writes that arrive
 * form the next, so that the number of commits does not grow with the number of requests.
 *
 * Sequence numbers are used up by committed groups only. Where the connection ends between COMMIT and its
 * answer, the writer raises the chain's fence (so that the lost statement can no longer commit) and then looks
 * whether the events are there.
 *
 * Nobody waits longer than `deadlineMs`: what is not known to be durable by then has failed, as far as the caller is to
 * act on it. The writer itself goes on to settle its chain, so that the next group continues it and no number is given
 * out twice.
 */
export function createAuditWriter(options: AuditWriterOptions): HashChainWriter {
  return new AuditChainWriter(options);
}
