import type pg from "pg";
import { createLinkHasher, GENESIS_HASH, type LinkHasher } from "./chain";
import { columnMismatch, type EventRow } from "./event-row";

/** Why a chain does not hold at a place. */
export type ChainProblem =
  /** The number is not there, though a later one or the head is. */
  | "missing"
  /** The link does not continue the one before it. */
  | "previousHash"
  /** The event's text is not the one that was hashed. */
  | "hash"
  /** A column says something else than the event's text. */
  | "columns"
  /** The stored head is not the hash of the last event. */
  | "head";

type ChainBreak = {
  readonly node: string;
  readonly sequence: bigint;
  readonly eventId: string | null;
  readonly problem: ChainProblem;
};

export type ChainVerification = {
  readonly node: string;
  /** Links that were checked. */
  readonly checked: number;
  readonly head: { readonly sequence: bigint; readonly hash: Uint8Array };
  readonly firstBreak: ChainBreak | null;
};

type LinkRow = EventRow & { sequence: string; previousHash: Buffer; hash: Buffer };

const BATCH = 1_000;
const NEXT_LINKS = `
  SELECT id, account_id AS "accountId", instance_id AS "instanceId", event_time AS "eventTime", action, outcome,
         severity, initiator_id AS "initiatorId", initiator_name AS "initiatorName", target_id AS "targetId",
         target_name AS "targetName", event, sequence::text AS sequence, previous_hash AS "previousHash", hash
  FROM audit_event
  WHERE node = $1 AND sequence > $2 AND sequence <= $3
  ORDER BY audit_event.sequence
  LIMIT ${BATCH}`;

/** Names of all chains: one index look-up for each, however many events they have. */
const NODES = `
  WITH RECURSIVE writers AS (
    (SELECT node FROM audit_event ORDER BY node LIMIT 1)
    UNION ALL
    SELECT (SELECT node FROM audit_event WHERE node > writers.node ORDER BY node LIMIT 1)
    FROM writers WHERE writers.node IS NOT NULL
  )
  SELECT node FROM writers WHERE node IS NOT NULL
  UNION
  SELECT node FROM audit_chain
  ORDER BY node`;

function problemOf(row: LinkRow, expected: { sequence: bigint; hash: Uint8Array }, hasher: LinkHasher) {
  if (BigInt(row.sequence) !== expected.sequence) {
    return "missing";
  }

  if (!row.previousHash.equals(expected.hash)) {
    return "previousHash";
  }

  const hash = hasher.hash(expected.sequence, row.previousHash.toString("latin1"), row.event);

  if (row.hash.toString("latin1") !== hash) {
    return "hash";
  }

  return columnMismatch(row) === null ? null : "columns";
}

/**
 * Checks one writer's chain from its first event to the head as it stood when the check began, a batch at a time.
 * It ends at the first break: what follows one cannot be trusted to belong there.
 */
export async function verifyChain(
  pool: Pick<pg.Pool, "query">,
  node: string,
  signal?: AbortSignal,
): Promise<ChainVerification> {
  const { rows: heads } = await pool.query<{ sequence: string; hash: Buffer }>(
    "SELECT sequence::text, hash FROM audit_chain WHERE node = $1",
    [node],
  );
  const stored = heads[0];
  const hasher = createLinkHasher(node);
  let hash: Uint8Array = GENESIS_HASH;
  let sequence = 0n;
  let checked = 0;
  const end = stored ? BigInt(stored.sequence) : null;
  const result = (problem: ChainProblem | null, at = sequence, eventId: string | null = null) => ({
    node,
    checked,
    head: { sequence, hash },
    firstBreak: problem === null ? null : { node, sequence: at, eventId, problem },
  });

  for (;;) {
    signal?.throwIfAborted();

    // Without a head (its row was removed) everything there is gets checked, then the missing head reported.
    const upTo = end ?? 2n ** 63n - 1n;
    const { rows } = await pool.query<LinkRow>({
      name: "audit-verify",
      text: NEXT_LINKS,
      values: [node, sequence.toString(), upTo.toString()],
    });

    for (const row of rows) {
      const problem = problemOf(row, { sequence: sequence + 1n, hash }, hasher);

      if (problem !== null) {
        return result(problem, sequence + 1n, problem === "missing" ? null : row.id);
      }

      sequence += 1n;
      hash = row.hash;
      checked += 1;
    }

    if (rows.length < BATCH) {
      break;
    }
  }

  if (!stored || end === null) {
    return result("head");
  }

  if (sequence !== end) {
    return result("missing", sequence + 1n);
  }

  return result(stored.hash.equals(hash) ? null : "head");
}

/** Checks every chain. `onChain` is told of each one that is done. */
export async function verifyAllChains(
  pool: Pick<pg.Pool, "query">,
  options: { signal?: AbortSignal; onChain?: (verification: ChainVerification) => void } = {},
): Promise<ChainVerification[]> {
  const { rows } = await pool.query<{ node: string }>(NODES);
  const done: ChainVerification[] = [];

  for (const { node } of rows) {
    const verification = await verifyChain(pool, node, options.signal);

    options.onChain?.(verification);
    done.push(verification);
  }

  return done;
}
