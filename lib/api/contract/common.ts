import { z } from "zod";
import { ROLES } from "@/lib/roles";

/** RFC 3339 UTC, as every time of the API. */
export const timestamp = z.iso.datetime().meta({ description: "RFC 3339, UTC" });

/** An id as the database writes it, however a caller does (RFC 9562, 4: either case is read). */
export const id = z.uuid().toLowerCase();

/** `limit` and `cursor` of every list. */
export const pageQuery = z.object({
  limit: z.coerce.number<string>().int().min(1).max(200).default(50),
  cursor: z.string().min(1).max(1024).optional(),
});

/** The envelope of every list. */
export function page<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

const invalidParam = z.object({ name: z.string(), code: z.string(), reason: z.string() });

/** RFC 9457 problem document; further members by code (`report`, `reasons`, `results`). */
export const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    requestId: z.string(),
    invalidParams: z.array(invalidParam).optional(),
  })
  .meta({ id: "Problem" });

export type Problem = z.output<typeof problem>;

export const role = z.enum(ROLES);
export type { Role } from "@/lib/roles";
/** A kind of key manager. */
export const keyManagerKind = z
  .string()
  .min(1)
  .max(40)
  .meta({ description: "One of the kinds that GET /key-managers lists" });

/** A name that people give: trimmed, no control characters. */
export const displayName = z
  .string()
  .trim()
  .min(1)
  .max(80)
  .regex(/^\P{Cc}*$/u, "has no control characters")
  // The pattern of the document: JSON Schema reads it as Unicode, and has no place for flags.
  .meta({ pattern: "^\\P{Cc}*$" });
