import { z } from "zod";
import { database } from "@/lib/db";
import type { InstanceStatus } from "@/lib/db/generated/client";
import { type Actor, requireRole } from "../actor";
import { decodeCursor, type Page, toPage } from "../cursor";
import { endpointsOf } from "../endpoints";
import { LIVING, requireInstance, WITHOUT_API_KEY } from "../instance";
import { type InstanceView, withEndpoints } from "./instance-row";

const instanceCursor = z.tuple([z.uuid()]);

/**
 * Instances of the account, newest first.
 * @param query.deleted those that are deleted and can still be restored, instead of the others; none has endpoints
 * @param query.search part of the name, whatever the case
 * @throws AppError FORBIDDEN, INVALID_CURSOR
 */
export async function listInstances(
  actor: Actor,
  query: {
    limit: number;
    cursor?: string | undefined;
    search?: string | undefined;
    status?: InstanceStatus | undefined;
    deleted?: boolean | undefined;
  },
): Promise<Page<InstanceView>> {
  requireRole(actor, "viewer");

  const [below] = query.cursor === undefined ? [undefined] : decodeCursor(query.cursor, instanceCursor);
  const rows = await database().prisma.instance.findMany({
    where: {
      accountId: actor.accountId,
      ...(query.deleted ? { deletedAt: { not: null }, purgeAt: { gt: new Date() } } : LIVING),
      ...(below === undefined ? {} : { id: { lt: below } }),
      ...(query.status === undefined ? {} : { status: query.status }),
      ...(query.search === undefined
        ? {}
        : // Prisma hands the text to LIKE as it is: its wildcards are escaped here.
          { name: { contains: query.search.replace(/[\\%_]/g, "\\$&"), mode: "insensitive" } }),
    },
    // Ids are UUID version 7: they sort by time.
    orderBy: { id: "desc" },
    take: query.limit + 1,
    omit: WITHOUT_API_KEY,
  });
  const endpoints = await endpointsOf(rows.filter(({ deletedAt }) => deletedAt === null));

  return toPage(
    rows,
    query.limit,
    (row) => [row.id],
    (row) => ({ ...row, endpoints: endpoints.get(row.id) ?? [] }),
  );
}

/** @throws AppError FORBIDDEN, NOT_FOUND */
export async function getInstance(actor: Actor, instanceId: string): Promise<InstanceView> {
  requireRole(actor, "viewer");

  return withEndpoints(await requireInstance(actor, instanceId));
}
