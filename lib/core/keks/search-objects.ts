import type { ObjectQuery } from "@/lib/kmip/ports";
import { conditions } from "../sql-conditions";
import { type KekRecord, type Queryable, RECORD_COLUMNS, VISIBLE } from "./objects";

const BATCH = 500;

/**
 * Streams the KEKs of an instance that match, newest first, a batch at a time. What is created or changed while
 * the search runs may or may not be part of it; nothing comes twice.
 */
export async function* searchObjects(
  db: Queryable,
  instanceId: string,
  query: ObjectQuery,
): AsyncGenerator<KekRecord> {
  let last: KekRecord | null = null;

  for (;;) {
    const where = conditions();

    where.add("o.instance_id = ?", instanceId);
    where.add(`o.storage IN ${VISIBLE}`);

    if (query.states) {
      where.add("o.state = ANY(?::int[])", query.states);
    }

    if (query.objectType !== undefined) {
      where.add("o.object_type = ?", query.objectType);
    }

    if (query.createdFrom) {
      where.add("o.created_at >= ?", query.createdFrom);
    }

    if (query.createdTo) {
      where.add("o.created_at <= ?", query.createdTo);
    }

    for (const term of query.terms) {
      where.add(
        `EXISTS (
          SELECT 1 FROM managed_object_term t
          WHERE t.instance_id = o.instance_id AND t.name = ? AND t.value = ?
            AND t.unique_identifier = o.unique_identifier
        )`,
        term.name,
        term.value,
      );
    }

    if (last) {
      where.add("(o.created_at, o.unique_identifier) < (?, ?)", last.createdAt, last.uniqueIdentifier);
    }

    const { rows }: { rows: KekRecord[] } = await db.query<KekRecord>(
      `SELECT ${RECORD_COLUMNS} FROM managed_object o WHERE ${where.text()}
       ORDER BY o.created_at DESC, o.unique_identifier DESC LIMIT ${BATCH}`,
      where.values,
    );

    yield* rows;
    last = rows.at(-1) ?? null;

    if (rows.length < BATCH) {
      return;
    }
  }
}
