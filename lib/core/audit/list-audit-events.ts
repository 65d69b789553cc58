import type pg from "pg";
import { z } from "zod";
import { database } from "@/lib/db";
import { type Actor, requireRole } from "../actor";
import { decodeCursor, type Page, toPage } from "../cursor";
import { AppError } from "../errors";
import { search } from "../search";
import { type AuditEventRow, type AuditEventView, SELECT_EVENTS, toAuditEvent } from "./events";
import { type AuditFilters, auditConditions } from "./filters";

const eventCursor = z.tuple([z.uuid()]);

/** Fields of a request that make a search of the log read less. */
export const NARROWS_AUDIT = ["from", "to", "instanceId", "targetId"] as const;

/** True for filters that no index answers: they may read all of an account's events. */
function isSearch({ q, initiator, action, outcome, severity }: AuditFilters): boolean {
  return [q, initiator, action, outcome, severity].some((filter) => filter !== undefined);
}

/** Reads rows newest first, below an id. */
export async function readEventRows(
  db: Pick<pg.Pool, "query">,
  actor: Actor,
  filters: AuditFilters,
  options: { readonly below: string | null; readonly limit: number },
): Promise<AuditEventRow[]> {
  const where = auditConditions(actor, filters);

  if (options.below !== null) {
    where.add("e.id < ?", options.below);
  }

  const limit = where.parameter(options.limit);
  const { rows } = await db.query<AuditEventRow>(
    `${SELECT_EVENTS} WHERE ${where.text()} ORDER BY e.id DESC LIMIT ${limit}`,
    where.values,
  );

  return rows;
}

/**
 * Audit events of the actor's account, newest first.
 * @param options.limit 1 to 200
 * @param options.signal aborts when nobody waits for the answer any more
 * @throws AppError FORBIDDEN, INVALID_CURSOR, SEARCH_TOO_BROAD, RATE_LIMITED
 */
export async function listAuditEvents(
  actor: Actor,
  options: AuditFilters & {
    readonly limit: number;
    readonly cursor?: string | undefined;
    readonly signal?: AbortSignal;
  },
): Promise<Page<AuditEventView>> {
  requireRole(actor, "viewer");

  const [below] = options.cursor === undefined ? [null] : decodeCursor(options.cursor, eventCursor);
  const read = (db: Pick<pg.Pool, "query">) =>
    readEventRows(db, actor, options, { below, limit: options.limit + 1 });
  const { signal } = options;
  const rows = isSearch(options)
    ? await search(actor, { narrow: NARROWS_AUDIT, signal }, read)
    : await read(database().pool);

  return toPage(rows, options.limit, (row) => [row.id], toAuditEvent);
}

/**
 * One event of the actor's account.
 * @throws AppError FORBIDDEN, NOT_FOUND
 */
export async function getAuditEvent(actor: Actor, id: string): Promise<AuditEventView> {
  requireRole(actor, "viewer");

  if (!z.uuid().safeParse(id).success) {
    throw new AppError("NOT_FOUND", "There is no such audit event.");
  }

  const { rows } = await database().pool.query<AuditEventRow>(
    `${SELECT_EVENTS} WHERE e.id = $1 AND e.account_id = $2`,
    [id, actor.accountId],
  );
  const [row] = rows;

  if (!row) {
    throw new AppError("NOT_FOUND", "There is no such audit event.");
  }

  return toAuditEvent(row);
}
