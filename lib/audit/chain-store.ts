import type pg from "pg";
import { BinaryStatement } from "@/lib/db/binary-statement";
import { isRefusal } from "@/lib/db/refusal";
import { createLinkHasher, GENESIS_HASH } from "./chain";
import type { EventRow } from "./event-row";

/** Where a writer's chain stands, and the fence under which it may extend it. */
export type ChainHead = {
  readonly sequence: bigint;
  /** One character a byte. */
  readonly hash: string;
  readonly fence: bigint;
  /** Object identifier of audit_event_row in this database. */
  readonly rowType: number;
};

/** What became of an attempt to append. */
type AppendResult =
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
    UPDATE audit_chain SET sequence = $4, hash = $6
    WHERE node = $1 AND fence = $2 AND sequence = $3
    RETURNING 1
  )
  INSERT INTO audit_event (
    id, account_id, instance_id, event_time, action, outcome, severity,
    initiator_id, initiator_name, target_id, target_name, event, node, sequence, previous_hash, hash
  )
  SELECT e.id, e.account_id, e.instance_id, e.event_time, e.action, e.outcome, e.severity,
         e.initiator_id, e.initiator_name, e.target_id, e.target_name, e.event, $1, e.sequence, e.previous_hash, e.hash
  FROM unnest($5::audit_event_row[]) AS e
  WHERE EXISTS (SELECT 1 FROM head)`;
const APPEND_PARAMETERS = 6;
/** Attributes of the type audit_event_row. */
const ROW_FIELDS = 15;
/** Made anew after a statement whose end is not known: its connection might still send what it holds. */
const appendStatement = () => new BinaryStatement("audit-append", APPEND, APPEND_PARAMETERS);

/**
 * Opens a chain, or takes it over from whoever wrote it before. The raised fence also settles the past: a
 * statement of an earlier owner either has committed by now (this waits for its row lock) or never will.
 */
const TAKE_OVER = `
  INSERT INTO audit_chain (node, sequence, hash, fence) VALUES ($1, 0, $2, 1)
  ON CONFLICT (node) DO UPDATE SET fence = audit_chain.fence + 1
  RETURNING sequence::text, hash, fence::text, 'audit_event_row'::regtype::oid::text AS "rowType"`;

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

export interface ChainStore {
  /** @throws when the database cannot be reached in time */
  takeOver(): Promise<ChainHead>;
  append(head: ChainHead, rows: readonly EventRow[]): Promise<AppendResult>;
  /** True when all events are stored; after `takeOver`, that is the last word on a statement without an answer. */
  hasAll(ids: readonly string[]): Promise<boolean>;
}

/**
 * The database side of a writer.
 * @param timeoutMs how long one statement may take before its connection is given up
 */
export function createChainStore(pool: pg.Pool, node: string, timeoutMs: number): ChainStore {
  const hasher = createLinkHasher(node);
  let statement = appendStatement();

  /** Runs on a connection that is destroyed, not reused, when the statement fails or takes too long. */
  async function run<Result>(query: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
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
        query(client),
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
      const { rows } = await run((client) =>
        client.query<{ sequence: string; hash: Buffer; fence: string; rowType: string }>({
          text: TAKE_OVER,
          values: [node, Buffer.from(GENESIS_HASH)],
        }),
      );
      const [row] = rows;

      if (!row) {
        throw new Error("The audit chain has no head.");
      }

      return {
        sequence: BigInt(row.sequence),
        hash: row.hash.toString("latin1"),
        fence: BigInt(row.fence),
        rowType: Number(row.rowType),
      };
    },

    async append(head, rows) {
      let { sequence, hash } = head;

      statement.begin();
      statement.text(node);
      statement.bigint(head.fence);
      statement.bigint(head.sequence);
      statement.bigint(head.sequence + BigInt(rows.length));
      statement.records(head.rowType, ROW_FIELDS, rows, (row) => {
        const previous = hash;

        sequence += 1n;
        hash = hasher.hash(sequence, previous, row.event);
        statement.uuidField(row.id);
        statement.uuidField(row.accountId);
        statement.uuidField(row.instanceId);
        statement.timestampField(row.eventTime);
        statement.textField(row.action);
        statement.textField(row.outcome);
        statement.textField(row.severity);
        statement.textField(row.initiatorId);
        statement.textField(row.initiatorName);
        statement.textField(row.targetId);
        statement.textField(row.targetName);
        statement.utf8Field(hasher.event());
        statement.bigintField(sequence);
        statement.bytesField(previous);
        statement.bytesField(hash);
      });
      statement.bytes(hash);

      try {
        const written = await run((client) => statement.run(client));

        return written === rows.length
          ? { kind: "committed", head: { ...head, sequence, hash } }
          : { kind: "fenced" };
      } catch (error) {
        statement = appendStatement();

        return isRefusal(error)
          ? { kind: "failed", error: asError(error) }
          : { kind: "unknown", error: asError(error) };
      }
    },

    async hasAll(ids) {
      const { rowCount } = await run((client) =>
        client.query({ text: "SELECT 1 FROM audit_event WHERE id = ANY ($1::uuid[])", values: [ids] }),
      );

      return rowCount === ids.length;
    },
  };
}
