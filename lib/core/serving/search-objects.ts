import type pg from "pg";
import type { IndexTerm, ObjectQuery } from "@/lib/kmip/ports";
import { type Conditions, conditions } from "../sql-conditions";
import { type KekRecord, type Queryable, RECORD_COLUMNS, VISIBLE } from "./objects";

/** Most searches want one object or a few; who reads on gets more at a time. */
const FIRST_BATCH = 20;
const BATCH = 500;
/** Matches of a term that are counted at most, to find the rarest. */
const COUNTED = 1_000;

/**
 * Streams the KEKs of an instance that match, newest first, a batch at a time. What is created or changed while
 * the search runs may or may not be part of it; nothing comes twice.
 */
export async function* searchObjects(
  db: Queryable,
  instanceId: string,
  query: ObjectQuery,
): AsyncGenerator<KekRecord> {
  const terms = await rarestFirst(db, instanceId, query.terms);
  let last: KekRecord | null = null;

  for (let limit = FIRST_BATCH; ; limit = BATCH) {
    const { rows }: { rows: KekRecord[] } = await db.query<KekRecord>(
      statement(instanceId, { ...query, terms }, last, limit),
    );

    yield* rows;
    last = rows.at(-1) ?? null;

    if (rows.length < limit) {
      return;
    }
  }
}

/**
 * The terms, that with the fewest matches first: its matches are read, and the others asked of each. A guess from
 * the planner's statistics would do most of the time, and read a million rows for nothing the other times.
 */
async function rarestFirst(
  db: Queryable,
  instanceId: string,
  terms: readonly IndexTerm[],
): Promise<readonly IndexTerm[]> {
  if (terms.length < 2) {
    return terms;
  }

  const { rows } = await db.query<{ at: string; matches: string }>({
    name: "keks-term-counts",
    text: `
      SELECT t.at, (
        SELECT count(*) FROM (
          SELECT 1 FROM managed_object_term m
          WHERE m.instance_id = $1 AND m.name = t.name AND m.value = t.value LIMIT ${COUNTED}
        ) counted
      ) AS matches
      FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS t (name, value, at)`,
    values: [instanceId, terms.map((term) => term.name), terms.map((term) => term.value)],
  });
  const matches = new Map(rows.map((row) => [Number(row.at) - 1, Number(row.matches)]));

  return terms
    .map((term, index) => ({ term, matches: matches.get(index) ?? 0 }))
    .sort((a, b) => a.matches - b.matches)
    .map(({ term }) => term);
}

/** One batch, from below `last` on. */
function statement(
  instanceId: string,
  query: ObjectQuery,
  last: KekRecord | null,
  limit: number,
): pg.QueryConfig {
  const where = conditions();
  const [driving, ...others] = query.terms;

  if (driving === undefined) {
    addObjectConditions(where, instanceId, query);
    addPosition(where, "o", last);

    return {
      text: `
        SELECT ${RECORD_COLUMNS} FROM managed_object o WHERE ${where.text()}
        ORDER BY o.created_at DESC, o.unique_identifier DESC LIMIT ${limit}`,
      values: where.values,
    };
  }

  where.add("t.instance_id = ? AND t.name = ? AND t.value = ?", instanceId, driving.name, driving.value);
  addPosition(where, "t", last);

  if (query.createdFrom) {
    where.add("t.created_at >= ?", query.createdFrom);
  }

  if (query.createdTo) {
    where.add("t.created_at <= ?", query.createdTo);
  }

  const matched = where.text();
  const object = conditions(where.values);

  object.add("o.unique_identifier = t.unique_identifier");
  addObjectConditions(object, instanceId, query);

  for (const term of others) {
    object.add(
      `EXISTS (
        SELECT 1 FROM managed_object_term x
        WHERE x.instance_id = ? AND x.name = ? AND x.value = ?
          AND x.created_at = t.created_at AND x.unique_identifier = t.unique_identifier
      )`,
      instanceId,
      term.name,
      term.value,
    );
  }

  return prepared({
    // The index of terms has the order of the answer: matches are looked at one by one until there are enough, by
    // whatever the planner believes of their number (OFFSET 0 keeps it from joining in another way).
    text: `
      SELECT o.* FROM (
        SELECT t.unique_identifier, t.created_at FROM managed_object_term t WHERE ${matched}
        ORDER BY t.created_at DESC, t.unique_identifier DESC
      ) t CROSS JOIN LATERAL (
        SELECT ${RECORD_COLUMNS} FROM managed_object o WHERE ${object.text()} OFFSET 0
      ) o
      ORDER BY t.created_at DESC, t.unique_identifier DESC LIMIT ${limit}`,
    values: object.values,
  });
}

const MAX_PREPARED = 50;
const names = new Map<string, string>();

/** Gives a statement whose plan is the same for all values a name, under which each connection plans it once. */
function prepared(query: { readonly text: string; readonly values: unknown[] }): pg.QueryConfig {
  let name = names.get(query.text);

  // Clients may ask for any number of attributes; the usual shapes come first and are few.
  if (name === undefined && names.size < MAX_PREPARED) {
    name = `keks-search-${names.size}`;
    names.set(query.text, name);
  }

  return name === undefined ? query : { ...query, name };
}

function addObjectConditions(where: Conditions, instanceId: string, query: ObjectQuery): void {
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
}

function addPosition(where: Conditions, table: "o" | "t", last: KekRecord | null): void {
  if (last) {
    where.add(
      `(${table}.created_at, ${table}.unique_identifier) < (?, ?)`,
      last.createdAt,
      last.uniqueIdentifier,
    );
  }
}
