import { Prisma } from "@/lib/db/generated/client";

type Meta = {
  readonly driverAdapterError?: {
    readonly cause?: { readonly constraint?: { readonly index?: unknown; readonly fields?: unknown } };
  };
};

/**
 * The unique constraint that a statement of Prisma broke, as text that holds the names of its columns (PostgreSQL
 * names constraints after them, e.g. `instance_account_id_name_key`), or null when the error is another one.
 */
export function uniqueViolation(error: unknown): string | null {
  if (!(error instanceof Prisma.PrismaClientKnownRequestError) || error.code !== "P2002") {
    return null;
  }

  // With a driver adapter the constraint stands in the adapter's own error, not in `meta.target`.
  const constraint = (error.meta as Meta | undefined)?.driverAdapterError?.cause?.constraint;
  if (typeof constraint?.index === "string") {
    return constraint.index;
  }

  return Array.isArray(constraint?.fields) ? constraint.fields.map(String).join("_") : "";
}
