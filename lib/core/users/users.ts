import { database } from "@/lib/db";
import type { Actor, Role } from "../actor";
import { audited, type Done } from "../audit";
import { AppError } from "../errors";
import { inTransaction } from "../transaction";
import { generatePassword, hashPassword, verifyPassword } from "./password";
import { requireGoodPassword } from "./password-policy";
import { endSessionsOf, openSession, type SignInMethod } from "./sessions";

/** Somebody who may sign in, and where that belongs. */
export type Person = {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly sessionVersion: number;
  /** The account that they work in at first, or, of somebody who is in none, one that has invited them. */
  readonly accountId: string;
  /** Their role there; an invitation is none. */
  readonly role: Role;
};

/** Somebody whose password fits: a person, or one who becomes a person by accepting an invitation so. */
export type Proof =
  | { readonly kind: "person"; readonly userId: string }
  | { readonly kind: "invited"; readonly invitationId: string };

/** Passwords of invitations that are tried for one address: each takes its time. */
const MAX_TRIED = 3;

/** Addresses are compared in lower case. */
export function normalEmail(email: string): string {
  return email.trim().toLowerCase();
}

/**
 * The person with this id or address, or null when there is none who may sign in so: disabled, or neither in an account
 * nor invited to one.
 */
export async function findPerson(
  who: { readonly id: string } | { readonly email: string },
  method: SignInMethod,
): Promise<Person | null> {
  const { prisma } = database();
  const user = await prisma.user.findUnique({
    where: "id" in who ? who : { email: normalEmail(who.email) },
    include: {
      memberships: {
        where: { OR: [{ signInMethod: null }, { signInMethod: method }] },
        // Whoever has several accounts works in the first one.
        orderBy: [{ createdAt: "asc" }, { accountId: "asc" }],
        take: 1,
      },
    },
  });

  if (!user || user.disabledAt !== null) {
    return null;
  }

  const { id, email, name, sessionVersion } = user;
  const [membership] = user.memberships;
  const accountId = membership?.accountId ?? (await invitingAccount(email));

  return accountId === null
    ? null
    : { id, email, name, sessionVersion, accountId, role: membership?.role ?? "viewer" };
}

/** The account that has invited an address which nobody here has; null for none. */
export async function invitingStranger(email: string): Promise<string | null> {
  const known = await database().prisma.user.findUnique({ where: { email }, select: { id: true } });

  return known ? null : invitingAccount(email);
}

/** The account that has invited an address, the first of several; null for none. */
async function invitingAccount(email: string): Promise<string | null> {
  const invitation = await database().prisma.invitation.findFirst({
    where: { email, expiresAt: { gt: new Date() } },
    orderBy: [{ createdAt: "asc" }, { id: "asc" }],
    select: { accountId: true },
  });

  return invitation?.accountId ?? null;
}

/**
 * Checks address and password. Unknown, disabled and wrong are all null, after the same work. Passwords of invitations
 * count only where nobody has the address: somebody who exists is opened by their own password and by nothing else.
 */
export async function authenticateUser(credentials: {
  email: string;
  password: string;
}): Promise<Proof | null> {
  const { prisma } = database();
  const email = normalEmail(credentials.email);
  const user = await prisma.user.findUnique({ where: { email } });

  if (user) {
    const matches = await verifyPassword(user.passwordHash, credentials.password);

    return matches && user.disabledAt === null ? { kind: "person", userId: user.id } : null;
  }

  const invitations = await prisma.invitation.findMany({
    where: { email, bySignIn: true, passwordHash: { not: null }, expiresAt: { gt: new Date() } },
    orderBy: [{ createdAt: "asc" }, { id: "asc" }],
    take: MAX_TRIED,
    select: { id: true, passwordHash: true },
  });

  for (const { id, passwordHash } of invitations) {
    if (await verifyPassword(passwordHash, credentials.password)) {
      return { kind: "invited", invitationId: id };
    }
  }

  if (invitations.length === 0) {
    await verifyPassword(null, credentials.password);
  }

  return null;
}

/**
 * Notes that somebody has signed in, and makes their session.
 * @param newPerson of somebody whom this deployment does not know yet: they are in no account
 * @returns the id of the session
 */
export async function noteSignIn(
  session: Parameters<typeof openSession>[1],
  done: Done,
  newPerson: { readonly email: string; readonly name: string } | null = null,
): Promise<string> {
  return inTransaction(async (tx) => {
    if (newPerson) {
      await tx.user.create({ data: { id: session.userId, ...newPerson } });
    }

    await tx.user.update({ where: { id: session.userId }, data: { lastSignInAt: new Date() } });

    const id = await openSession(tx, session);

    await done(tx);

    return id;
  });
}

/**
 * Gives the actor another password, which from then on nobody else knows; their other sessions end.
 * @param change.sessionId the session that goes on
 * @throws AppError FORBIDDEN for a token, CONFIRMATION_MISMATCH when the current password is wrong, VALIDATION_FAILED for one
 *   that others would guess, INVALID_STATE for people who have none
 */
export async function changePassword(
  actor: Actor,
  change: {
    readonly currentPassword: string;
    readonly newPassword: string;
    readonly sessionId: string | null;
  },
): Promise<void> {
  if (actor.kind !== "user") {
    throw new AppError("FORBIDDEN", "Only people have passwords.");
  }

  const { prisma } = database();
  const action = {
    action: "vmware-solutions.password.update",
    target: { id: actor.id, name: actor.name },
  } as const;

  await audited(actor, action, async (done) => {
    const user = await prisma.user.findUniqueOrThrow({ where: { id: actor.id } });

    if (user.passwordHash === null) {
      throw new AppError("INVALID_STATE", "You sign in by single sign-on and have no password here.");
    }

    if (!(await verifyPassword(user.passwordHash, change.currentPassword))) {
      throw mismatch("currentPassword", "is wrong", "The current password is wrong.");
    }

    requireGoodPassword(change.newPassword, user, "newPassword");

    if (change.newPassword === change.currentPassword) {
      throw mismatch("newPassword", "is the present one", "The new password is the present one.");
    }

    const passwordHash = await hashPassword(change.newPassword);

    await inTransaction(async (tx) => {
      // Whoever has changed it meanwhile may have done so to keep this very caller out.
      const { count } = await tx.user.updateMany({
        where: { id: user.id, passwordHash: user.passwordHash },
        data: { passwordHash, passwordGiven: false },
      });

      if (count === 0) {
        throw new AppError("CHANGED_MEANWHILE", "The password was changed meanwhile.");
      }

      const ended = await endSessionsOf(tx, user.id, change.sessionId);

      await done(tx, { responseData: { sessionsEnded: ended } });
    });
  });
}

function mismatch(name: string, reason: string, message: string): AppError {
  return new AppError("CONFIRMATION_MISMATCH", message, {
    invalidParams: [{ name, code: "CONFIRMATION_MISMATCH", reason }],
  });
}

/** The account that came first: the one that the command line works in. Null before the first start. */
export async function firstAccount(): Promise<{ id: string; name: string } | null> {
  return database().prisma.account.findFirst({
    orderBy: [{ createdAt: "asc" }, { id: "asc" }],
    select: { id: true, name: true },
  });
}

const FIRST_ACCOUNT_NAME = "My account";
/** Any fixed number: several processes may start at once, one of them makes the account. */
const ADVISORY_LOCK = 72_707_370;

/**
 * Makes the first account and its administrator, if there is no administrator yet.
 * @param options.password taken only when the person is made now; without one a password is generated
 * @returns the first administrator's address, and the generated password the one time that it is known
 */
export async function ensureFirstAdministrator(options: {
  email: string;
  password?: string | undefined;
}): Promise<{ email: string; generatedPassword: string | null }> {
  return inTransaction(
    async (tx) => {
      const existing = await tx.membership.findFirst({
        where: { role: "administrator", user: { disabledAt: null } },
        orderBy: [{ createdAt: "asc" }, { userId: "asc" }],
        include: { user: true },
      });
      if (existing) {
        return { email: existing.user.email, generatedPassword: null };
      }

      const email = normalEmail(options.email);
      const account =
        (await tx.account.findFirst({ orderBy: [{ createdAt: "asc" }, { id: "asc" }] })) ??
        (await tx.account.create({ data: { name: FIRST_ACCOUNT_NAME } }));
      const generatedPassword = options.password === undefined ? generatePassword() : null;
      const passwordHash = await hashPassword(options.password ?? generatedPassword ?? "");
      const user = await tx.user.upsert({
        where: { email },
        create: { email, name: "Administrator", passwordHash },
        update: { passwordHash, passwordGiven: false, disabledAt: null, sessionVersion: { increment: 1 } },
      });
      await tx.membership.upsert({
        where: { accountId_userId: { accountId: account.id, userId: user.id } },
        create: { accountId: account.id, userId: user.id, role: "administrator" },
        update: { role: "administrator" },
      });

      return { email, generatedPassword };
    },
    { lock: ADVISORY_LOCK },
  );
}
