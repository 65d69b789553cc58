import { z } from "zod";
import { database, publishIn } from "@/lib/db";
import type { PermissionCheck } from "@/lib/db/generated/client";
import { type Actor, requireRole } from "../actor";
import { decodeCursor, type Page, toPage } from "../cursor";
import { AppError } from "../errors";
import { requireInstance, requireNotRemoving } from "../instance";
import { checkInstance } from "../permissions/check-instance";

/** A permission report that was kept. */
export type PermissionCheckRow = PermissionCheck;

const checkCursor = z.tuple([z.uuid()]);

/**
 * Permission reports of an instance, newest first.
 * @throws AppError FORBIDDEN, NOT_FOUND, INVALID_CURSOR
 */
export async function listPermissionChecks(
  actor: Actor,
  instanceId: string,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<PermissionCheck>> {
  requireRole(actor, "viewer");

  const { prisma } = database();
  await requireInstance(actor, instanceId);
  const [below] = query.cursor === undefined ? [undefined] : decodeCursor(query.cursor, checkCursor);
  const rows = await prisma.permissionCheck.findMany({
    where: { instanceId, ...(below === undefined ? {} : { id: { lt: below } }) },
    orderBy: { id: "desc" },
    take: query.limit + 1,
  });

  return toPage(
    rows,
    query.limit,
    (row) => [row.id],
    (row) => row,
  );
}

/**
 * Runs the permission checks of an instance now and keeps the report; its status follows.
 * @throws AppError FORBIDDEN, NOT_FOUND, INVALID_STATE without a key manager
 */
export async function runPermissionCheck(actor: Actor, instanceId: string): Promise<PermissionCheck> {
  requireRole(actor, "operator");

  const { prisma, pool } = database();
  const instance = await requireInstance(actor, instanceId);
  requireNotRemoving(instance);
  const checked = await checkInstance(instanceId, "manual", {
    actor,
    onChanged: () => publishIn(pool, { type: "instance.changed", instanceId }),
  });

  const row = await prisma.permissionCheck.findUnique({ where: { id: checked.permissionCheckId } });
  if (!row) {
    throw new AppError("NOT_FOUND", "The instance was removed meanwhile.");
  }

  return row;
}
