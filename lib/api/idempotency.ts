import { createHmac } from "node:crypto";
import type { Actor } from "@/lib/core/actor";
import { witnessed } from "@/lib/core/audit";
import { AppError } from "@/lib/core/errors";
import { deriveKey } from "@/lib/core/secrets";
import { database } from "@/lib/db";
import { execute } from "@/lib/db/execute";

/** An answer that is kept for repetitions of its request. */
export type KeptAnswer = { readonly status: number; readonly body: unknown };

const KEY_PATTERN = /^[\x21-\x7e]{1,200}$/;
const KEPT_HOURS = 24;
/** A first request that has not ended after this was cut off with its process. */
const ABANDONED_SECONDS = 180;

const KEY = "account_id = $1 AND principal = $2 AND key = $3";
const CARRIED_OUT =
  "UPDATE idempotency_key SET carried_out = true WHERE account_id = $1::uuid AND principal = $2 AND key = $3";

type Row = { request_hash: Buffer; carried_out: boolean; status: number | null; response: unknown };

/** The key of a request, or null when it has none. @throws AppError VALIDATION_FAILED */
export function idempotencyKey(headers: Headers): string | null {
  const key = headers.get("idempotency-key");
  if (key !== null && !KEY_PATTERN.test(key)) {
    throw new AppError("VALIDATION_FAILED", "Idempotency-Key is 1 to 200 visible ASCII characters.", {
      invalidParams: [{ name: "Idempotency-Key", code: "invalid_format", reason: "is not valid" }],
    });
  }

  return key;
}

/** Keyed, because bodies may hold passwords that could be guessed from a plain hash. */
function fingerprint(method: string, path: string, bytes: Uint8Array): Buffer {
  return createHmac("sha256", deriveKey("idempotency")).update(`${method} ${path}\n`).update(bytes).digest();
}

/**
 * Carries a write out once for each key of a person or token, however often and however concurrently it is sent.
 * Answers of success are kept for a day; after a refusal or failure that changed nothing the key is free again. What was
 * committed is never carried out again, not even where the process died before it could answer.
 * @param request.path with its query string
 * @param request.secrets members of the answer that are given once: a repetition has null in their place
 * @throws AppError IDEMPOTENCY_KEY_REUSED for another request, IDEMPOTENCY_IN_PROGRESS while the first one runs,
 *   IDEMPOTENCY_ANSWER_LOST where it was carried out and has no answer
 */
export async function once(
  actor: Actor,
  key: string,
  request: { method: string; path: string; bytes: Uint8Array; secrets: readonly string[] },
  work: () => Promise<KeptAnswer>,
): Promise<KeptAnswer & { readonly replayed: boolean }> {
  const { pool } = database();
  const principal = `${actor.kind}:${actor.id}`;
  const id = [actor.accountId, principal, key];
  const hash = fingerprint(request.method, request.path, request.bytes);

  await pool.query("DELETE FROM idempotency_key WHERE created_at < now() - make_interval(hours => $1)", [
    KEPT_HOURS,
  ]);
  const claim = await pool.query(
    `INSERT INTO idempotency_key (account_id, principal, key, request_hash) VALUES ($1, $2, $3, $4)
     ON CONFLICT (account_id, principal, key) DO UPDATE SET created_at = now()
       WHERE idempotency_key.status IS NULL AND NOT idempotency_key.carried_out AND idempotency_key.request_hash = excluded.request_hash
         AND idempotency_key.created_at < now() - make_interval(secs => $5)
     RETURNING 1`,
    [...id, hash, ABANDONED_SECONDS],
  );

  if (claim.rowCount === 0) {
    const { rows } = await pool.query<Row>(
      "SELECT request_hash, carried_out, status, response FROM idempotency_key WHERE account_id = $1 AND principal = $2 AND key = $3",
      id,
    );
    const [row] = rows;
    if (row && !row.request_hash.equals(hash)) {
      throw new AppError("IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key was used for another request.");
    }
    if (row?.status === null && row.carried_out && (await isAbandoned(id))) {
      throw new AppError(
        "IDEMPOTENCY_ANSWER_LOST",
        "The first request with this Idempotency-Key was carried out, but its answer is lost. Look at the state.",
      );
    }
    // No row: the first request failed at this very moment. Sending it again is right.
    if (!row || row.status === null) {
      throw new AppError(
        "IDEMPOTENCY_IN_PROGRESS",
        "The first request with this Idempotency-Key has not ended.",
      );
    }

    return { status: row.status, body: openAnswer(row.response), replayed: true };
  }

  let answer: KeptAnswer;
  try {
    answer = await witnessed(async (executor) => {
      await execute(executor, CARRIED_OUT, id);
    }, work);
  } catch (error) {
    await giveUp(id);
    throw error;
  }

  const kept = { body: withoutSecrets(answer.body, request.secrets) };
  await pool.query(
    "UPDATE idempotency_key SET status = $4, response = $5 WHERE account_id = $1 AND principal = $2 AND key = $3",
    [...id, answer.status, JSON.stringify(kept)],
  );

  return { ...answer, replayed: false };
}

/** What failed before it changed anything leaves the key free; what had changed something is over, and must not begin again. */
async function giveUp(id: readonly string[]): Promise<void> {
  const { pool } = database();

  await pool.query(`DELETE FROM idempotency_key WHERE ${KEY} AND status IS NULL AND NOT carried_out`, [
    ...id,
  ]);
  await pool.query(
    `UPDATE idempotency_key SET created_at = now() - make_interval(secs => $4) WHERE ${KEY} AND status IS NULL`,
    [...id, ABANDONED_SECONDS],
  );
}

async function isAbandoned(id: readonly string[]): Promise<boolean> {
  const { rowCount } = await database().pool.query(
    `SELECT 1 FROM idempotency_key
     WHERE ${KEY} AND status IS NULL AND created_at <= now() - make_interval(secs => $4)`,
    [...id, ABANDONED_SECONDS],
  );

  return rowCount === 1;
}

function withoutSecrets(body: unknown, secrets: readonly string[]): unknown {
  const hidden = Object.fromEntries(secrets.map((name) => [name, null]));

  return secrets.length === 0 ? (body ?? null) : { ...(body as object), ...hidden };
}

/** @throws AppError IDEMPOTENCY_KEY_REUSED for an answer of before, which holds a secret */
function openAnswer(kept: unknown): unknown {
  if (typeof kept !== "object" || kept === null || !("body" in kept)) {
    throw new AppError(
      "IDEMPOTENCY_KEY_REUSED",
      "The answer to this request holds a secret, which is given once.",
    );
  }

  return kept.body;
}

/** Forgets the keys of all accounts whose time is over; for a worker, every hour or so. */
export async function forgetIdempotencyKeys(): Promise<void> {
  await database().pool.query(
    "DELETE FROM idempotency_key WHERE created_at < now() - make_interval(hours => $1)",
    [KEPT_HOURS],
  );
}
