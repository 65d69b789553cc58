import { z } from "zod";
import { database } from "@/lib/db";
import type { Instance, Prisma } from "@/lib/db/generated/client";
import type { Actor } from "./actor";
import { AppError } from "./errors";

/** An instance without its sealed API key. */
export type InstanceRow = Omit<Instance, "apiKeySealed">;

/** Leaves the sealed API key in the database: nothing that shows instances needs it. */
export const WITHOUT_API_KEY = { apiKeySealed: true } as const;

/**
 * Leaves deleted instances out, of which the rows are still kept: for everybody but their own list, undo and purge they
 * do not exist. `isLiving` says the same in SQL.
 */
export const LIVING = { deletedAt: null } as const;

/** @param alias of the table `instance` in the statement */
export function isLiving(alias: string): string {
  return `${alias}.deleted_at IS NULL`;
}

const where = (actor: Pick<Actor, "accountId">, id: string) => ({
  id,
  accountId: actor.accountId,
  ...LIVING,
});

/** Ids as the database writes them: caches, notifications and audit events compare them as texts. */
const isId = (text: string): boolean => z.uuid().safeParse(text).success && text === text.toLowerCase();

function notFound(): AppError {
  return new AppError("NOT_FOUND", "There is no such instance.");
}

/**
 * The instance of this id, if it is one of the actor's account: unknown and another account's are not told apart.
 * @param client reads in its transaction
 * @throws AppError NOT_FOUND
 */
export async function requireInstance(
  actor: Pick<Actor, "accountId">,
  instanceId: string,
  client: Prisma.TransactionClient = database().prisma,
): Promise<InstanceRow> {
  const row = isId(instanceId)
    ? await client.instance.findFirst({ where: where(actor, instanceId), omit: WITHOUT_API_KEY })
    : null;

  if (!row) {
    throw notFound();
  }

  return row;
}

/**
 * The same with its sealed API key, for what opens its key manager; nothing of it may be shown.
 * @throws AppError NOT_FOUND
 */
export async function requireInstanceWithKey(
  actor: Pick<Actor, "accountId">,
  instanceId: string,
): Promise<Instance> {
  const row = isId(instanceId)
    ? await database().prisma.instance.findFirst({ where: where(actor, instanceId) })
    : null;

  if (!row) {
    throw notFound();
  }

  return row;
}

/**
 * The deleted instance of this id, while its deletion can be undone, locked until the end of the transaction. The
 * database's clock decides, which also says when it is purged.
 * @throws AppError NOT_FOUND, INVALID_STATE when it is not deleted
 */
export async function requireDeletedInstance(
  actor: Pick<Actor, "accountId">,
  instanceId: string,
  client: Prisma.TransactionClient,
): Promise<InstanceRow> {
  if (!isId(instanceId)) {
    throw notFound();
  }

  const [found] = await client.$queryRaw<{ deleted: boolean; kept: boolean | null }[]>`
    SELECT deleted_at IS NOT NULL AS deleted, purge_at > now() AS kept FROM instance
    WHERE id = ${instanceId}::uuid AND account_id = ${actor.accountId}::uuid FOR UPDATE`;

  if (found?.deleted === false) {
    throw new AppError("INVALID_STATE", "The instance is not deleted.");
  }
  if (!found?.kept) {
    throw notFound();
  }

  return client.instance.findUniqueOrThrow({ where: { id: instanceId }, omit: WITHOUT_API_KEY });
}

/** @throws AppError INVALID_STATE */
export function requireNotRemoving(row: { readonly status: string }): void {
  if (row.status === "removing") {
    throw new AppError("INVALID_STATE", "The instance is being removed.");
  }
}
