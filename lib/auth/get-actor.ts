import type { Actor } from "@/lib/core/actor";
import { AppError } from "@/lib/core/errors";
import { authenticateToken } from "@/lib/core/tokens";
import type { Session } from "@/lib/core/users";
import { env } from "@/lib/env";
import { countRefusal } from "./rate-limits";
import { type RequestFacts, requestFacts } from "./request-facts";
import { readSession, sessionCookie } from "./session";

/** Who calls, and what the API tells about them at `/me`. */
export type Authenticated = {
  readonly actor: Actor;
  readonly accountName: string;
  /** How to call them; audit events name people by their address. */
  readonly displayName: string;
  readonly email: string | null;
  /** Null for an API token. */
  readonly session: Session | null;
};

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** The actor and the account of a session; null for somebody who is in none. */
export function authenticatedUser(session: Session, facts: RequestFacts): Authenticated | null {
  const { person, account } = session;

  if (account === null) {
    return null;
  }

  return {
    actor: {
      kind: "user",
      id: person.id,
      name: person.email,
      accountId: account.id,
      role: account.role,
      ...facts,
    },
    accountName: account.name,
    displayName: person.name,
    email: person.email,
    session,
  };
}

/**
 * A write with a session cookie (tokens are sent on purpose) must come from the console's own pages. Browsers name the origin of every such
 * request; same-site cookies alone would let other ports and subdomains through.
 * @throws AppError ORIGIN_REFUSED
 */
export function requireOwnOrigin(actor: Pick<Actor, "kind">, request: Request): void {
  if (actor.kind !== "user" || SAFE_METHODS.has(request.method)) {
    return;
  }

  const origin = request.headers.get("origin");
  const allowed =
    origin === null
      ? request.headers.get("sec-fetch-site") === "same-origin"
      : origin === new URL(env().publicUrl).origin || isOwnHost(origin, request.headers.get("host"));
  if (!allowed) {
    throw new AppError("ORIGIN_REFUSED", "Writes with a session come from the console's own pages only.");
  }
}

/** True when a page of this very host sent it, under whatever name the reader called the console. */
function isOwnHost(origin: string, host: string | null): boolean {
  try {
    return host !== null && new URL(origin).host === host;
  } catch {
    return false;
  }
}

function unauthenticated(detail: string): AppError {
  return new AppError("UNAUTHENTICATED", detail);
}

async function byToken(credential: string, facts: RequestFacts): Promise<Authenticated> {
  const token = await authenticateToken(credential);
  if (token === null) {
    throw unauthenticated("The API token is unknown, has expired or was revoked.");
  }

  const { id, name, role, accountId, accountName } = token;

  return {
    actor: { kind: "token", id, name, role, accountId, ...facts },
    accountName,
    displayName: name,
    email: null,
    session: null,
  };
}

async function bySession(request: Request, facts: RequestFacts): Promise<Authenticated> {
  const cookie = sessionCookie(request.headers.get("cookie"));
  if (cookie === null) {
    throw unauthenticated("Sign in, or send an API token.");
  }

  const session = await readSession(cookie);
  const authenticated = session === null ? null : authenticatedUser(session, facts);
  if (authenticated === null) {
    throw unauthenticated(
      session === null
        ? "The session has ended. Sign in again."
        : "You are in no account. Ask for an invitation.",
    );
  }

  return authenticated;
}

/** The API token of a request, or null where it comes with a session. @throws AppError UNAUTHENTICATED */
function credentialOf(request: Request): string | null {
  const authorization = request.headers.get("authorization");
  if (authorization === null) {
    return null;
  }

  const [, credential] = /^Bearer +([^\s]+)$/i.exec(authorization) ?? [];
  if (credential === undefined) {
    throw unauthenticated("Only Authorization: Bearer <API token> is known.");
  }

  return credential;
}

/**
 * Who sent a request: `Authorization: Bearer <API token>`, or the console's session cookie. Whoever lets the request
 * change something calls `requireOwnOrigin` next, when it is known who would be refused.
 * @throws AppError UNAUTHENTICATED; RATE_LIMITED instead after too many of these from one address. Credentials that
 *   are right are never held up by others' wrong ones.
 */
export async function authenticate(
  request: Request,
  facts: RequestFacts = requestFacts(request.headers),
): Promise<Authenticated> {
  try {
    const credential = credentialOf(request);

    return credential === null ? await bySession(request, facts) : await byToken(credential, facts);
  } catch (error) {
    if (error instanceof AppError && error.code === "UNAUTHENTICATED") {
      await countRefusal(facts.remoteAddress);
    }
    throw error;
  }
}

/** Asks again whether a request would still be let in, as the same caller with the same role: for answers that last. */
export async function isStillAllowed(authenticated: Authenticated, request: Request): Promise<boolean> {
  const { actor } = authenticated;
  const credential = credentialOf(request);

  try {
    const now = credential === null ? await bySession(request, actor) : await byToken(credential, actor);

    return (
      now.actor.id === actor.id && now.actor.accountId === actor.accountId && now.actor.role === actor.role
    );
  } catch (error) {
    if (error instanceof AppError) {
      return false;
    }

    throw error;
  }
}
