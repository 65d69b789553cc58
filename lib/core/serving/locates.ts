import type pg from "pg";
import { LOCATE_SECONDS } from "@/lib/db/client";
import { KeyStoreError, type ObjectQuery } from "@/lib/kmip/ports";
import { NoTurn, Turns } from "@/lib/resilience/turns";
import type { KekRecord, Queryable } from "./objects";
import { searchObjects } from "./search-objects";

/** Locates of one instance that run at once in a process. */
const PER_INSTANCE = 4;
const TURN_MS = 1_000;
const QUERY_CANCELED = "57014";

const tooMany = (cause: unknown): KeyStoreError =>
  new KeyStoreError("limit", `More than ${PER_INSTANCE} Locates of this instance run at once`, { cause });

const tooMuch = (cause?: unknown): KeyStoreError =>
  new KeyStoreError(
    "limit",
    `This Locate took more than ${LOCATE_SECONDS} s and was given up: narrow it, or ask for fewer items`,
    { cause },
  );

/**
 * Searches by conditions that clients choose. They have connections of their own, a few at once for each instance, and
 * so much time: whoever reads a million rows for nothing keeps nobody else from a key. One that is given up fails; it
 * never ends as if it had seen everything.
 */
export class Locates {
  readonly #pool: pg.Pool;
  readonly #turns = new Turns(PER_INSTANCE, TURN_MS);

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Streams matches, newest first. @throws KeyStoreError limit */
  async *search(instanceId: string, query: ObjectQuery): AsyncGenerator<KekRecord> {
    const endTurn = await this.#turns.take(instanceId).catch((error: unknown) => {
      throw error instanceof NoTurn ? tooMany(error) : error;
    });

    try {
      yield* searchObjects(this.#within(performance.now() + LOCATE_SECONDS * 1_000), instanceId, query);
    } catch (error) {
      throw (error as { code?: unknown }).code === QUERY_CANCELED ? tooMuch(error) : error;
    } finally {
      endTurn();
    }
  }

  /** The pool, for as long as there is time: the server bounds each statement, this all of them together. */
  #within(until: number): Queryable {
    const pool = this.#pool;
    const query = (...given: readonly unknown[]): unknown => {
      if (performance.now() > until) {
        throw tooMuch();
      }

      return Reflect.apply(pool.query, pool, given);
    };

    return { query } as Queryable;
  }
}
