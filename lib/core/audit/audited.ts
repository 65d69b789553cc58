import { AsyncLocalStorage } from "node:async_hooks";
import { hostname } from "node:os";
import type { AuditEventInput } from "@/lib/audit/event";
import { toEventRow } from "@/lib/audit/event-row";
import {
  type DecidedOutcome,
  decide,
  decideIn,
  type Effects,
  forgetIntent,
  openIntent,
  touchIntents,
  withdrawIntent,
} from "@/lib/audit/intents";
import { createUuid7 } from "@/lib/audit/uuid7";
import { database } from "@/lib/db";
import type { Executor } from "@/lib/db/execute";
import type { Actor } from "../actor";
import { AppError } from "../errors";
import { type ActionRecord, actionEvent, recordAction } from "./record-action";
import { auditWriter } from "./writer";

/** A change that is about to be made, as far as it is known before. */
export type AuditIntent = Omit<ActionRecord, "error"> & {
  /** Default `transaction`: everything that it does is undone with the transaction that `done` takes part in. */
  readonly effects?: Effects;
  /** The intention is an event of its own (`pending`), before anything happens: for what cannot be undone. */
  readonly announced?: boolean;
  /** Default `recorded`. What is tried again by itself leaves no event of each failure. */
  readonly failures?: "recorded" | "retried";
  /** True for what takes keys out of service: it happens also while the log takes nothing, the intent being kept. */
  readonly urgent?: boolean;
};

/**
 * Says that the change is made, in the transaction that makes it (the pool, where there is none).
 * @param facts what is known of it only now
 * @throws AppError CHANGED_MEANWHILE when it took so long that it was settled without it: the transaction must roll back
 */
export type Done = (
  executor: Executor,
  facts?: Partial<Pick<ActionRecord, "target" | "requestData" | "responseData">>,
) => Promise<void>;

/** What else is to be written in the transaction of a change, whoever makes it. */
const witnesses = new AsyncLocalStorage<(executor: Executor) => Promise<void>>();

/**
 * Carries work out and has something written beside each of its changes: committed with it, or not at all.
 * @param witness called in the transaction of each change
 */
export function witnessed<Result>(
  witness: (executor: Executor) => Promise<void>,
  work: () => Promise<Result>,
): Promise<Result> {
  return witnesses.run(witness, work);
}

/** How often a process says that it still works on its intents; settled are those it has not spoken of for longer. */
const ALIVE_EVERY_MS = 10_000;

const makeId = createUuid7();
const working = new Set<string>();
const recorded = new WeakSet<object>();
const succeeded = new WeakMap<Actor, Set<ActionRecord["action"]>>();
let timer: NodeJS.Timeout | null = null;

/** A stamp for an event that is decided now. */
export function stampNow(): { readonly id: string; readonly time: Date } {
  const time = new Date();

  return { id: makeId(time), time };
}

/**
 * True once a change of this kind by this actor (one for each request) has its success in the log: what fails after it,
 * as the reading of what to answer may, is no failure of the change.
 */
export function hasSucceeded(actor: Actor, action: ActionRecord["action"]): boolean {
  return succeeded.get(actor)?.has(action) ?? false;
}

function markSucceeded(actor: Actor, action: ActionRecord["action"]): void {
  succeeded.set(actor, (succeeded.get(actor) ?? new Set()).add(action));
}

/** True for an error of a change whose failure is in the audit log, or will be: it needs no event of its own. */
export function wasRecorded(error: unknown): boolean {
  return typeof error === "object" && error !== null && recorded.has(error);
}

function markRecorded(error: unknown): void {
  if (typeof error === "object" && error !== null) {
    recorded.add(error);
  }
}

function unavailable(cause: unknown, message: string): AppError {
  return new AppError("AUDIT_UNAVAILABLE", message, { cause });
}

function watch(id: string): void {
  working.add(id);

  if (timer === null) {
    timer = setInterval(() => {
      // Without the database the intents go stale, and so they should: the worker may settle them.
      touchIntents(database().pool, [...working]).catch(() => {});
    }, ALIVE_EVERY_MS);
    timer.unref();
  }
}

function unwatch(id: string): void {
  working.delete(id);

  if (working.size === 0 && timer !== null) {
    clearInterval(timer);
    timer = null;
  }
}

/** @throws AppError AUDIT_UNAVAILABLE: nothing may happen */
async function open(actor: Actor, intent: AuditIntent): Promise<string> {
  const { effects = "transaction", urgent = false } = intent;
  const id = makeId(new Date());
  const event = actionEvent(actor, recordOf(intent));

  try {
    // An event that could never be written is found now, and not when the change is committed.
    toEventRow(event, stampNow());

    if (!urgent) {
      // A writer that is closed or overrun says so before anything happens.
      await auditWriter().write([]);
    }

    await openIntent(database().pool, {
      id,
      process: `${hostname()}:${process.pid}`,
      effects,
      event,
    });
  } catch (error) {
    throw unavailable(
      error,
      "The audit record of this action could not be written, so nothing was done. Try again later.",
    );
  }

  return id;
}

/** Writes an outcome and lets go of its intent. What fails is left to the worker. */
export async function concludeIntent(id: string, outcome: DecidedOutcome): Promise<void> {
  await auditWriter().write([outcome]);
  // Should it stay, the worker finds the outcome in the log and forgets it then.
  await forgetIntent(database().pool, id).catch(() => {});
}

async function conclude(id: string, outcome: DecidedOutcome): Promise<void> {
  try {
    await concludeIntent(id, outcome);
  } catch (error) {
    const failure = unavailable(
      error,
      "The audit record of this action could not be written. Look at its state before you try again.",
    );

    markRecorded(failure);
    throw failure;
  }
}

async function concludeFailure(actor: Actor, id: string, intent: AuditIntent, error: unknown): Promise<void> {
  const { pool } = database();

  if (intent.failures === "retried" && (await withdrawIntent(pool, id))) {
    return;
  }

  // The change may have been committed all the same, its answer being lost: then that is the outcome.
  const event: AuditEventInput = actionEvent(actor, { ...recordOf(intent), outcome: "failure", error });
  const outcome = await decide(pool, id, { ...event, stamp: stampNow() });

  if (outcome !== null) {
    await concludeIntent(id, outcome);
  }
}

function recordOf({
  effects: _,
  announced: __,
  failures: ___,
  urgent: ____,
  ...record
}: AuditIntent): Omit<ActionRecord, "error"> {
  return record;
}

/**
 * Makes a change in the one order of audit (ADR 0021): the intent is written down before, the change's own transaction
 * decides the outcome, and the outcome is in the log after COMMIT and before this returns. A process that dies in
 * between leaves the intent, and the worker writes what became of it.
 *
 * The outcome is the success that `done` is told of, or the failure that `work` throws. When `work` returns without
 * having called `done`, there was nothing to change, and nothing is recorded.
 * @throws what `work` throws, recorded (see `wasRecorded`); AppError AUDIT_UNAVAILABLE, either before anything has
 * happened or, with `wasRecorded`, after the change
 */
export async function audited<Result>(
  actor: Actor,
  intent: AuditIntent,
  work: (done: Done) => Promise<Result>,
): Promise<Result> {
  const record = recordOf(intent);
  const id = await open(actor, intent);
  const decision: { outcome: DecidedOutcome | null } = { outcome: null };

  const done: Done = async (executor, facts = {}) => {
    const decided = { ...actionEvent(actor, { ...record, ...facts }), stamp: stampNow() };

    if (!(await decideIn(executor, id, decided))) {
      throw new AppError("CHANGED_MEANWHILE", "This took too long and was given up.");
    }

    await witnesses.getStore()?.(executor);
    decision.outcome = decided;
  };

  watch(id);

  try {
    let result: Result;

    try {
      if (intent.announced) {
        await recordAction(actor, { ...record, outcome: "pending" });
      }

      result = await work(done);
    } catch (error) {
      if (intent.failures !== "retried") {
        markRecorded(error);
      }

      // Whatever cannot be written now is settled later; the caller is to hear of the failure itself.
      await concludeFailure(actor, id, intent, error).catch(() => {});
      throw error;
    }

    if (decision.outcome === null) {
      await withdrawIntent(database().pool, id).catch(() => {});
    } else {
      markSucceeded(actor, intent.action);
      await conclude(id, decision.outcome);
    }

    return result;
  } finally {
    unwatch(id);
  }
}
