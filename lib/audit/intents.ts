import type pg from "pg";
import { type Executor, execute } from "@/lib/db/execute";
import type { AuditEventInput, EventStamp } from "./event";

/** Where the effects of a change are: undone with its one transaction, or outside of the database too. */
export type Effects = "transaction" | "outside";

/** A change that somebody is about to make. */
export type Intent = {
  readonly id: string;
  /** Who makes it, for whoever looks at a row. */
  readonly process: string;
  readonly effects: Effects;
  /** The event of a success. */
  readonly event: AuditEventInput;
};

/** What became of it: the event with the id and the time that it has wherever it is written. */
export type DecidedOutcome = AuditEventInput & { readonly stamp: EventStamp };

/** An intent whose process says nothing any more. */
export type AbandonedIntent = {
  readonly id: string;
  readonly effects: Effects;
  readonly event: AuditEventInput;
  /** Null while nobody has decided it. */
  readonly outcome: DecidedOutcome | null;
};

type Queryable = Pick<pg.Pool, "query">;
type OutcomeRow = { event: string; outcomeId: string | null; outcomeAt: Date | null };

const DECIDE = `
  UPDATE audit_intent SET event = $2, outcome_id = $3::uuid, outcome_at = $4::timestamptz
  WHERE id = $1::uuid AND outcome_id IS NULL`;

function textOf(event: AuditEventInput): string {
  const { stamp: _, like: __, ...rest } = event;

  return JSON.stringify(rest);
}

const decision = (id: string, outcome: DecidedOutcome): unknown[] => [
  id,
  textOf(outcome),
  outcome.stamp.id,
  outcome.stamp.time.toISOString(),
];

function outcomeOf({ event, outcomeId, outcomeAt }: OutcomeRow): DecidedOutcome | null {
  return outcomeId === null || outcomeAt === null
    ? null
    : { ...(JSON.parse(event) as AuditEventInput), stamp: { id: outcomeId, time: outcomeAt } };
}

/** Writes an intent down. Durable when it resolves. */
export async function openIntent(db: Queryable, intent: Intent): Promise<void> {
  await db.query(
    "INSERT INTO audit_intent (id, account_id, process, effects, event) VALUES ($1, $2, $3, $4, $5)",
    [intent.id, intent.event.accountId, intent.process, intent.effects, textOf(intent.event)],
  );
}

/**
 * Decides an intent in the transaction that makes the change, so that the two are committed together or not at all.
 * @returns false when somebody else has decided it: then the change must not be committed
 */
export async function decideIn(executor: Executor, id: string, outcome: DecidedOutcome): Promise<boolean> {
  return (await execute(executor, DECIDE, decision(id, outcome))) === 1;
}

/**
 * Decides an intent unless it is decided; a transaction that is doing so is waited for.
 * @returns the outcome that holds; null when the intent is gone, its outcome being in the log
 */
export async function decide(
  db: Queryable,
  id: string,
  outcome: DecidedOutcome,
): Promise<DecidedOutcome | null> {
  if ((await db.query(DECIDE, decision(id, outcome))).rowCount === 1) {
    return outcome;
  }

  const { rows } = await db.query<OutcomeRow>(
    `SELECT event, outcome_id AS "outcomeId", outcome_at AS "outcomeAt" FROM audit_intent WHERE id = $1`,
    [id],
  );

  return rows[0] ? outcomeOf(rows[0]) : null;
}

/** Takes an intent back that came to nothing. @returns false when it is decided, or gone */
export async function withdrawIntent(db: Queryable, id: string): Promise<boolean> {
  return (
    (await db.query("DELETE FROM audit_intent WHERE id = $1 AND outcome_id IS NULL", [id])).rowCount === 1
  );
}

/** Forgets an intent whose outcome is in the log. */
export async function forgetIntent(db: Queryable, id: string): Promise<void> {
  await db.query("DELETE FROM audit_intent WHERE id = $1", [id]);
}

/** Says that intents are being worked on. */
export async function touchIntents(db: Queryable, ids: readonly string[]): Promise<void> {
  await db.query("UPDATE audit_intent SET alive_at = now() WHERE id = ANY ($1::uuid[])", [ids]);
}

/**
 * Takes up intents whose process has said nothing for so long. Several workers get different ones; what one of them
 * does not end is taken up again after as long. A row that a transaction is deciding is left alone.
 */
export async function takeAbandoned(
  db: Queryable,
  options: { readonly staleSeconds: number; readonly limit: number },
): Promise<AbandonedIntent[]> {
  const { rows } = await db.query<OutcomeRow & { id: string; effects: Effects }>(
    `WITH due AS (
       SELECT id FROM audit_intent WHERE alive_at <= now() - make_interval(secs => $1)
       ORDER BY alive_at LIMIT $2 FOR UPDATE SKIP LOCKED
     )
     UPDATE audit_intent i SET alive_at = now() FROM due WHERE i.id = due.id
     RETURNING i.id, i.effects, i.event, i.outcome_id AS "outcomeId", i.outcome_at AS "outcomeAt"`,
    [options.staleSeconds, options.limit],
  );

  return rows.map((row) => ({
    id: row.id,
    effects: row.effects,
    event: JSON.parse(row.event) as AuditEventInput,
    outcome: outcomeOf(row),
  }));
}
