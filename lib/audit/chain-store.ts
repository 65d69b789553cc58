import type pg from "pg";
import { GENESIS_HASH, hashLink } from "./chain";
import type { EventRow } from "./event-row";

/** Where a writer's chain stands, and the fence under which it may extend it. */
export type ChainHead = { readonly sequence: bigint; readonly hash: Uint8Array; readonly fence: bigint };

/** What became of an attempt to append. */
export type AppendResult =
  | { readonly kind: "committed"; readonly head: ChainHead }
  /** Another process took the chain over; nothing was written. */
  | { readonly kind: "fenced" }
  /** PostgreSQL said no; nothing was written. */
  | { readonly kind: "failed"; readonly error: Error }
  /** The connection was lost before the answer came: written or not. */
  | { readonly kind: "unknown"; readonly error: Error };

/**
 * One statement, so one round trip and one commit: the head moves and the events appear together, and only if
 * the head is still where this writer left it. A writer that was taken over finds no head and writes nothing.
 */
const APPEND = `
  WITH head AS (
    UPDATE audit_chain SET sequence = $3, hash = $4
    WHERE node = $1 AND fence = $2 AND sequence = $5
    RETURNING 1
  )
  INSERT INTO audit_event (
    id, account_id, instance_id, event_time, action, outcome, severity,
    initiator_id, initiator_name, target_id, target_name, event, node, sequence, previous_hash, hash
  )
  SELECT e.id, e.account_id, e.instance_id, e.event_time, e.action, e.outcome, e.severity,
         e.initiator_id, e.initiator_name, e.target_id, e.target_name, e.event, $1, e.sequence, e.previous_hash, e.hash
  FROM unnest(
    $6::uuid[], $7::uuid[], $8::uuid[], $9::timestamptz[], $10::text[], $11::text[], $12::text[],
    $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::bigint[], $19::bytea[], $20::bytea[]
  ) AS e (
    id, account_id, instance_id, event_time, action, outcome, severity,
    initiator_id, initiator_name, target_id, target_name, event, sequence, previous_hash, hash
  )
  WHERE EXISTS (SELECT 1 FROM head)`;

/**
 * Opens a chain, or takes it over from whoever wrote it before. The raised fence also settles the past: a
 * statement of an earlier owner either has committed by now (this waits for its row lock) or never will.
 */
const TAKE_OVER = `
  INSERT INTO audit_chain (node, sequence, hash, fence) VALUES ($1, 0, $2, 1)
  ON CONFLICT (node) DO UPDATE SET fence = audit_chain.fence + 1
  RETURNING sequence::text, hash, fence::text`;

/** True when the error is PostgreSQL's own refusal of the statement, which therefore changed nothing. */
function isRefusal(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  const severity = (error as { severity?: unknown }).severity;

  // 08xxx, 57Pxx and 40003 say that the end of the statement is not known.
  return (
    typeof code === "string" &&
    typeof severity === "string" &&
    severity === "ERROR" &&
    code !== "40003" &&
    !code.startsWith("08") &&
    !code.startsWith("57P")
  );
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

export interface ChainStore {
  /** @throws when the database cannot be reached in time */
  takeOver(): Promise<ChainHead>;
  append(head: ChainHead, rows: readonly EventRow[]): Promise<AppendResult>;
  /** True when the event is stored; after `takeOver`, that is the last word on a statement without an answer. */
  has(id: string): Promise<boolean>;
}

/**
 * The database side of a writer.
 * @param timeoutMs how long one statement may take before its connection is given up
 */
export function createChainStore(pool: pg.Pool, node: string, timeoutMs: number): ChainStore {
  /** Runs on a connection that is destroyed, not reused, when the statement fails or takes too long. */
  async function run<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    const client = await pool.connect();
    let timer: NodeJS.Timeout | undefined;
    let broken: Error | undefined;
    // A connection that breaks also emits an event, which without a listener would end the process.
    const onError = (error: Error) => {
      broken = error;
    };

    client.on("error", onError);

    try {
      return await Promise.race([
        client.query<Row>(query),
        new Promise<never>((_resolve, reject) => {
          timer = setTimeout(() => reject(new Error(`No answer within ${timeoutMs} ms.`)), timeoutMs);
        }),
      ]);
    } catch (error) {
      broken = asError(error);
      throw error;
    } finally {
      clearTimeout(timer);
      client.release(broken);

      // A healthy connection goes back to the pool, which listens itself; a broken one may still have words.
      if (!broken) {
        client.removeListener("error", onError);
      }
    }
  }

  return {
    async takeOver() {
      const { rows } = await run<{ sequence: string; hash: Buffer; fence: string }>({
        text: TAKE_OVER,
        values: [node, Buffer.from(GENESIS_HASH)],
      });
      const [row] = rows;

      if (!row) {
        throw new Error("The audit chain has no head.");
      }

      return { sequence: BigInt(row.sequence), hash: row.hash, fence: BigInt(row.fence) };
    },

    async append(head, rows) {
      const sequences: string[] = [];
      const previous: Buffer[] = [];
      const hashes: Buffer[] = [];
      let { sequence, hash } = head;

      for (const row of rows) {
        sequence += 1n;
        previous.push(Buffer.from(hash));
        hash = hashLink({ node, sequence, previousHash: hash, event: row.event });
        sequences.push(sequence.toString());
        hashes.push(Buffer.from(hash));
      }

      const column = <Key extends keyof EventRow>(name: Key): EventRow[Key][] => rows.map((row) => row[name]);

      try {
        const { rowCount } = await run({
          name: "audit-append",
          text: APPEND,
          values: [
            node,
            head.fence.toString(),
            sequence.toString(),
            Buffer.from(hash),
            head.sequence.toString(),
            column("id"),
            column("accountId"),
            column("instanceId"),
            column("eventTime").map((time) => time.toISOString()),
            column("action"),
            column("outcome"),
            column("severity"),
            column("initiatorId"),
            column("initiatorName"),
            column("targetId"),
            column("targetName"),
            column("event"),
            sequences,
            previous,
            hashes,
          ],
        });

        return rowCount === rows.length
          ? { kind: "committed", head: { sequence, hash, fence: head.fence } }
          : { kind: "fenced" };
      } catch (error) {
        return isRefusal(error)
          ? { kind: "failed", error: asError(error) }
          : { kind: "unknown", error: asError(error) };
      }
    },

    async has(id) {
      const { rowCount } = await run({ text: "SELECT 1 FROM audit_event WHERE id = $1", values: [id] });

      return rowCount === 1;
    },
  };
}
