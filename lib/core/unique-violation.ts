import { Prisma } from "@/lib/db/generated/client";

/**
 * Columns of the unique constraint that a statement of Prisma broke (by their names in the database), or null when
 * the error is another one.
 */
export function uniqueViolation(error: unknown): readonly string[] | null {
  if (!(error instanceof Prisma.PrismaClientKnownRequestError) || error.code !== "P2002") return null;

  // With a driver adapter the columns stand in the adapter's own error, not in `meta.target`.
  const meta = error.meta as
    | { driverAdapterError?: { cause?: { constraint?: { fields?: unknown } } }; target?: unknown }
    | undefined;
  const fields = meta?.driverAdapterError?.cause?.constraint?.fields ?? meta?.target;

  return Array.isArray(fields) ? fields.map((field) => String(field).replaceAll('"', "")) : [];
}
