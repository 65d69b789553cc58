import pg from "pg";
import { z } from "zod";
import { type Executor, execute } from "./execute";

const ofInstance = { instanceId: z.string() };
const ofKek = { ...ofInstance, uniqueIdentifier: z.string() };
const ofCertificate = { ...ofInstance, sha256: z.string() };
const changeEvent = z.discriminatedUnion("type", [
  z.object({ type: z.literal("kek.changed"), ...ofKek }),
  z.object({ type: z.literal("certificate.added"), ...ofCertificate }),
  z.object({ type: z.literal("certificate.removed"), ...ofCertificate }),
  z.object({ type: z.literal("instance.changed"), ...ofInstance }),
  z.object({ type: z.literal("instance.removed"), ...ofInstance }),
]);

/** What one process tells the others; small, and never secret. */
export type ChangeEvent = Readonly<z.output<typeof changeEvent>>;

const CHANNEL = "kmip_console";
const RECONNECT_MS = [100, 200, 500, 1_000, 2_000] as const;
const PROBE_EVERY_MS = 2_000;
const PROBE_TIMEOUT_MS = 2_000;

/**
 * The call that publishes an event, for a statement that does so in the same round trip as a change: it goes out when,
 * and only if, that is committed.
 * @param values the statement's parameters, to which those of the call are added
 * @returns SQL that stands in a SELECT; where that has no rows, nothing is published
 */
export function notifyCall(event: ChangeEvent, values: unknown[]): string {
  const channel = values.push(CHANNEL);
  const payload = values.push(JSON.stringify(event));

  return `pg_notify($${channel}, $${payload})`;
}

/** Publishes an event. In a transaction it goes out when, and only if, the transaction commits. */
export async function publishIn(executor: Executor, event: ChangeEvent): Promise<void> {
  const values: unknown[] = [];

  await execute(executor, `SELECT ${notifyCall(event, values)}`, values);
}

/** What was told, or null for a payload that is none of ours. */
function readEvent(payload: string): ChangeEvent | null {
  try {
    return changeEvent.safeParse(JSON.parse(payload)).data ?? null;
  } catch {
    return null;
  }
}

export type Subscription = {
  /** Resolves when the first LISTEN stands. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
};

export type SubscriptionHandlers = {
  onEvent(event: ChangeEvent): void;
  onGap(): void;
  onError?(error: Error): void;
  /** A payload that is no event came in, for the first time: whoever may connect to the database may send any. */
  onMalformed?(): void;
};

class Listener implements Subscription {
  readonly ready: Promise<void>;
  readonly #url: string;
  readonly #handlers: SubscriptionHandlers;
  #settle: () => void = () => {};
  #client: pg.Client | null = null;
  #timer: NodeJS.Timeout | null = null;
  #probe: NodeJS.Timeout | null = null;
  #attempt = 0;
  #everListened = false;
  #malformed = false;
  #closed = false;

  constructor(url: string, handlers: SubscriptionHandlers) {
    this.#url = url;
    this.#handlers = handlers;
    this.ready = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#connect();
  }

  #connect(): void {
    this.#timer = null;

    const next = new pg.Client({
      connectionString: this.#url,
      application_name: "kmip-console listen",
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      query_timeout: PROBE_TIMEOUT_MS,
    });

    this.#client = next;
    next.on("error", (error) => this.#lose(next, error));
    next.on("end", () => this.#lose(next, null));
    next.on("notification", (message) => {
      if (message.channel === CHANNEL && message.payload) {
        this.#take(message.payload);
      }
    });

    next
      .connect()
      .then(() => next.query(`LISTEN ${CHANNEL}`))
      .then(() => this.#listening(next))
      .catch((error: Error) => this.#lose(next, error));
  }

  #listening(client: pg.Client): void {
    if (this.#closed || this.#client !== client) {
      return;
    }

    this.#attempt = 0;

    if (this.#everListened) {
      this.#handlers.onGap();
    }

    this.#everListened = true;
    this.#settle();
    // A peer that vanished without a word would leave us deaf for as long as TCP believes in it.
    this.#probe = setInterval(() => {
      client.query("SELECT 1").catch((error: Error) => this.#lose(client, error));
    }, PROBE_EVERY_MS);
    this.#probe.unref();
  }

  #take(payload: string): void {
    const event = readEvent(payload);

    if (event !== null) {
      this.#handlers.onEvent(event);
    } else if (!this.#malformed) {
      this.#malformed = true;
      this.#handlers.onMalformed?.();
    }
  }

  #stopProbe(): void {
    if (this.#probe) {
      clearInterval(this.#probe);
      this.#probe = null;
    }
  }

  #lose(lost: pg.Client, error: Error | null): void {
    if (this.#client !== lost) {
      return;
    }

    this.#client = null;
    this.#stopProbe();
    lost.removeAllListeners("notification");
    lost.end().catch(() => {});

    if (this.#closed) {
      return;
    }

    if (error) {
      this.#handlers.onError?.(error);
    }

    if (this.#everListened) {
      this.#handlers.onGap();
    }

    const delay = RECONNECT_MS[Math.min(this.#attempt, RECONNECT_MS.length - 1)] ?? 2_000;

    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#connect(), delay);
  }

  async close(): Promise<void> {
    this.#closed = true;

    if (this.#timer) {
      clearTimeout(this.#timer);
    }

    this.#stopProbe();

    const last = this.#client;

    this.#client = null;
    await last?.end().catch(() => {});
  }
}

/**
 * Listens to all events on a connection of its own and reconnects for ever.
 *
 * PostgreSQL keeps no events for an absent listener, so after every lost connection `onGap` is called, once when it
 * is noticed and once when listening stands again: whoever caches must then drop everything.
 */
export function subscribe(url: string, handlers: SubscriptionHandlers): Subscription {
  return new Listener(url, handlers);
}
