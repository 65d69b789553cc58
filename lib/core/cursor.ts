/**
 * Opaque keyset cursors: the sort key of the last row of a page, as base64url of compact JSON. They hold no
 * secret and grant nothing (every query is scoped by the actor's account), so they are not signed.
 */
import type { z } from "zod";
import { AppError } from "./errors";

const MAX_LENGTH = 2048;

function invalid(): AppError {
  return new AppError("INVALID_CURSOR", "The cursor is not one that this list gave out.");
}

/** The cursor of a row: `values` are its sort key in order (dates as ISO text, big integers as decimal text). */
export function encodeCursor(values: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(values), "utf8").toString("base64url");
}

/**
 * The values of a cursor, checked by `schema` (a tuple). Text that is not exactly what `encodeCursor` would
 * write is refused, so that an altered cursor is an error and never silently another page.
 * @throws AppError INVALID_CURSOR
 */
export function decodeCursor<Schema extends z.ZodType>(text: string, schema: Schema): z.output<Schema> {
  if (text.length > MAX_LENGTH) {
    throw invalid();
  }

  let values: unknown;

  try {
    values = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    throw invalid();
  }

  if (!Array.isArray(values) || encodeCursor(values) !== text) {
    throw invalid();
  }

  const parsed = schema.safeParse(values);

  if (!parsed.success) {
    throw invalid();
  }

  return parsed.data;
}

/** One page of a keyset list. */
export type Page<Item> = { readonly items: readonly Item[]; readonly nextCursor: string | null };

/**
 * Cuts the extra row off that a list reads to know whether there is more.
 * @param rows up to `limit + 1` rows in order
 * @param cursorOf sort key of a row
 */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  cursorOf: (row: Row) => readonly unknown[],
  itemOf: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);

  return {
    items: shown.map(itemOf),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(cursorOf(last)) : null,
  };
}
