import { z } from "zod";
import { database } from "@/lib/db";
import { Prisma } from "@/lib/db/generated/client";
import { type Actor, type Role, requireRole } from "../actor";
import { audited, type Done } from "../audit";
import { decodeCursor, type Page, toPage } from "../cursor";
import { AppError } from "../errors";
import { inTransaction } from "../transaction";
import { uniqueViolation } from "../unique-violation";
import { hashPassword, normalEmail } from "../users";

/** A person in an account. */
export type MemberView = {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly disabled: boolean;
  readonly lastSignInAt: Date | null;
  /** Since when they are in the account. */
  readonly createdAt: Date;
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
  };
}

const memberCursor = z.tuple([z.iso.datetime(), z.uuid()]);

/**
 * People of the account, in the order they came.
 * @throws AppError FORBIDDEN, INVALID_CURSOR
 */
export async function listMembers(
  actor: Actor,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<MemberView>> {
  requireRole(actor, "administrator");

  const after = query.cursor === undefined ? null : decodeCursor(query.cursor, memberCursor);
  const rows = await database().prisma.membership.findMany({
    where: {
      accountId: actor.accountId,
      ...(after === null
        ? {}
        : {
            OR: [
              { createdAt: { gt: new Date(after[0]) } },
              { createdAt: new Date(after[0]), userId: { gt: after[1] } },
            ],
          }),
    },
    orderBy: [{ createdAt: "asc" }, { userId: "asc" }],
    take: query.limit + 1,
    include: WITH_USER,
  });

  return toPage(rows, query.limit, (row) => [row.createdAt.toISOString(), row.userId], toMember);
}

/**
 * Adds a person. Somebody who is known to this deployment already keeps name and password: an administrator of one
 * account has no say over them.
 * @param input.password first password; absent for people who only sign in by single sign-on
 * @throws AppError FORBIDDEN, NAME_TAKEN when the person is in the account already
 */
export async function createMember(
  actor: Actor,
  input: { email: string; name: string; role: Role; password?: string | undefined },
): Promise<MemberView> {
  requireRole(actor, "administrator");

  const email = normalEmail(input.email);
  const passwordHash = input.password === undefined ? null : await hashPassword(input.password);

  return audited(
    actor,
    {
      action: "vmware-solutions.member.create",
      target: { id: email, name: email },
      requestData: { role: input.role },
    },
    async (done) => {
      try {
        return await addMember(actor, { ...input, email, passwordHash }, done);
      } catch (error) {
        if (uniqueViolation(error) === null) {
          throw error;
        }
        throw new AppError("NAME_TAKEN", "This person is in the account already.", {
          invalidParams: [{ name: "email", code: "NAME_TAKEN", reason: "is in the account already" }],
          cause: error,
        });
      }
    },
  );
}

function addMember(
  actor: Actor,
  {
    email,
    name,
    role,
    passwordHash,
  }: { email: string; name: string; role: Role; passwordHash: string | null },
  done: Done,
): Promise<MemberView> {
  return inTransaction(async (tx) => {
    const user = await tx.user.upsert({
      where: { email },
      create: { email, name, passwordHash },
      update: {},
    });
    const row = await tx.membership.create({
      data: { accountId: actor.accountId, userId: user.id, role },
      include: WITH_USER,
    });
    await done(tx, { target: { id: user.id, name: email } });

    return toMember(row);
  });
}

/** Locks the account, so that two changes at once cannot each remove the other's last administrator. */
async function lockMember(tx: Prisma.TransactionClient, actor: Actor, userId: string): Promise<MemberRow> {
  await tx.$queryRaw(Prisma.sql`SELECT 1 FROM account WHERE id = ${actor.accountId}::uuid FOR UPDATE`);

  const row = await tx.membership.findUnique({
    where: { accountId_userId: { accountId: actor.accountId, userId } },
    include: WITH_USER,
  });
  if (!row) {
    throw new AppError("NOT_FOUND", "There is no such person in the account.");
  }

  return row;
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
 * Removes a person from the account and ends their sessions.
 * @throws AppError FORBIDDEN, NOT_FOUND, INVALID_STATE for the last administrator
 */
export async function removeMember(actor: Actor, userId: string): Promise<void> {
  requireRole(actor, "administrator");

  const action = { action: "vmware-solutions.member.delete", target: { id: userId } } as const;

  await audited(actor, action, (done) =>
    inTransaction(async (tx) => {
      const row = await lockMember(tx, actor, userId);
      if (row.role === "administrator") {
        await requireOtherAdministrator(tx, actor, userId);
      }

      await tx.membership.delete({ where: { accountId_userId: { accountId: actor.accountId, userId } } });
      await tx.user.update({ where: { id: userId }, data: { sessionVersion: { increment: 1 } } });
      await done(tx, {
        target: { id: userId, name: row.user.email },
        requestData: { role: row.role },
      });
    }),
  );
}
