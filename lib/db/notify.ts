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

/**
 * Listens to all events on a connection of its own and reconnects for ever.
 *
 * PostgreSQL keeps no events for an absent listener, so after every lost connection `onGap` is called, once when it
 * is noticed and once when listening stands again: whoever caches must then drop everything.
 */
export function subscribe(
  url: string,
  handlers: {
    onEvent(event: ChangeEvent): void;
    onGap(): void;
    onError?(error: Error): void;
    /** A payload that is no event came in, for the first time: whoever may connect to the database may send any. */
    onMalformed?(): void;
  },
): Subscription {
  let malformed = false;
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

      const event = readEvent(message.payload);

      if (event !== null) {
        handlers.onEvent(event);
      } else if (!malformed) {
        malformed = true;
        handlers.onMalformed?.();
      }
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
