import { z } from "zod";
import { database } from "@/lib/db";
import { type Invitation, Prisma } from "@/lib/db/generated/client";
import { type Actor, type Role, requireRole } from "../actor";
import { audited } from "../audit";
import { decodeCursor, type Page, toPage } from "../cursor";
import { AppError } from "../errors";
import { inTransaction } from "../transaction";
import { hashPassword, normalEmail, requireGoodPassword } from "../users";
import { addInvitation, refusingTwice } from "./invitations";

/** A person in an account, or one who is invited to it. */
export type MemberView = {
  /** Of an invitation its own id, which becomes the person's where the acceptance makes one. */
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly disabled: boolean;
  readonly lastSignInAt: Date | null;
  /** Since when they are in the account, or invited. */
  readonly createdAt: Date;
  /** True while the invitation waits for its acceptance: they have no access yet. */
  readonly pending: boolean;
  /** When the invitation ends; null for members. */
  readonly invitationExpiresAt: Date | null;
};

const WITH_USER = { user: true } as const;

type MemberRow = Prisma.MembershipGetPayload<{ include: typeof WITH_USER }>;

function toMember({ user, role, createdAt }: MemberRow): MemberView {
  return {
    userId: user.id,
    email: user.email,
    name: user.name,
    role,
    disabled: user.disabledAt !== null,
    lastSignInAt: user.lastSignInAt,
    createdAt,
    pending: false,
    invitationExpiresAt: null,
  };
}

/** Of somebody who is only invited, nothing is told but what the inviting account said itself. */
function toPendingMember({ id, email, name, role, createdAt, expiresAt }: Invitation): MemberView {
  return {
    userId: id,
    email,
    name: name ?? email,
    role,
    disabled: false,
    lastSignInAt: null,
    createdAt,
    pending: true,
    invitationExpiresAt: expiresAt,
  };
}

const memberCursor = z.tuple([z.iso.datetime(), z.uuid()]);

const LIST = `
  SELECT * FROM (
    SELECT u.id AS "userId", u.email, u.name, m.role, u.disabled_at IS NOT NULL AS disabled,
           u.last_sign_in_at AS "lastSignInAt", m.created_at AS "createdAt", false AS pending,
           NULL::timestamptz AS "invitationExpiresAt"
    FROM membership m JOIN "user" u ON u.id = m.user_id WHERE m.account_id = $1
    UNION ALL
    SELECT id, email, COALESCE(name, email), role, false, NULL, created_at, true, expires_at
    FROM invitation WHERE account_id = $1 AND expires_at > now()
  ) member
  WHERE $2::timestamptz IS NULL OR ("createdAt", "userId") > ($2::timestamptz, $3::uuid)
  ORDER BY "createdAt", "userId"
  LIMIT $4`;

/**
 * People of the account and those who are invited to it, in the order they came.
 * @throws AppError FORBIDDEN, INVALID_CURSOR
 */
export async function listMembers(
  actor: Actor,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<MemberView>> {
  requireRole(actor, "administrator");

  const [since, id] = query.cursor === undefined ? [null, null] : decodeCursor(query.cursor, memberCursor);
  const { rows } = await database().pool.query<MemberView>(LIST, [
    actor.accountId,
    since,
    id,
    query.limit + 1,
  ]);

  return toPage(
    rows,
    query.limit,
    (row) => [row.createdAt.toISOString(), row.userId],
    (row) => row,
  );
}

/**
 * Adds a person: an invitation that a first sign-in accepts too, with the password that is given here or by single
 * sign-on. It does so only for an address that nobody has; of people who exist, here or in another account, nothing is
 * told and nothing changes: they accept by the link, signed in as themselves.
 * @param input.password first password, to be changed at the first sign-in; absent for people who only sign in by
 *   single sign-on
 * @returns with it the token of the invitation's link
 * @throws AppError FORBIDDEN, VALIDATION_FAILED for a password that others would guess, NAME_TAKEN when the person is in
 *   the account or invited already
 */
export async function createMember(
  actor: Actor,
  input: { email: string; name: string; role: Role; password?: string | undefined },
): Promise<MemberView & { readonly token: string }> {
  requireRole(actor, "administrator");

  const { name, role, password } = input;
  const email = normalEmail(input.email);

  if (password !== undefined) {
    requireGoodPassword(password, { email, name });
  }

  const passwordHash = password === undefined ? null : await hashPassword(password);
  const action = {
    action: "vmware-solutions.member.create",
    target: { id: email, name: email },
    requestData: { role },
  } as const;

  return audited(actor, action, (done) =>
    refusingTwice(() =>
      inTransaction(async (tx) => {
        const { invitation, token } = await addInvitation(tx, actor, {
          email,
          name,
          role,
          bySignIn: { passwordHash },
        });

        await done(tx, { target: { id: invitation.id, name: email } });

        return { ...toPendingMember(invitation), token };
      }),
    ),
  );
}

const noMember = () => new AppError("NOT_FOUND", "There is no such person in the account.");

/**
 * Locks the account, so that two changes at once cannot each remove the other's last administrator.
 * @returns null for somebody who is only invited
 * @throws AppError NOT_FOUND
 */
async function lockMember(
  tx: Prisma.TransactionClient,
  actor: Actor,
  userId: string,
): Promise<MemberRow | null> {
  const { accountId } = actor;

  await tx.$queryRaw(Prisma.sql`SELECT 1 FROM account WHERE id = ${accountId}::uuid FOR UPDATE`);

  const row = await tx.membership.findUnique({
    where: { accountId_userId: { accountId, userId } },
    include: WITH_USER,
  });

  if (!row && (await tx.invitation.count({ where: { id: userId, ...waiting(accountId) } })) === 0) {
    throw noMember();
  }

  return row;
}

const waiting = (accountId: string) => ({ accountId, expiresAt: { gt: new Date() } });

/** @throws AppError NOT_FOUND where it was accepted meanwhile */
async function updateInvitation(
  tx: Prisma.TransactionClient,
  { accountId }: Actor,
  id: string,
  role: Role,
): Promise<{ readonly before: Role; readonly invitation: Invitation }> {
  const before = await tx.invitation.findFirst({ where: { id, ...waiting(accountId) } });
  const { count } = await tx.invitation.updateMany({ where: { id, ...waiting(accountId) }, data: { role } });

  if (!before || count === 0) {
    throw noMember();
  }

  return { before: before.role, invitation: { ...before, role } };
}

async function requireOtherAdministrator(
  tx: Prisma.TransactionClient,
  actor: Actor,
  userId: string,
): Promise<void> {
  const other = await tx.membership.findFirst({
    where: {
      accountId: actor.accountId,
      role: "administrator",
      userId: { not: userId },
      user: { disabledAt: null },
    },
    select: { userId: true },
  });
  if (!other) {
    throw new AppError(
      "INVALID_STATE",
      "The account would have no administrator left. Name another one first.",
    );
  }
}

/**
 * Changes a person's role; open sessions follow within seconds.
 * @throws AppError FORBIDDEN, NOT_FOUND, INVALID_STATE for the last administrator
 */
export async function updateMember(actor: Actor, userId: string, input: { role: Role }): Promise<MemberView> {
  requireRole(actor, "administrator");

  const action = {
    action: "vmware-solutions.member.update",
    target: { id: userId },
    requestData: { to: input.role },
  } as const;

  return audited(actor, action, (done) =>
    inTransaction(async (tx) => {
      const row = await lockMember(tx, actor, userId);

      if (row === null) {
        const { before, invitation } = await updateInvitation(tx, actor, userId, input.role);
        const { id, email: name } = invitation;

        await done(tx, { target: { id, name }, requestData: { from: before, to: input.role } });

        return toPendingMember(invitation);
      }

      if (row.role === input.role) {
        return toMember(row);
      }

      if (row.role === "administrator") {
        await requireOtherAdministrator(tx, actor, userId);
      }

      const updated = await tx.membership.update({
        where: { accountId_userId: { accountId: actor.accountId, userId } },
        data: { role: input.role },
        include: WITH_USER,
      });
      await done(tx, {
        target: { id: userId, name: row.user.email },
        requestData: { from: row.role, to: input.role },
      });

      return toMember(updated);
    }),
  );
}

/**
 * Removes a person from the account, or takes their invitation back. Their access to this account ends with it, that of
 * their API tokens too; they stay signed in to other accounts, which are not this one's business.
 * @throws AppError FORBIDDEN, NOT_FOUND, INVALID_STATE for the last administrator
 */
export async function removeMember(actor: Actor, userId: string): Promise<void> {
  requireRole(actor, "administrator");

  const action = { action: "vmware-solutions.member.delete", target: { id: userId } } as const;

  await audited(actor, action, (done) =>
    inTransaction(async (tx) => {
      const row = await lockMember(tx, actor, userId);

      if (row === null) {
        const { before, invitation } = await updateInvitation(tx, actor, userId, "viewer");

        await tx.invitation.delete({ where: { id: userId } });
        await done(tx, {
          target: { id: userId, name: invitation.email },
          requestData: { role: before, pending: true },
        });

        return;
      }

      if (row.role === "administrator") {
        await requireOtherAdministrator(tx, actor, userId);
      }

      await tx.membership.delete({ where: { accountId_userId: { accountId: actor.accountId, userId } } });
      await done(tx, {
        target: { id: userId, name: row.user.email },
        requestData: { role: row.role },
      });
    }),
  );
}
