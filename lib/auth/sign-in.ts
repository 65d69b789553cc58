import { audited, recordAction } from "@/lib/core/audit";
import { AppError } from "@/lib/core/errors";
import {
  authenticateUser,
  findUserByEmail,
  normalEmail,
  noteSignIn,
  type SignedInUser,
} from "@/lib/core/users";
import { userActor } from "./get-actor";
import { countWrongPassword, forgiveSignIn, requireSignInAllowed } from "./rate-limits";
import { recordRefusal } from "./record-refusal";
import type { RequestFacts } from "./request-facts";

const MAX_EMAIL = 200;
const MAX_PASSWORD = 1_024;

async function recordSignIn(user: SignedInUser, facts: RequestFacts, method: string): Promise<void> {
  await audited(
    userActor(user, facts),
    {
      action: "vmware-solutions.session.create",
      target: { id: user.id, name: user.email },
      requestData: { method },
    },
    (done) => noteSignIn(user.id, done),
  );
}

async function refuseSignIn(email: string, facts: RequestFacts, error: AppError): Promise<void> {
  const known = await findUserByEmail(email);
  await recordRefusal(facts, {
    action: "vmware-solutions.session.create",
    target: { id: known?.id ?? email, name: email },
    error,
    name: email,
    accountId: known?.accountId ?? null,
  });
}

/**
 * Signs somebody in with address and password. Success and refusal are audit events, written before this returns.
 * @returns null when the two do not fit, whatever the reason
 * @throws AppError RATE_LIMITED, AUDIT_UNAVAILABLE
 */
export async function signInWithPassword(
  credentials: { email: unknown; password: unknown },
  facts: RequestFacts,
): Promise<SignedInUser | null> {
  const { email: given, password } = credentials;
  if (typeof given !== "string" || typeof password !== "string") {
    return null;
  }

  // PostgreSQL takes no NUL in text; no address has control characters.
  const email = normalEmail(given)
    .replace(/[\p{Cc}\p{Cs}]/gu, "\uFFFD")
    .slice(0, MAX_EMAIL);
  await requireSignInAllowed(facts.remoteAddress, email);

  const user = password.length > MAX_PASSWORD ? null : await authenticateUser({ email, password });
  if (user === null) {
    await countWrongPassword(facts.remoteAddress, email);
    await refuseSignIn(email, facts, new AppError("UNAUTHENTICATED", "Address or password is wrong."));

    return null;
  }

  await forgiveSignIn(facts.remoteAddress, email);
  await recordSignIn(user, facts, "password");

  return user;
}

/**
 * Signs somebody in whom the single sign-on provider vouches for. Only people whom an administrator has added.
 * @returns null for others
 */
export async function signInWithProvider(
  profile: { email: string | null; emailVerified: boolean },
  facts: RequestFacts,
): Promise<SignedInUser | null> {
  const email = profile.email === null ? null : normalEmail(profile.email).slice(0, MAX_EMAIL);
  const user = email !== null && profile.emailVerified ? await findUserByEmail(email) : null;
  if (user === null) {
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

  await recordSignIn(user, facts, "oidc");

  return user;
}

/** Records that somebody signed out. */
export async function recordSignOut(user: SignedInUser, facts: RequestFacts): Promise<void> {
  await recordAction(userActor(user, facts), {
    action: "vmware-solutions.session.delete",
    target: { id: user.id, name: user.email },
  });
}
