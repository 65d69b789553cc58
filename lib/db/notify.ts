import pg from "pg";

/** What one process tells the others; small, and never secret. */
export type HouseEvent =
  | { readonly type: "kek.changed"; readonly instanceId: string; readonly uniqueIdentifier: string }
  | { readonly type: "certificate.added"; readonly instanceId: string; readonly sha256: string }
  | { readonly type: "certificate.removed"; readonly instanceId: string; readonly sha256: string }
  | { readonly type: "instance.changed"; readonly instanceId: string }
  | { readonly type: "instance.removed"; readonly instanceId: string };

const CHANNEL = "kmip_console";
const RECONNECT_MS = [100, 200, 500, 1_000, 2_000] as const;
const PROBE_EVERY_MS = 2_000;
const PROBE_TIMEOUT_MS = 2_000;

type Queryable = { query(text: string, values: unknown[]): Promise<unknown> };

/** Statement and values that publish an event; for Prisma: `tx.$executeRawUnsafe(text, ...values)`. */
export function publishSql(event: HouseEvent): { text: string; values: [string, string] } {
  return { text: "SELECT pg_notify($1, $2)", values: [CHANNEL, JSON.stringify(event)] };
}

/**
 * Publishes an event. With a transaction's client it goes out when, and only if, the transaction commits.
 */
export async function publish(client: Queryable, event: HouseEvent): Promise<void> {
  const { text, values } = publishSql(event);

  await client.query(text, values);
}

export type Subscription = {
  /** Resolves when the first LISTEN stands. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
};

/**
 * Listens to all events on a connection of its own and reconnects for ever.
 *
 * PostgreSQL keeps no events for an absent listener, so after every lost connection `onGap` is called, once when it
 * is noticed and once when listening stands again: whoever caches must then drop everything.
 */
export function subscribe(
  url: string,
  handlers: { onEvent(event: HouseEvent): void; onGap(): void; onError?(error: Error): void },
): Subscription {
  let closed = false;
  let client: pg.Client | null = null;
  let timer: NodeJS.Timeout | null = null;
  let probe: NodeJS.Timeout | null = null;
  let attempt = 0;
  let everListened = false;
  let settle: () => void = () => {};
  const ready = new Promise<void>((resolve) => {
    settle = resolve;
  });

  function lose(lost: pg.Client, error: Error | null): void {
    if (client !== lost) {
      return;
    }

    client = null;

    if (probe) {
      clearInterval(probe);
      probe = null;
    }

    lost.removeAllListeners("notification");
    lost.end().catch(() => {});

    if (closed) {
      return;
    }

    if (error) {
      handlers.onError?.(error);
    }

    if (everListened) {
      handlers.onGap();
    }

    const delay = RECONNECT_MS[Math.min(attempt, RECONNECT_MS.length - 1)] ?? 2_000;

    attempt += 1;
    timer = setTimeout(connect, delay);
  }

  function connect(): void {
    timer = null;

    const next = new pg.Client({
      connectionString: url,
      application_name: "kmip-console listen",
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      query_timeout: PROBE_TIMEOUT_MS,
    });

    client = next;
    next.on("error", (error) => lose(next, error));
    next.on("end", () => lose(next, null));
    next.on("notification", (message) => {
      if (message.channel !== CHANNEL || !message.payload) {
        return;
      }

      handlers.onEvent(JSON.parse(message.payload) as HouseEvent);
    });

    next
      .connect()
      .then(() => next.query(`LISTEN ${CHANNEL}`))
      .then(() => {
        if (closed || client !== next) {
          return;
        }

        attempt = 0;

        if (everListened) {
          handlers.onGap();
        }

        everListened = true;
        settle();
        // A peer that vanished without a word would leave us deaf for as long as TCP believes in it.
        probe = setInterval(() => {
          next.query("SELECT 1").catch((error: Error) => lose(next, error));
        }, PROBE_EVERY_MS);
        probe.unref();
      })
      .catch((error: Error) => lose(next, error));
  }

  connect();

  return {
    ready,
    async close() {
      closed = true;

      if (timer) {
        clearTimeout(timer);
      }

      if (probe) {
        clearInterval(probe);
      }

      const last = client;

      client = null;
      await last?.end().catch(() => {});
    },
  };
}
