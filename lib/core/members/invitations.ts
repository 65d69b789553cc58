import { createHash, randomBytes } from "node:crypto";
import { database } from "@/lib/db";
import type { Invitation } from "@/lib/db/generated/client";
import { type Actor, type Role, requireRole } from "../actor";
import { audited, type Done } from "../audit";
import { AppError } from "../errors";
import { isMadeByAdministrator, makerOf } from "../tokens";
import { inTransaction, type Transaction } from "../transaction";
import { uniqueViolation } from "../unique-violation";
import { hashPassword, normalEmail, requireGoodPassword, type Session, type SignInMethod } from "../users";

const DAY_MS = 86_400_000;
const VALID_DAYS = 7;
/** 32 random bytes in base64url. */
const TOKEN_PATTERN = /^[A-Za-z0-9_-]{43}$/;

/** An invitation that waits for its acceptance. */
export type InvitationView = Pick<Invitation, "id" | "email" | "name" | "role" | "createdAt" | "expiresAt">;

/** What whoever holds a link may know of it. */
export type OpenInvitation = InvitationView & { readonly accountId: string; readonly accountName: string };

/** What of a row may be shown: never what its link and its password are proved by. */
function viewOf({ id, email, name, role, createdAt, expiresAt }: Invitation): InvitationView {
  return { id, email, name, role, createdAt, expiresAt };
}

type NewInvitation = {
  readonly email: string;
  readonly name?: string | undefined;
  readonly role: Role;
  /** A first sign-in accepts it too: with this password, or by OIDC where there is none. */
  readonly bySignIn?: { readonly passwordHash: string | null };
};

type From = Pick<Actor, "remoteAddress" | "userAgent" | "requestId">;

// 256 random bits: a fast hash is enough, there is nothing to guess.
function hashToken(token: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(token).digest());
}

const valid = () => ({ expiresAt: { gt: new Date() } });
const notHere = () =>
  new AppError(
    "NOT_FOUND",
    "This invitation does not exist, or no longer: it was used, taken back or replaced.",
  );

/** @throws AppError NAME_TAKEN */
function memberAlready(cause?: unknown): AppError {
  return new AppError("NAME_TAKEN", "This person is in the account already.", {
    invalidParams: [{ name: "email", code: "NAME_TAKEN", reason: "is in the account already" }],
    cause,
  });
}

/**
 * Writes an invitation into a transaction. Nothing is asked or told of people outside of the account.
 * @throws AppError NAME_TAKEN for a member; unique violation where somebody is invited already
 */
export async function addInvitation(
  tx: Transaction,
  actor: Actor,
  { email, name, role, bySignIn }: NewInvitation,
): Promise<{ readonly invitation: Invitation; readonly token: string }> {
  const token = randomBytes(32).toString("base64url");
  const member = await tx.membership.findFirst({
    where: { accountId: actor.accountId, user: { email } },
    select: { userId: true },
  });

  if (member) {
    throw memberAlready();
  }

  await tx.invitation.deleteMany({
    where: { accountId: actor.accountId, email, expiresAt: { lte: new Date() } },
  });

  const invitation = await tx.invitation.create({
    data: {
      accountId: actor.accountId,
      email,
      name: name ?? null,
      role,
      tokenHash: hashToken(token),
      bySignIn: bySignIn !== undefined,
      passwordHash: bySignIn?.passwordHash ?? null,
      createdBy: actor.name,
      makerId: await makerOf(tx, actor),
      expiresAt: new Date(Date.now() + VALID_DAYS * DAY_MS),
    },
  });

  return { invitation, token };
}

/** Turns the violation of a race, or of a second invitation, into what it means. */
export async function refusingTwice<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw uniqueViolation(error) === null ? error : memberAlready(error);
  }
}

/**
 * Invites somebody by their address. Nobody gets in, and nobody of elsewhere is changed, before the person accepts. An
 * invitation that waits already is replaced: the link of before is worth nothing any more.
 * @returns with it the token of its link, which is kept nowhere
 * @throws AppError FORBIDDEN, NAME_TAKEN for a member of the account
 */
export async function createInvitation(
  actor: Actor,
  input: { readonly email: string; readonly name?: string | undefined; readonly role: Role },
): Promise<InvitationView & { readonly token: string }> {
  requireRole(actor, "administrator");

  const email = normalEmail(input.email);
  const action = {
    action: "vmware-solutions.invitation.create",
    target: { id: email, name: email },
    requestData: { role: input.role },
  } as const;

  return audited(actor, action, (done) =>
    refusingTwice(() =>
      inTransaction(async (tx) => {
        await tx.invitation.deleteMany({ where: { accountId: actor.accountId, email } });

        const { invitation, token } = await addInvitation(tx, actor, { ...input, email });

        await done(tx, { target: { id: invitation.id, name: email } });

        return { ...viewOf(invitation), token };
      }),
    ),
  );
}

/** The invitation of a link, or null when it is none or no longer one. */
export async function findInvitation(token: string): Promise<OpenInvitation | null> {
  if (!TOKEN_PATTERN.test(token)) {
    return null;
  }

  const row = await database().prisma.invitation.findFirst({
    where: { tokenHash: hashToken(token), ...valid() },
    include: { account: { select: { name: true } } },
  });

  return row && { ...viewOf(row), accountId: row.accountId, accountName: row.account.name };
}

function acceptingActor(invitation: Invitation, person: { id: string }, from: From): Actor {
  const { accountId, email, role } = invitation;

  return { kind: "user", id: person.id, name: email, accountId, role, ...from };
}

/**
 * Makes the membership and takes the invitation away, once however many try.
 * @param changes.newPerson of somebody whom this deployment does not know yet
 * @throws AppError NOT_FOUND, NAME_TAKEN
 */
async function accept(
  invitation: Invitation,
  changes: {
    readonly actor: Actor;
    readonly userId: string;
    readonly method: SignInMethod | null;
    readonly newPerson?: { name: string; passwordHash: string | null; passwordGiven: boolean };
    readonly sessionId?: string;
  },
): Promise<void> {
  const { actor, userId, method, newPerson, sessionId } = changes;
  const { id, accountId, email, role, tokenHash } = invitation;
  const action = {
    action: "vmware-solutions.invitation.accept",
    target: { id: userId, name: email },
    requestData: { role, invitedBy: invitation.createdBy },
  } as const;

  async function makeMember(tx: Transaction, done: Done): Promise<void> {
    const { count } = await tx.invitation.deleteMany({ where: { id, tokenHash, ...valid() } });

    if (count === 0 || !(await isMadeByAdministrator(tx, accountId, invitation.makerId))) {
      throw notHere();
    }

    if (newPerson) {
      await tx.user.create({ data: { id: userId, email, ...newPerson } });
    }

    await tx.membership.create({
      // Whoever came by single sign-on may not be the one who chose the password of this address.
      data: { accountId, userId, role, signInMethod: method === "oidc" ? "oidc" : null },
    });

    if (sessionId !== undefined) {
      await tx.userSession.update({ where: { id: sessionId }, data: { accountId } });
    }

    await done(tx);
  }

  await audited(actor, action, (done) => refusingTwice(() => inTransaction((tx) => makeMember(tx, done))));
}

async function invitationOf(token: string): Promise<Invitation> {
  const found = TOKEN_PATTERN.test(token)
    ? await database().prisma.invitation.findFirst({ where: { tokenHash: hashToken(token), ...valid() } })
    : null;

  if (!found) {
    throw notHere();
  }

  return found;
}

/**
 * Accepts an invitation as the person of a session; it works in the account of the invitation from then on.
 * @throws AppError NOT_FOUND, FORBIDDEN when it is for another address, NAME_TAKEN for a member, PASSWORD_CHANGE_REQUIRED
 */
export async function acceptInvitation(token: string, session: Session, from: From): Promise<OpenInvitation> {
  const invitation = await invitationOf(token);
  const { person, method, id: sessionId } = session;

  // Whoever gave the password would get into this account too.
  if (session.passwordGiven) {
    throw new AppError("PASSWORD_CHANGE_REQUIRED", "Choose a password of your own first: POST /me/password.");
  }

  if (person.email !== invitation.email) {
    throw new AppError(
      "FORBIDDEN",
      `This invitation is for ${invitation.email}; you are signed in as ${person.email}.`,
    );
  }

  await accept(invitation, {
    actor: acceptingActor(invitation, person, from),
    userId: person.id,
    method,
    sessionId,
  });

  return opened(invitation);
}

/**
 * Accepts an invitation as somebody whom this deployment does not know yet, with a name and a password of their own.
 * @throws AppError NOT_FOUND, VALIDATION_FAILED for a password that others would guess, UNAUTHENTICATED when there is
 *   somebody with this address, who has to sign in first
 */
export async function acceptAsNewPerson(
  token: string,
  input: { readonly name: string; readonly password: string },
  from: From,
): Promise<OpenInvitation> {
  const invitation = await invitationOf(token);
  const { email } = invitation;

  requireGoodPassword(input.password, { email, name: input.name });

  const passwordHash = await hashPassword(input.password);

  if (await database().prisma.user.findUnique({ where: { email }, select: { id: true } })) {
    throw new AppError(
      "UNAUTHENTICATED",
      "Sign in with the address of the invitation, then open its link again.",
    );
  }

  await accept(invitation, {
    actor: acceptingActor(invitation, invitation, from),
    userId: invitation.id,
    method: null,
    newPerson: { name: input.name, passwordHash, passwordGiven: false },
  });

  return opened(invitation);
}

/**
 * Accepts an invitation by a first sign-in of somebody whom this deployment does not know yet (POST /members): with the
 * password that came with it, which an administrator knows, or by OIDC.
 * @returns the id of the person; null when there is nothing to accept so
 */
export async function acceptBySignIn(
  by: { readonly invitationId: string } | { readonly email: string },
  from: From,
): Promise<string | null> {
  const { prisma } = database();
  const invitation = await prisma.invitation.findFirst({
    where: {
      bySignIn: true,
      ...valid(),
      ...("invitationId" in by
        ? { id: by.invitationId }
        : { email: normalEmail(by.email), passwordHash: null }),
    },
    orderBy: [{ createdAt: "asc" }, { id: "asc" }],
  });

  if (
    !invitation ||
    (await prisma.user.findUnique({ where: { email: invitation.email }, select: { id: true } }))
  ) {
    return null;
  }

  const { id, email, name, passwordHash } = invitation;

  await accept(invitation, {
    actor: acceptingActor(invitation, invitation, from),
    userId: id,
    method: null,
    newPerson: { name: name ?? email, passwordHash, passwordGiven: passwordHash !== null },
  });

  return id;
}

async function opened(invitation: Invitation): Promise<OpenInvitation> {
  const { name } = await database().prisma.account.findUniqueOrThrow({
    where: { id: invitation.accountId },
    select: { name: true },
  });

  return { ...viewOf(invitation), accountId: invitation.accountId, accountName: name };
}

/** Takes away invitations whose time is over; for a worker, every hour or so. */
export async function forgetInvitations(): Promise<void> {
  await database().prisma.invitation.deleteMany({ where: { expiresAt: { lt: new Date() } } });
}
