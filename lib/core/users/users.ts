import { database } from "@/lib/db";
import type { Prisma } from "@/lib/db/generated/client";
import type { Role } from "../actor";
import type { Done } from "../audit";
import { inTransaction } from "../transaction";
import { generatePassword, hashPassword, verifyPassword } from "./password";

/** A person with the account that they work in. */
export type SignedInUser = {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly sessionVersion: number;
  readonly accountId: string;
  readonly accountName: string;
  readonly role: Role;
};

const MEMBERSHIP = {
  include: { account: true },
  // Whoever has several accounts works in the first one.
  orderBy: [{ createdAt: "asc" as const }, { accountId: "asc" as const }],
  take: 1,
};

type UserRow = Prisma.UserGetPayload<{ include: { memberships: typeof MEMBERSHIP } }>;

function toSignedInUser(row: UserRow | null): SignedInUser | null {
  const membership = row?.memberships[0];
  if (!row || !membership || row.disabledAt !== null) {
    return null;
  }

  return {
    id: row.id,
    email: row.email,
    name: row.name,
    sessionVersion: row.sessionVersion,
    accountId: membership.accountId,
    accountName: membership.account.name,
    role: membership.role,
  };
}

/** Addresses are compared in lower case. */
export function normalEmail(email: string): string {
  return email.trim().toLowerCase();
}

/** The person with this id, or null when there is none, it is disabled or it is in no account. */
export async function findUser(userId: string): Promise<SignedInUser | null> {
  return toSignedInUser(
    await database().prisma.user.findUnique({ where: { id: userId }, include: { memberships: MEMBERSHIP } }),
  );
}

/** The person with this address, as findUser; for single sign-on, where the provider vouches for the address. */
export async function findUserByEmail(email: string): Promise<SignedInUser | null> {
  return toSignedInUser(
    await database().prisma.user.findUnique({
      where: { email: normalEmail(email) },
      include: { memberships: MEMBERSHIP },
    }),
  );
}

/**
 * Checks address and password. Unknown, disabled and wrong are all null, after the same work.
 */
export async function authenticateUser(credentials: {
  email: string;
  password: string;
}): Promise<SignedInUser | null> {
  const row = await database().prisma.user.findUnique({
    where: { email: normalEmail(credentials.email) },
    include: { memberships: MEMBERSHIP },
  });
  const matches = await verifyPassword(row?.passwordHash ?? null, credentials.password);

  return matches ? toSignedInUser(row) : null;
}

/** Notes that somebody has signed in. */
export async function noteSignIn(userId: string, done: Done): Promise<void> {
  await inTransaction(async (tx) => {
    await tx.user.update({ where: { id: userId }, data: { lastSignInAt: new Date() } });
    await done(tx);
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
        update: { passwordHash, disabledAt: null, sessionVersion: { increment: 1 } },
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
