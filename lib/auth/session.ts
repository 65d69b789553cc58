import { decode, encode } from "next-auth/jwt";
import { z } from "zod";
import { findUser, type SignedInUser } from "@/lib/core/users";
import { perProcess } from "@/lib/per-process";
import { cookieName, SESSION_SECONDS, sessionSecret } from "./settings";

/** What the encrypted session cookie holds. */
const sessionClaims = z.object({
  sub: z.uuid(),
  /** The user's session version at sign-in; another one in the database ends the session. */
  sessionVersion: z.int(),
  /** POSIX seconds; the cookie itself is renewed while it is used, this is not. */
  signedInAt: z.int(),
});

type SessionClaims = z.output<typeof sessionClaims>;

type Cached = { readonly user: SignedInUser | null; readonly until: number };

const CACHE_MS = 3_000;
const MAX_CACHED = 10_000;
const cache = perProcess("sessions", () => new Map<string, Cached>());

/** Forgets what is known of users, so that a change in this process works at once. */
export function forgetSessions(): void {
  cache().clear();
}

async function currentUser(userId: string): Promise<SignedInUser | null> {
  const known = cache().get(userId);
  if (known && known.until > Date.now()) {
    return known.user;
  }

  const user = await findUser(userId);
  if (cache().size >= MAX_CACHED) {
    cache().clear();
  }
  cache().set(userId, { user, until: Date.now() + CACHE_MS });

  return user;
}

/** The value of a cookie in a Cookie header (RFC 6265 section 4.2.1), or null. */
function readCookie(header: string | null, name: string): string | null {
  for (const pair of header?.split(";") ?? []) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) {
      return pair.slice(at + 1).trim();
    }
  }

  return null;
}

/**
 * The person behind a session cookie, or null: no cookie, not ours, too old, ended, disabled, or in no account.
 * A change in the database counts within three seconds.
 */
export async function readSession(value: string | null): Promise<SignedInUser | null> {
  if (value === null || value === "") {
    return null;
  }

  let claims: SessionClaims;
  try {
    claims = sessionClaims.parse(await decode({ token: value, secret: sessionSecret() }));
  } catch {
    // Expired, made under another key, or garbage: nobody is signed in.
    return null;
  }
  if (claims.signedInAt + SESSION_SECONDS <= Date.now() / 1_000) {
    return null;
  }

  const user = await currentUser(claims.sub);

  return user?.sessionVersion === claims.sessionVersion ? user : null;
}

/** The session cookie of a Cookie header. */
export function sessionCookie(header: string | null): string | null {
  return readCookie(header, cookieName("session"));
}

/** The value of a session cookie for somebody; for tests and the command line. */
export function makeSessionToken(user: Pick<SignedInUser, "id" | "sessionVersion">): Promise<string> {
  const claims: SessionClaims = {
    sub: user.id,
    sessionVersion: user.sessionVersion,
    signedInAt: Math.floor(Date.now() / 1_000),
  };

  return encode({ token: claims, secret: sessionSecret(), maxAge: SESSION_SECONDS });
}
