import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { createUuid7 } from "@/lib/audit/uuid7";
import { database } from "@/lib/db";
import type { ApiToken } from "@/lib/db/generated/client";
import { lesserRole } from "@/lib/roles";
import { type Actor, type Role, requireRole } from "../actor";
import { audited } from "../audit";
import { decodeCursor, type Page, toPage } from "../cursor";
import { AppError } from "../errors";
import { inTransaction } from "../transaction";
import { makerOf } from "./maker";

/** `kmipc_` and 32 random bytes in base64url: recognisable by secret scanners, 256 bits. */
const makeId = createUuid7();
const TOKEN_PREFIX = "kmipc_";
const TOKEN_PATTERN = /^kmipc_[A-Za-z0-9_-]{43}$/;
const SHOWN_CHARACTERS = TOKEN_PREFIX.length + 4;
const DAY_MS = 86_400_000;

/** An API token as it may be shown: without its hash. */
export type ApiTokenView = Omit<ApiToken, "tokenHash" | "accountId" | "makerId">;

const VIEW = {
  id: true,
  name: true,
  role: true,
  prefix: true,
  createdBy: true,
  createdAt: true,
  expiresAt: true,
  lastUsedAt: true,
  revokedAt: true,
} as const;

// The token has 256 random bits: a fast hash is enough, there is nothing to guess.
function hashToken(token: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(token).digest());
}

const tokenCursor = z.tuple([z.uuid()]);

/**
 * API tokens of the account, newest first, revoked and expired ones too.
 * @throws AppError FORBIDDEN, INVALID_CURSOR
 */
export async function listTokens(
  actor: Actor,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<ApiTokenView>> {
  requireRole(actor, "administrator");

  const [below] = query.cursor === undefined ? [undefined] : decodeCursor(query.cursor, tokenCursor);
  const rows = await database().prisma.apiToken.findMany({
    where: { accountId: actor.accountId, ...(below === undefined ? {} : { id: { lt: below } }) },
    // Ids are UUID version 7: they sort by time.
    orderBy: { id: "desc" },
    take: query.limit + 1,
    select: VIEW,
  });

  return toPage(
    rows,
    query.limit,
    (row) => [row.id],
    (row) => row,
  );
}

/**
 * Makes an API token. The token itself is in the answer and nowhere else.
 * @param input.expiresAt, input.expiresInDays one of them, or none: it does not expire
 * @throws AppError FORBIDDEN, AUDIT_UNAVAILABLE (then nobody knows the token)
 */
export async function createToken(
  actor: Actor,
  input: { name: string; role: Role; expiresInDays?: number | undefined; expiresAt?: Date | undefined },
): Promise<ApiTokenView & { readonly token: string }> {
  requireRole(actor, "administrator");

  const token = `${TOKEN_PREFIX}${randomBytes(32).toString("base64url")}`;
  const expiresAt =
    input.expiresInDays === undefined
      ? (input.expiresAt ?? null)
      : new Date(Date.now() + input.expiresInDays * DAY_MS);
  const id = makeId(new Date());
  const action = {
    action: "vmware-solutions.token.create",
    target: { id, name: input.name },
    requestData: { role: input.role, expiresAt: expiresAt?.toISOString() ?? null },
  } as const;
  const row = await audited(actor, action, (done) =>
    inTransaction(async (tx) => {
      const created = await tx.apiToken.create({
        data: {
          id,
          accountId: actor.accountId,
          name: input.name,
          role: input.role,
          tokenHash: hashToken(token),
          prefix: token.slice(0, SHOWN_CHARACTERS),
          createdBy: actor.name,
          makerId: await makerOf(tx, actor),
          expiresAt,
        },
        select: VIEW,
      });
      await done(tx);

      return created;
    }),
  );

  return { ...row, token };
}

/**
 * Revokes a token from the next request on. One that is revoked already stays as it is.
 * @throws AppError FORBIDDEN, NOT_FOUND
 */
export async function revokeToken(actor: Actor, tokenId: string): Promise<void> {
  requireRole(actor, "administrator");

  const action = { action: "vmware-solutions.token.delete", target: { id: tokenId } } as const;

  await audited(actor, action, (done) =>
    inTransaction(async (tx) => {
      const row = await tx.apiToken.findFirst({ where: { id: tokenId, accountId: actor.accountId } });
      if (!row) {
        throw new AppError("NOT_FOUND", "There is no such API token.");
      }
      if (row.revokedAt !== null) {
        return;
      }

      await tx.apiToken.update({ where: { id: row.id }, data: { revokedAt: new Date() } });
      await done(tx, { target: { id: row.id, name: row.name } });
    }),
  );
}

export type AuthenticatedToken = {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly accountId: string;
  readonly accountName: string;
};

/** So often the time of last use is written. */
const USE_GRANULARITY_MS = 60_000;

/** What the person behind a token may do in its account now; null when they have left it or may not sign in. */
async function roleOfMaker(makerId: string, accountId: string): Promise<Role | null> {
  const membership = await database().prisma.membership.findFirst({
    where: { accountId, userId: makerId, user: { disabledAt: null } },
    select: { role: true },
  });

  return membership?.role ?? null;
}

/**
 * The token behind a bearer credential, or null when it is malformed, unknown, expired or revoked, or when its maker has
 * left the account. It may do no more than its maker may do now. Asked of the database at every request, so that all of
 * this counts at once.
 */
export async function authenticateToken(token: string): Promise<AuthenticatedToken | null> {
  if (!TOKEN_PATTERN.test(token)) {
    return null;
  }

  const { prisma } = database();
  const row = await prisma.apiToken.findUnique({
    where: { tokenHash: hashToken(token) },
    include: { account: { select: { name: true } } },
  });
  const now = new Date();
  if (!row || row.revokedAt !== null || (row.expiresAt !== null && row.expiresAt <= now)) {
    return null;
  }

  const role = row.makerId === null ? row.role : await roleOfMaker(row.makerId, row.accountId);
  if (role === null) {
    return null;
  }

  const stale = new Date(now.getTime() - USE_GRANULARITY_MS);
  if (row.lastUsedAt === null || row.lastUsedAt < stale) {
    await prisma.apiToken.updateMany({
      where: { id: row.id, OR: [{ lastUsedAt: null }, { lastUsedAt: { lt: stale } }] },
      data: { lastUsedAt: now },
    });
  }

  return {
    id: row.id,
    name: row.name,
    role: lesserRole(row.role, role),
    accountId: row.accountId,
    accountName: row.account.name,
  };
}
