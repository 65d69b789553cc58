import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

/** How long a database may say nothing at all before it is taken for lost, in milliseconds. */
export type Patience = {
  /** For a connection, and for the next byte of an answer. */
  readonly firstMs: number;
  /** The same while it is known to be silent, so that nobody else waits long for nothing. */
  readonly againMs: number;
};

const ASK_EVERY_MS = 500;

/**
 * An error as the system reports a connection that timed out; Prisma and lib/api know it by these members.
 * The database may carry out, or have carried out, what it was asked.
 */
export class DatabaseSilent extends Error {
  readonly code = "ETIMEDOUT";
  readonly syscall = "read";
  readonly errno = -110;

  constructor(ms: number) {
    super(`The database said nothing for ${ms} ms.`);
    this.name = "DatabaseSilent";
  }
}

/**
 * What all pools of a process know of their database: whether it answers. After a silence everybody waits a short
 * time only, until it is heard of again: by anybody's answer, or by this one's own asking, which is patient.
 */
export class Pulse {
  readonly #url: string;
  readonly #patience: Patience;
  readonly #onChange: (silent: boolean) => void;
  #silent = false;
  #closed = false;

  /** @param onChange told of a silence, and of its end */
  constructor(url: string, patience: Patience, onChange: (silent: boolean) => void) {
    this.#url = url;
    this.#patience = patience;
    this.#onChange = onChange;
  }

  /** How long to wait now, in milliseconds. */
  get limitMs(): number {
    return this.#silent ? this.#patience.againMs : this.#patience.firstMs;
  }

  /** Somebody waited in vain. */
  lost(): void {
    if (!this.#silent && !this.#closed) {
      this.#silent = true;
      this.#onChange(true);
      void this.#ask();
    }
  }

  /** Somebody was answered. */
  heard(): void {
    if (this.#silent) {
      this.#silent = false;
      this.#onChange(false);
    }
  }

  close(): void {
    this.#closed = true;
  }

  async #ask(): Promise<void> {
    while (this.#silent && !this.#closed) {
      const { firstMs } = this.#patience;
      const client = new pg.Client({
        connectionString: this.#url,
        application_name: "kmip-console pulse",
        connectionTimeoutMillis: firstMs,
        query_timeout: firstMs,
      });

      client.on("error", () => {});

      try {
        await client.connect();
        await client.query("SELECT 1");
        this.heard();
      } catch {
        await sleep(ASK_EVERY_MS, undefined, { ref: false });
      } finally {
        client.end().catch(() => {});
      }
    }
  }
}
