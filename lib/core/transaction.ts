import { database } from "@/lib/db";
import type { Prisma } from "@/lib/db/generated/client";

/**
 * Runs work in one transaction of Prisma. The limits are wider than its own five seconds: the audit record is
 * written, durably, before the commit, and its writer may be busy.
 */
export function inTransaction<Result>(
  work: (tx: Prisma.TransactionClient) => Promise<Result>,
): Promise<Result> {
  return database().prisma.$transaction(work, { maxWait: 10_000, timeout: 20_000 });
}
