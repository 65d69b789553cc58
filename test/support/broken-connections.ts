/**
 * Connections that break at a chosen statement of a transaction: PostgreSQL ends the session, as it does at a fail-over
 * or when an operator says so. It counts the statements of all connections of this process, the plain pool's and
 * Prisma's, so a test can go through a transaction statement by statement without knowing its statements.
 */
import pg from "pg";
import { eventually } from "./kek-fixtures";

/** Where the connection breaks. */
export type Break = {
  /** Which statement, counted from 1 over all transactions; BEGIN and COMMIT are statements too. */
  readonly statement: number;
  /** Before PostgreSQL gets it, or after it has carried it out and before the answer is there. */
  readonly when: "before" | "unanswered";
};

export type Broken = {
  /** The statement at which it broke; null when there were fewer. */
  readonly at: string | null;
};

type Query = (this: pg.Client, ...args: unknown[]) => unknown;

function textOf(args: readonly unknown[]): string {
  const [query] = args;

  return typeof query === "string" ? query : String((query as { text?: unknown } | null)?.text ?? "");
}

/**
 * Runs work while the connection of its transactions breaks once.
 * @param url of the database, for the connection that ends the other's session
 * @returns what became of the work, and where it was broken
 */
export async function withBrokenConnection<Result>(
  url: string,
  { statement, when }: Break,
  work: () => Promise<Result>,
): Promise<Broken & { readonly outcome: PromiseSettledResult<Result> }> {
  const admin = new pg.Client({ connectionString: url });
  const inTransaction = new WeakSet<pg.Client>();
  const original = pg.Client.prototype.query as Query;
  let count = 0;
  let at: string | null = null;

  async function end(client: pg.Client): Promise<void> {
    const pid = (client as unknown as { processID: number }).processID;
    const alive = async () =>
      ((await original.call(admin, "SELECT 1 FROM pg_stat_activity WHERE pid = $1", [pid])) as pg.QueryResult)
        .rowCount === 1;

    await original.call(admin, "SELECT pg_terminate_backend($1)", [pid]);
    await eventually(async () => !(await alive()), "a session has ended");
    // The news reaches this process by its socket.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }

  function query(this: pg.Client, ...args: unknown[]): unknown {
    const text = textOf(args);
    const begins = /^BEGIN/i.test(text);

    if (this === admin || typeof args.at(-1) === "function" || !(begins || inTransaction.has(this))) {
      return original.apply(this, args);
    }

    if (begins) {
      inTransaction.add(this);
    } else if (/^(COMMIT|ROLLBACK)/i.test(text)) {
      inTransaction.delete(this);
    }

    count += 1;

    if (count !== statement) {
      return original.apply(this, args);
    }

    at = text;

    return when === "before"
      ? end(this).then(() => original.apply(this, args))
      : Promise.resolve(original.apply(this, args)).then(async () => {
          await end(this);
          throw Object.assign(new Error("Connection terminated unexpectedly"), { code: "ECONNRESET" });
        });
  }

  await admin.connect();
  pg.Client.prototype.query = query as typeof pg.Client.prototype.query;

  try {
    const [outcome] = await Promise.allSettled([work()]);

    return { at, outcome };
  } finally {
    pg.Client.prototype.query = original as typeof pg.Client.prototype.query;
    await admin.end();
  }
}
