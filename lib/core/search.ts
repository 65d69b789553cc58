import type pg from "pg";
import { database } from "@/lib/db";
import { SEARCH_SECONDS } from "@/lib/db/client";
import { perProcess } from "@/lib/per-process";
import { NoTurn, Turns } from "@/lib/resilience/turns";
import type { Actor } from "./actor";
import { AppError } from "./errors";

/** Searches of one account that run at once. */
const PER_ACCOUNT = 3;
const TURN_MS = 2_000;
const QUERY_CANCELED = "57014";

const turns = perProcess("search-turns", () => new Turns(PER_ACCOUNT, TURN_MS));

export type SearchOptions = {
  /** Fields of the request that make it read less. */
  readonly narrow: readonly string[];
  /** Aborts when nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined;
};

function tooMany(cause: unknown): AppError {
  return new AppError("RATE_LIMITED", "Too many searches run at once. Try again in a moment.", {
    extra: { retryAfterSeconds: SEARCH_SECONDS },
    cause,
  });
}

function tooBroad({ narrow }: SearchOptions, cause: unknown): AppError {
  return new AppError(
    "SEARCH_TOO_BROAD",
    `The search did not end within ${SEARCH_SECONDS} s and was given up; nothing of it is shown. Narrow it by ${narrow.join(", ")}.`,
    {
      invalidParams: narrow.map((name) => ({ name, code: "narrow", reason: "narrows the search" })),
      cause,
    },
  );
}

/** The connection for a search; the few that there are may all be in use, by other accounts. */
async function connect(): Promise<pg.PoolClient> {
  return database()
    .searches.connect()
    .catch((error: Error) => {
      throw /timeout exceeded when trying to connect/.test(error.message) ? tooMany(error) : error;
    });
}

/**
 * Runs statements that may have much to read: on connections of their own, a few at once for each account, for a few
 * seconds, and only as long as somebody waits for them.
 * @throws AppError RATE_LIMITED, SEARCH_TOO_BROAD; the signal's reason; what `work` throws
 */
export async function search<Result>(
  { accountId }: Actor,
  options: SearchOptions,
  work: (db: Pick<pg.Pool, "query">) => Promise<Result>,
): Promise<Result> {
  const { signal } = options;
  const endTurn = await turns()
    .take(accountId, signal)
    .catch((error: unknown) => {
      throw error instanceof NoTurn ? tooMany(error) : error;
    });

  try {
    return await onConnection(await connect(), options, work);
  } finally {
    endTurn();
  }
}

async function onConnection<Result>(
  client: pg.PoolClient,
  options: SearchOptions,
  work: (db: Pick<pg.Pool, "query">) => Promise<Result>,
): Promise<Result> {
  const { signal } = options;
  let broken: Error | undefined;
  let late = false;
  // A connection that breaks also emits an event, which without a listener would end the process.
  const onError = (error: Error) => {
    broken = error;
  };
  // PostgreSQL sees the client go and cancels the statement.
  const giveUp = () => {
    broken = new Error("The search was given up.");
    client.connection.stream.destroy(broken);
  };
  const timer = setTimeout(() => {
    late = true;
    giveUp();
  }, SEARCH_SECONDS * 1_000);

  client.on("error", onError);
  signal?.addEventListener("abort", giveUp, { once: true });

  try {
    signal?.throwIfAborted();

    return await work(client as Pick<pg.Pool, "query">);
  } catch (error) {
    signal?.throwIfAborted();
    throw late || (error as { code?: unknown }).code === QUERY_CANCELED ? tooBroad(options, error) : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
    client.release(broken);

    // A healthy connection goes back to the pool, which listens itself; a broken one may still have words.
    if (!broken) {
      client.removeListener("error", onError);
    }
  }
}
