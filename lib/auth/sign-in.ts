import { randomUUID } from "node:crypto";
import type { JWT } from "next-auth/jwt";
import type { Actor } from "@/lib/core/actor";
import { audited } from "@/lib/core/audit";
import { AppError } from "@/lib/core/errors";
import { acceptBySignIn } from "@/lib/core/members";
import {
  authenticateUser,
  endSession,
  findPerson,
  findSession,
  invitingStranger,
  normalEmail,
  noteSignIn,
  type Person,
  type SignInMethod,
} from "@/lib/core/users";
import { countSignIn, forgiveSignIn } from "./rate-limits";
import { recordRefusal } from "./record-refusal";
import type { RequestFacts } from "./request-facts";

const MAX_EMAIL = 200;
const MAX_PASSWORD = 1_024;

/** Somebody with the session that they have just opened. */
export type SignedIn = Pick<Person, "id" | "email" | "name" | "sessionVersion"> & {
  readonly sessionId: string;
};

function actorOf({ id, email, accountId, role }: Person, facts: RequestFacts): Actor {
  return { kind: "user", id, name: email, accountId, role, ...facts };
}

async function openSessionFor(
  person: Person,
  method: SignInMethod,
  facts: RequestFacts,
  isNew = false,
): Promise<SignedIn> {
  const { id, email, name, sessionVersion } = person;
  const action = {
    action: "vmware-solutions.session.create",
    target: { id, name: email },
    requestData: { method },
  } as const;
  const sessionId = await audited(actorOf(person, facts), action, (done) =>
    noteSignIn({ userId: id, method, from: facts }, done, isNew ? { email, name } : null),
  );

  return { id, email, name, sessionVersion, sessionId };
}

async function refuseSignIn(email: string, facts: RequestFacts, error: AppError): Promise<void> {
  const known = await findPerson({ email }, "password");
  await recordRefusal(facts, {
    action: "vmware-solutions.session.create",
    target: { id: known?.id ?? email, name: email },
    error,
    name: email,
    accountId: known?.accountId ?? null,
  });
}

/** The person whom a right password opens, after the acceptance that it may be. */
async function personByPassword(
  credentials: { email: string; password: string },
  facts: RequestFacts,
): Promise<Person | null> {
  const proof = credentials.password.length > MAX_PASSWORD ? null : await authenticateUser(credentials);
  if (proof === null) {
    return null;
  }

  const id = proof.kind === "person" ? proof.userId : await acceptBySignIn(proof, facts);

  return id === null ? null : findPerson({ id }, "password");
}

/**
 * Signs somebody in with address and password. Success and refusal are audit events, written before this returns.
 * @returns null when the two do not fit, whatever the reason
 * @throws AppError RATE_LIMITED, AUDIT_UNAVAILABLE
 */
export async function signInWithPassword(
  credentials: { email: unknown; password: unknown },
  facts: RequestFacts,
): Promise<SignedIn | null> {
  const { email: given, password } = credentials;
  if (typeof given !== "string" || typeof password !== "string") {
    return null;
  }

  // PostgreSQL takes no NUL in text; no address has control characters.
  const email = normalEmail(given)
    .replace(/[\p{Cc}\p{Cs}]/gu, "\uFFFD")
    .slice(0, MAX_EMAIL);
  // Before the password is looked at: guesses that come at once are all counted.
  await countSignIn(facts.remoteAddress, email);

  const person = await personByPassword({ email, password }, facts);
  if (person === null) {
    await refuseSignIn(email, facts, new AppError("UNAUTHENTICATED", "Address or password is wrong."));

    return null;
  }

  await forgiveSignIn(facts.remoteAddress, email);

  return openSessionFor(person, "password", facts);
}

/** Somebody whom an account has invited by link: they become a person here, and are in no account before they accept. */
async function newPerson(email: string, name: string | null): Promise<Person | null> {
  const accountId = await invitingStranger(email);

  return accountId === null
    ? null
    : { id: randomUUID(), email, name: name ?? email, sessionVersion: 1, accountId, role: "viewer" };
}

/**
 * Signs somebody in whom the single sign-on provider vouches for. Only people whom an administrator has added or invited.
 * @returns null for others
 */
export async function signInWithProvider(
  profile: { email: string | null; emailVerified: boolean; name: string | null },
  facts: RequestFacts,
): Promise<SignedIn | null> {
  const email = profile.email === null ? null : normalEmail(profile.email).slice(0, MAX_EMAIL);

  if (email !== null && profile.emailVerified) {
    const id = await acceptBySignIn({ email }, facts);
    const known = await findPerson(id === null ? { email } : { id }, "oidc");

    if (known !== null) {
      return openSessionFor(known, "oidc", facts);
    }

    const invited = await newPerson(email, profile.name);

    if (invited !== null) {
      return openSessionFor(invited, "oidc", facts, true);
    }
  }

  await refuseSignIn(
    email ?? "unknown",
    facts,
    new AppError(
      "UNAUTHENTICATED",
      "The provider's user is no member of an account, or its address is not verified.",
    ),
  );

  return null;
}

/** Ends the session of a cookie on the server, and records that somebody signed out. */
export async function signOut(token: JWT, facts: RequestFacts): Promise<void> {
  const { sub: userId, sessionId, sessionVersion } = token;
  const session =
    userId === undefined || sessionId === undefined || sessionVersion === undefined
      ? null
      : await findSession({ userId, sessionId, sessionVersion });

  // One that has ended already has nothing to sign out of.
  if (session !== null) {
    const { person, account } = session;

    await endSession(
      {
        kind: "user",
        id: person.id,
        name: person.email,
        accountId: account?.id ?? "",
        role: account?.role ?? "viewer",
        ...facts,
      },
      session.id,
    );
  }
}
