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
};

const ATTEMPTS = 3;
/** Most that a writer waits, times the attempt, before it takes a chain back. */
const FENCED_PAUSE_MS = 20;
const RETRY_DELAY_MS = 100;
/** Serialization failure, deadlock: the statement changed nothing and may simply be repeated. */
const REPEATABLE = new Set(["40001", "40P01"]);
const UNIQUE_VIOLATION = "23505";

const isRepeated = (error: unknown): boolean => (error as { code?: unknown }).code === UNIQUE_VIOLATION;
const eventsOf = (group: readonly Waiter[]): number => group.reduce((sum, { rows }) => sum + rows.length, 0);
const pause = () => new Promise<void>((resolve) => setTimeout(resolve, RETRY_DELAY_MS));

/**
 * Makes a writer with group commit and a hash chain: while one group is being committed, the writes that arrive
 * form the next, so that the number of commits does not grow with the number of requests.
 *
 * Sequence numbers are used up by committed groups only. Where the connection ends between COMMIT and its
 * answer, the writer raises the chain's fence (so that the lost statement can no longer commit) and then looks
 * whether the events are there.
 */
export function createAuditWriter(options: AuditWriterOptions): HashChainWriter {
  const clock = options.clock ?? { now: () => new Date() };
  const maxGroup = options.maxGroup ?? 500;
  const maxQueue = options.maxQueue ?? 20_000;
  const store: ChainStore = createChainStore(options.pool, options.node, options.timeoutMs ?? 5_000);
  const nextId = createUuid7();
  const queue: Waiter[] = [];
  const counts = { waiting: 0, groups: 0, events: 0, failedGroups: 0 };
  let head: ChainHead | null = null;
  let running: Promise<void> | null = null;
  let closed = false;

  async function takeOver(): Promise<ChainHead> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await store.takeOver();
      } catch (error) {
        if (attempt === ATTEMPTS) {
          throw error;
        }

        await pause();
      }
    }
  }

  /** @throws when the rows are certainly not stored, or when that cannot be found out */
  async function commit(rows: readonly EventRow[]): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      head ??= await takeOver();

      const result = await store.append(head, rows);

      if (result.kind === "committed") {
        head = result.head;

        return;
      }

      if (result.kind === "failed" && !REPEATABLE.has(String((result.error as { code?: unknown }).code))) {
        throw result.error;
      }

      if (result.kind !== "failed") {
        head = null;
      }

      if (result.kind === "unknown") {
        head = await takeOver();

        if (await store.hasAll(rows.map(({ id }) => id))) {
          return;
        }
      }

      if (attempt === ATTEMPTS) {
        throw result.kind === "fenced"
          ? new Error(`Other processes write the chain "${options.node}" all the time.`)
          : result.error;
      }

      if (result.kind === "fenced") {
        // Two writers of one chain would take it from each other again and again, in step.
        await sleep(Math.random() * FENCED_PAUSE_MS * attempt);
      }
    }
  }

  function takeGroup(): Waiter[] {
    const group: Waiter[] = [];
    let size = 0;

    for (let next = queue[0]; next; next = queue[0]) {
      if (group.length > 0 && size + next.rows.length > maxGroup) {
        break;
      }

      size += next.rows.length;
      group.push(next);
      queue.shift();
    }

    return group;
  }

  /** An event whose stamp was given may be in the log already: that is no failure, and no reason to fail others. */
  async function writeApart(group: readonly Waiter[]): Promise<void> {
    for (const waiter of group) {
      try {
        await commit(waiter.rows);
        counts.groups += 1;
        counts.events += waiter.rows.length;
        waiter.resolve();
      } catch (error) {
        if (isRepeated(error) && (await store.hasAll(waiter.rows.map(({ id }) => id)).catch(() => false))) {
          waiter.resolve();
        } else {
          fail([waiter], error);
        }
      }
    }
  }

  function fail(group: readonly Waiter[], error: unknown): void {
    const failure = new AuditWriteError("The audit events could not be written.", { cause: error });
    const events = eventsOf(group);

    counts.failedGroups += 1;
    options.logger?.error({ err: error, node: options.node, events }, "audit events not written");

    for (const waiter of group) {
      waiter.reject(failure);
    }
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const group = takeGroup();
      const size = eventsOf(group);

      try {
        await commit(group.flatMap(({ rows }) => rows));
        counts.groups += 1;
        counts.events += size;

        for (const waiter of group) {
          waiter.resolve();
        }
      } catch (error) {
        if (isRepeated(error)) {
          await writeApart(group);
        } else {
          fail(group, error);
        }
      } finally {
        counts.waiting -= size;
      }
    }

    // At once: who was just answered may write again before anything else happens.
    running = null;
  }

  return {
    write(events: readonly AuditEventInput[]) {
      return new Promise<void>((resolve, reject) => {
        if (closed) {
          throw new AuditWriteError("The audit writer is closed.");
        }

        if (counts.waiting + events.length > maxQueue) {
          throw new AuditWriteError(`More than ${maxQueue} audit events wait to be written.`);
        }

        if (events.length === 0) {
          resolve();

          return;
        }

        const time = clock.now();
        const rows = events.map((event) => toEventRow(event, event.stamp ?? { id: nextId(time), time }));

        queue.push({ rows, resolve, reject });
        counts.waiting += rows.length;
        running ??= run();
      });
    },

    async close() {
      closed = true;
      await running;
    },

    stats: () => ({ ...counts }),
  };
}
