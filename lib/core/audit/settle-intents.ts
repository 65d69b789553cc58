import type { AuditEventInput } from "@/lib/audit/event";
import { type AbandonedIntent, decide, type Effects, takeAbandoned } from "@/lib/audit/intents";
import { failureSeverity } from "@/lib/audit/kmip-actions";
import { database } from "@/lib/db";
import { concludeIntent, stampNow } from "./audited";

/** Three times as long as a process may keep silent of what it works on. */
const STALE_SECONDS = 30;
const BATCH = 100;
const STATUS = 500;

/** Why a change has no other outcome, by where its effects are. */
const REASONS: { readonly [effects in Effects]: string } = {
  transaction:
    "NOT_CARRIED_OUT: The process, or its connection, ended before the change was made. Nothing was changed.",
  outside:
    "OUTCOME_UNKNOWN: The process, or its connection, ended before it told what became of this. Look at the state of the target.",
};

/** The event of a change that nobody speaks of any more. */
function abandoned(event: AuditEventInput, effects: Effects): AuditEventInput {
  return {
    ...event,
    outcome: "failure",
    severity: failureSeverity(STATUS),
    message: `${event.message} -failure`,
    reason: {
      reasonCode: STATUS,
      reasonType: "Internal Server Error",
      reasonForFailure: REASONS[effects],
    },
    responseData: {},
  };
}

async function settle({ id, effects, event, outcome }: AbandonedIntent): Promise<void> {
  const decided =
    outcome ?? (await decide(database().pool, id, { ...abandoned(event, effects), stamp: stampNow() }));

  if (decided !== null) {
    await concludeIntent(id, decided);
  }
}

/**
 * Writes the outcomes of changes whose process did not come to it: the success where the change's transaction was
 * committed, else that it was not carried out, or, where it has effects outside of the database, that its outcome is not
 * known. From then on the change cannot be committed any more. Any number of workers may do so at once; each outcome is
 * in the log once.
 * @param options.onError told of an intent that could not be settled; it is taken up again
 * @returns how many were settled
 */
export async function settleIntents(
  options: {
    readonly staleSeconds?: number;
    readonly signal?: AbortSignal;
    readonly onError?: (error: unknown, intentId: string) => void;
  } = {},
): Promise<number> {
  const staleSeconds = options.staleSeconds ?? STALE_SECONDS;
  let settled = 0;

  for (;;) {
    options.signal?.throwIfAborted();

    const intents = await takeAbandoned(database().pool, { staleSeconds, limit: BATCH });

    for (const intent of intents) {
      try {
        await settle(intent);
        settled += 1;
      } catch (error) {
        options.onError?.(error, intent.id);
      }
    }

    // With an age of zero everything is due again at once: one round is all there is to do.
    if (intents.length < BATCH || staleSeconds === 0) {
      return settled;
    }
  }
}
