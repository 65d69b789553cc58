import type pg from "pg";
import { z } from "zod";
import { database } from "@/lib/db";
import { type Actor, requireRole } from "../actor";
import { decodeCursor, encodeCursor, type Page } from "../cursor";
import { AppError } from "../errors";
import { requireInstance } from "../instance";
import { search } from "../search";
import { VISIBLE } from "../serving/objects";
import { type Conditions, conditions, containsPattern } from "../sql-conditions";
import { addStateCondition, type KekState } from "./kek-states";
import { type KekRow, type KekView, SELECT_KEKS, toKek } from "./kek-view";

type KekUsage = "never" | "unused30d" | "unused90d" | "recent";
export type KekSort = "createdAt" | "-createdAt" | "lastServedAt" | "name";

export type KekFilters = {
  readonly state?: KekState | undefined;
  /** Part of the identifier, of the name, or of a custom attribute's value. */
  readonly search?: string | undefined;
  readonly crkVersion?: string | undefined;
  /** The certificate that created it. */
  readonly certificateId?: string | undefined;
  /** `recent`: served in the last 30 days; `unused…`: not served, and not created, for so long. */
  readonly usage?: KekUsage | undefined;
  readonly sort?: KekSort | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
};

/** Fields of a request that make a search of KEKs read less. */
const NARROWS_KEKS = ["search", "state", "crkVersion", "certificateId"] as const;

/** True for filters that no index answers: they may read all of an instance's KEKs. */
const isSearch = ({ search: text, usage }: KekFilters): boolean => text !== undefined || usage !== undefined;

/**
 * A sort order as a run of parts, each of which follows one index: rows without a value come as a part of their
 * own, because a comparison of keys says nothing about nulls.
 */
type Part = {
  readonly condition: string | null;
  readonly order: string;
  /** Narrows to the rows after (value, identifier). */
  readonly addAfter: (where: Conditions, value: string | null, uniqueIdentifier: string) => void;
  /** The value of a row in this order; null where only the identifier counts. */
  readonly valueOf: (row: KekRow) => string | null;
};

const nulls = (column: string): Part => ({
  condition: `${column} IS NULL`,
  order: "o.unique_identifier",
  addAfter: (where, _value, uniqueIdentifier) => {
    where.add("o.unique_identifier > ?", uniqueIdentifier);
  },
  valueOf: () => null,
});

const after =
  (sql: string): Part["addAfter"] =>
  (where, value, uniqueIdentifier) => {
    where.add(sql, value, uniqueIdentifier);
  };

const SORTS: { readonly [sort in KekSort]: readonly Part[] } = {
  createdAt: [
    {
      condition: null,
      order: "o.created_at, o.unique_identifier",
      addAfter: after("(o.created_at, o.unique_identifier) > (?::timestamptz, ?)"),
      valueOf: (row) => row.createdAt.toISOString(),
    },
  ],
  "-createdAt": [
    {
      condition: null,
      order: "o.created_at DESC, o.unique_identifier DESC",
      addAfter: after("(o.created_at, o.unique_identifier) < (?::timestamptz, ?)"),
      valueOf: (row) => row.createdAt.toISOString(),
    },
  ],
  // Never served first: these are what one looks for.
  lastServedAt: [
    nulls("o.last_served_at"),
    {
      condition: "o.last_served_at IS NOT NULL",
      order: "o.last_served_at, o.unique_identifier",
      addAfter: after("(o.last_served_at, o.unique_identifier) > (?::timestamptz, ?)"),
      valueOf: (row) => row.lastServedAt?.toISOString() ?? null,
    },
  ],
  name: [
    {
      condition: "o.name IS NOT NULL",
      order: "o.name, o.unique_identifier",
      addAfter: after("(o.name, o.unique_identifier) > (?, ?)"),
      valueOf: (row) => row.name,
    },
    nulls("o.name"),
  ],
};

const DAY_MS = 86_400_000;
const kekCursor = z.tuple([
  z.enum(["createdAt", "-createdAt", "lastServedAt", "name"]),
  z.int().min(0).max(1),
  z.string().nullable(),
  z.string(),
]);

function addUsageCondition(where: Conditions, usage: KekUsage, now: Date): void {
  const before = (days: number) => new Date(now.getTime() - days * DAY_MS);
  const unusedSince = (time: Date) => {
    where.add("o.created_at < ? AND (o.last_served_at IS NULL OR o.last_served_at < ?)", time, time);
  };

  switch (usage) {
    case "never":
      where.add("o.last_served_at IS NULL");
      break;
    case "recent":
      where.add("o.last_served_at >= ?", before(30));
      break;
    case "unused30d":
      unusedSince(before(30));
      break;
    case "unused90d":
      unusedSince(before(90));
      break;
  }
}

function filterConditions(instanceId: string, filters: KekFilters, now: Date): Conditions {
  const where = conditions();

  where.add("o.instance_id = ?", instanceId);
  where.add(`o.storage IN ${VISIBLE}`);

  if (filters.state) {
    addStateCondition(where, filters.state, now);
  }

  if (filters.search) {
    const pattern = containsPattern(filters.search.replaceAll("\0", ""));

    // Terms of text attributes are kept as `text:<value>`; attributes that clients and vendors made up are named
    // `x-<name>` and `<vendor>:<name>`.
    where.add(
      `o.unique_identifier ILIKE ? OR o.name ILIKE ? OR EXISTS (
        SELECT 1 FROM managed_object_term t
        WHERE t.instance_id = o.instance_id AND t.unique_identifier = o.unique_identifier
          AND (starts_with(t.name, 'x-') OR strpos(t.name, ':') > 1)
          AND substr(t.value, strpos(t.value, ':') + 1) ILIKE ?
      )`,
      pattern,
      pattern,
      pattern,
    );
  }

  if (filters.crkVersion) {
    where.add("o.crk_version = ?", filters.crkVersion);
  }

  if (filters.certificateId) {
    where.add("o.created_by_certificate_id = ?", filters.certificateId);
  }

  if (filters.usage) {
    addUsageCondition(where, filters.usage, now);
  }

  return where;
}

/**
 * The KEKs of an instance. Destroyed ones are listed too; those that a Create never acknowledged are not.
 * @throws AppError FORBIDDEN, NOT_FOUND, INVALID_CURSOR (also for a cursor of another order), SEARCH_TOO_BROAD,
 *   RATE_LIMITED
 */
export async function listKeks(
  actor: Actor,
  instanceId: string,
  filters: KekFilters,
  now: Date = new Date(),
): Promise<Page<KekView>> {
  requireRole(actor, "viewer");
  await requireInstance(actor, instanceId);

  const sort = filters.sort ?? "-createdAt";
  const parts = SORTS[sort];
  const from = filters.cursor === undefined ? null : decodeCursor(filters.cursor, kekCursor);

  if (from && (from[0] !== sort || from[1] >= parts.length || !isCursorValue(sort, from[1], from[2]))) {
    throw new AppError("INVALID_CURSOR", "The cursor is not one that this list gave out.");
  }

  const read = (db: Pick<pg.Pool, "query">) => readParts(db, { instanceId, filters, parts, from, now });
  const rows = isSearch(filters)
    ? await search(actor, { narrow: NARROWS_KEKS, signal: filters.signal }, read)
    : await read(database().pool);
  const shown = rows.slice(0, filters.limit);
  const last = shown.at(-1);
  const cursorOf = ({ row, part }: FoundKek) =>
    encodeCursor([sort, part, parts[part]?.valueOf(row) ?? null, row.uniqueIdentifier]);

  return {
    items: shown.map(({ row }) => toKek(row, now)),
    nextCursor: rows.length > filters.limit && last !== undefined ? cursorOf(last) : null,
  };
}

type FoundKek = { readonly row: KekRow; readonly part: number };

/** Rows of a page, and one more if there is one: from the cursor on, part by part. */
async function readParts(
  db: Pick<pg.Pool, "query">,
  {
    instanceId,
    filters,
    parts,
    from,
    now,
  }: {
    readonly instanceId: string;
    readonly filters: KekFilters;
    readonly parts: readonly Part[];
    readonly from: z.output<typeof kekCursor> | null;
    readonly now: Date;
  },
): Promise<FoundKek[]> {
  const rows: FoundKek[] = [];

  for (let index = from?.[1] ?? 0; index < parts.length && rows.length <= filters.limit; index += 1) {
    const part = parts[index];

    if (!part) {
      break;
    }

    const where = filterConditions(instanceId, filters, now);

    if (part.condition) {
      where.add(part.condition);
    }

    if (from?.[1] === index) {
      part.addAfter(where, from[2], from[3]);
    }

    const limit = where.parameter(filters.limit + 1 - rows.length);
    const result = await db.query<KekRow>(
      `${SELECT_KEKS} WHERE ${where.text()} ORDER BY ${part.order} LIMIT ${limit}`,
      where.values,
    );

    rows.push(...result.rows.map((row) => ({ row, part: index })));
  }

  return rows;
}

/** True if a cursor's value is of the kind that its part compares with. */
function isCursorValue(sort: KekSort, part: number, value: string | null): boolean {
  if (sort === "name") {
    return part === 0 ? value !== null : value === null;
  }

  if (sort === "lastServedAt" && part === 0) {
    return value === null;
  }

  return z.iso.datetime().safeParse(value).success;
}
