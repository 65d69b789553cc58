import type { Actor } from "@/lib/core/actor";
import { AppError } from "@/lib/core/errors";
import { authenticateToken } from "@/lib/core/tokens";
import type { SignedInUser } from "@/lib/core/users";
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
};

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

export function userActor(user: SignedInUser, facts: RequestFacts): Actor {
  return {
    kind: "user",
    id: user.id,
    name: user.email,
    accountId: user.accountId,
    role: user.role,
    ...facts,
  };
}

export function authenticatedUser(user: SignedInUser, facts: RequestFacts): Authenticated {
  const { accountName, name, email } = user;

  return { actor: userActor(user, facts), accountName, displayName: name, email };
}

/**
 * A write with a session cookie (tokens are sent on purpose) must come from the console's own pages. Browsers name the origin of every such
 * request; same-site cookies alone would let other ports and subdomains through.
 * @throws AppError ORIGIN_REFUSED
 */
export function requireOwnOrigin(actor: Actor, request: Request): void {
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
  };
}

async function bySession(request: Request, facts: RequestFacts): Promise<Authenticated> {
  const cookie = sessionCookie(request.headers.get("cookie"));
  if (cookie === null) {
    throw unauthenticated("Sign in, or send an API token.");
  }

  const user = await readSession(cookie);
  if (user === null) {
    throw unauthenticated("The session has ended. Sign in again.");
  }

  return authenticatedUser(user, facts);
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
  const authorization = request.headers.get("authorization");
  try {
    if (authorization === null) {
      return await bySession(request, facts);
    }

    const [, credential] = /^Bearer +([^\s]+)$/i.exec(authorization) ?? [];
    if (credential === undefined) {
      throw unauthenticated("Only Authorization: Bearer <API token> is known.");
    }

    return await byToken(credential, facts);
  } catch (error) {
    if (error instanceof AppError && error.code === "UNAUTHENTICATED") {
      await countRefusal(facts.remoteAddress);
    }
    throw error;
  }
}
