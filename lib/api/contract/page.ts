import type { Page } from "@/lib/core/cursor";

/** A page of rows as a page of what the API shows. */
export function serializePage<Row, Item>(
  page: Page<Row>,
  serialize: (row: Row) => Item,
): { items: Item[]; nextCursor: string | null } {
  return { items: page.items.map(serialize), nextCursor: page.nextCursor };
}
