import { z } from "zod";
import { database } from "@/lib/db";
import type { Actor, Role } from "../actor";
import { audited } from "../audit";
import { decodeCursor, type Page, toPage } from "../cursor";
import { AppError } from "../errors";
import { inTransaction, type Transaction } from "../transaction";

/** How somebody proves who they are. */
export type SignInMethod = "password" | "oidc";

/** A session ends so long after the sign-in, used or not. */
export const SESSION_SECONDS = 12 * 3600;
/** So often the time at which a session was last seen is written. */
const SEEN_GRANULARITY_MS = 60_000;

/** Who is signed in, and the account that they work in now. */
export type Session = {
  readonly id: string;
  readonly method: SignInMethod;
  readonly person: { readonly id: string; readonly email: string; readonly name: string };
  /** Somebody else knows the password that opened it: all that it may do is to change that. */
  readonly passwordGiven: boolean;
  /** Null for somebody who is in none, e.g. before they accept an invitation. */
  readonly account: { readonly id: string; readonly name: string; readonly role: Role } | null;
};

export type SessionView = {
  readonly id: string;
  readonly method: string;
  readonly address: string | null;
  readonly agent: string | null;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
};

type SessionRow = {
  method: SignInMethod;
  userId: string;
  email: string;
  name: string;
  passwordGiven: boolean;
  lastSeenAt: Date;
  accountId: string | null;
  accountName: string | null;
  role: Role | null;
};

// Which account: the one that was chosen, else the first one, of those that this way of signing in opens.
const FIND = `
  SELECT s.method, u.id AS "userId", u.email, u.name, u.password_given AS "passwordGiven",
         s.last_seen_at AS "lastSeenAt", m.account_id AS "accountId", m.name AS "accountName", m.role
  FROM user_session s
  JOIN "user" u ON u.id = s.user_id
  LEFT JOIN LATERAL (
    SELECT m.account_id, m.role, a.name FROM membership m JOIN account a ON a.id = m.account_id
    WHERE m.user_id = u.id AND (m.sign_in_method IS NULL OR m.sign_in_method = s.method)
    ORDER BY m.account_id = s.account_id DESC NULLS LAST, m.created_at, m.account_id
    LIMIT 1
  ) m ON true
  WHERE s.id = $1 AND s.user_id = $2 AND u.session_version = $3 AND u.disabled_at IS NULL AND s.expires_at > now()`;

/**
 * The session that a cookie refers to, or null when it has ended. Asked of the database at every request, so that the
 * end of a session or a membership counts at once in every process.
 */
export async function findSession(claims: {
  readonly sessionId: string;
  readonly userId: string;
  readonly sessionVersion: number;
}): Promise<Session | null> {
  const { pool, prisma } = database();
  const { sessionId: id, userId, sessionVersion } = claims;
  const { rows } = await pool.query<SessionRow>(FIND, [id, userId, sessionVersion]);
  const [row] = rows;

  if (!row) {
    return null;
  }

  const stale = new Date(Date.now() - SEEN_GRANULARITY_MS);

  if (row.lastSeenAt < stale) {
    await prisma.userSession.updateMany({
      where: { id, lastSeenAt: { lt: stale } },
      data: { lastSeenAt: new Date() },
    });
  }

  return {
    id,
    method: row.method,
    person: { id: row.userId, email: row.email, name: row.name },
    passwordGiven: row.passwordGiven && row.method === "password",
    account:
      row.accountId === null || row.accountName === null || row.role === null
        ? null
        : { id: row.accountId, name: row.accountName, role: row.role },
  };
}

/** Makes a session of somebody who has proved who they are. @returns its id */
export async function openSession(
  tx: Transaction,
  session: {
    readonly userId: string;
    readonly method: SignInMethod;
    readonly accountId?: string | null;
    readonly from: Pick<Actor, "remoteAddress" | "userAgent">;
  },
): Promise<string> {
  const { userId, method, accountId = null, from } = session;
  const { id } = await tx.userSession.create({
    data: {
      userId,
      method,
      accountId,
      address: from.remoteAddress,
      agent: from.userAgent,
      expiresAt: new Date(Date.now() + SESSION_SECONDS * 1_000),
    },
    select: { id: true },
  });

  return id;
}

const noSession = () => new AppError("NOT_FOUND", "There is no such session.");

const sessionCursor = z.tuple([z.uuid()]);

/** The actor's own sessions that have not ended, newest first; of a token, none. @throws AppError INVALID_CURSOR */
export async function listSessions(
  actor: Actor,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<SessionView>> {
  const [below] = query.cursor === undefined ? [undefined] : decodeCursor(query.cursor, sessionCursor);
  const rows =
    actor.kind === "user"
      ? await database().prisma.userSession.findMany({
          where: {
            userId: actor.id,
            expiresAt: { gt: new Date() },
            ...(below === undefined ? {} : { id: { lt: below } }),
          },
          orderBy: { id: "desc" },
          take: query.limit + 1,
        })
      : [];

  return toPage(
    rows,
    query.limit,
    (row) => [row.id],
    ({ id, method, address, agent, createdAt, lastSeenAt, expiresAt }) => {
      return { id, method, address, agent, createdAt, lastSeenAt, expiresAt };
    },
  );
}

/**
 * Ends one of the actor's own sessions: its cookie is worth nothing from now on, wherever it is.
 * @throws AppError NOT_FOUND, also for somebody else's
 */
export async function endSession(actor: Actor, sessionId: string): Promise<void> {
  const action = {
    action: "vmware-solutions.session.delete",
    target: { id: actor.id, name: actor.name },
    requestData: { sessionId },
  } as const;

  if (actor.kind !== "user") {
    throw noSession();
  }

  await audited(actor, action, (done) =>
    inTransaction(async (tx) => {
      const { count } = await tx.userSession.deleteMany({ where: { id: sessionId, userId: actor.id } });

      if (count === 0) {
        throw noSession();
      }

      await done(tx);
    }),
  );
}

/** Ends all of the actor's own sessions but one. */
export async function endOtherSessions(actor: Actor, kept: string | null): Promise<void> {
  const action = {
    action: "vmware-solutions.session.delete",
    target: { id: actor.id, name: actor.name },
  } as const;

  if (actor.kind !== "user") {
    return;
  }

  await audited(actor, action, (done) =>
    inTransaction(async (tx) => {
      const ended = await endSessionsOf(tx, actor.id, kept);

      if (ended > 0) {
        await done(tx, { responseData: { ended } });
      }
    }),
  );
}

/** Ends the sessions of a person, but one where that is given. @returns how many */
export async function endSessionsOf(tx: Transaction, userId: string, kept: string | null): Promise<number> {
  const { count } = await tx.userSession.deleteMany({
    where: { userId, ...(kept === null ? {} : { id: { not: kept } }) },
  });

  return count;
}

/** An account that a session can work in. */
export type AccountChoice = { readonly id: string; readonly name: string; readonly role: Role };

const opened = (method: SignInMethod) => ({ OR: [{ signInMethod: null }, { signInMethod: method }] });

/** The accounts of the person of a session, the first one first. */
export async function listAccounts({ person, method }: Session): Promise<AccountChoice[]> {
  const rows = await database().prisma.membership.findMany({
    where: { userId: person.id, ...opened(method) },
    orderBy: [{ createdAt: "asc" }, { accountId: "asc" }],
    include: { account: { select: { name: true } } },
  });

  return rows.map(({ accountId: id, role, account: { name } }) => ({ id, name, role }));
}

/**
 * Lets a session work in another of its person's accounts from the next request on.
 * @throws AppError NOT_FOUND for an account that they are not in
 */
export async function chooseAccount(
  actor: Actor,
  session: Session,
  accountId: string,
): Promise<AccountChoice> {
  const action = {
    action: "vmware-solutions.session.update",
    target: { id: actor.id, name: actor.name },
    requestData: { accountId },
  } as const;

  return audited(actor, action, (done) =>
    inTransaction(async (tx) => {
      const membership = await tx.membership.findFirst({
        where: { userId: session.person.id, accountId, ...opened(session.method) },
        include: { account: { select: { name: true } } },
      });

      if (!membership) {
        throw new AppError("NOT_FOUND", "There is no such account.");
      }

      await tx.userSession.update({ where: { id: session.id }, data: { accountId } });
      await done(tx);

      return { id: accountId, name: membership.account.name, role: membership.role };
    }),
  );
}

/** Takes away what is left of sessions whose time is over; for a worker, every hour or so. */
export async function forgetEndedSessions(): Promise<void> {
  await database().prisma.userSession.deleteMany({ where: { expiresAt: { lt: new Date() } } });
}
