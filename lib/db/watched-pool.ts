import { Socket } from "node:net";
import pg from "pg";
import { DatabaseSilent, type Pulse } from "./pulse";

type TakeClient = (error: Error | undefined, client: pg.PoolClient | undefined, done: () => void) => void;

/** How pg-pool tells that a connection was not opened, or none was free, in time. */
const CONNECT_TIMEOUTS = /timeout exceeded when trying to connect|due to connection timeout/;

/**
 * A pool whose connections are watched: one that owes an answer and says nothing for too long is destroyed, and with it
 * fails what waits for it. It never goes back into the pool, where the next one to take it would wait as well.
 *
 * The watch is the socket's own timer, which every byte sets back: it costs no query anything.
 */
export class WatchedPool extends pg.Pool {
  readonly #pulse: Pulse;
  readonly #silenceMs: number | null;

  /** @param silenceMs how long its statements may be silent; null for as long as the pulse says */
  constructor(config: pg.PoolConfig, pulse: Pulse, silenceMs: number | null = null) {
    super({ connectionTimeoutMillis: pulse.limitMs, ...config });
    this.#pulse = pulse;
    this.#silenceMs = silenceMs;
    this.on("connect", (client) => this.#watch(client));
    this.on("acquire", (client) => this.#limit(client));
    this.on("release", (error: unknown, client) => {
      if (!error && !client.connection.stream.destroyed) {
        pulse.heard();
      }
    });
  }

  /** Takes over how long the pulse says to wait for a connection. */
  followPulse(): void {
    this.options.connectionTimeoutMillis = this.#pulse.limitMs;
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: TakeClient): void;
  override connect(callback?: TakeClient): Promise<pg.PoolClient> | undefined {
    if (callback !== undefined) {
      super.connect((error, client, done) => {
        this.#note(error);
        callback(error, client, done);
      });

      return undefined;
    }

    const taken = super.connect();

    taken.catch((error: unknown) => this.#note(error));

    return taken;
  }

  /** A database that refuses connections has answered; one that lets them wait has not, unless all are in use. */
  #note(error: unknown): void {
    if (
      error instanceof Error &&
      CONNECT_TIMEOUTS.test(error.message) &&
      this.totalCount < this.options.max
    ) {
      this.#pulse.lost();
    }
  }

  #limit(client: pg.PoolClient): void {
    const { stream } = client.connection;
    const limit = this.#limitMs();

    if (stream instanceof Socket && stream.timeout !== limit) {
      stream.setTimeout(limit);
    }
  }

  #watch(client: pg.PoolClient): void {
    const { stream } = client.connection;

    stream.on("timeout", () => {
      // Otherwise it is idle, or in a transaction whose next statement is not here yet.
      if (!isReady(client)) {
        const limit = this.#limitMs();

        this.#pulse.lost();
        stream.destroy(new DatabaseSilent(limit));
      }
    });
  }

  #limitMs(): number {
    return this.#silenceMs ?? this.#pulse.limitMs;
  }
}

/** False while an answer is awaited. */
function isReady(client: pg.PoolClient): boolean {
  return (client as pg.PoolClient & { readonly readyForQuery: boolean }).readyForQuery;
}
