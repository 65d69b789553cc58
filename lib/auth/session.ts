import { decode, encode } from "next-auth/jwt";
import { z } from "zod";
import { findSession, SESSION_SECONDS, type Session } from "@/lib/core/users";
import { cookieName, sessionSecret } from "./settings";

/** What the encrypted session cookie holds. */
const sessionClaims = z.object({
  sub: z.uuid(),
  /** The row of the session: without it the cookie is worth nothing. */
  sessionId: z.uuid(),
  /** The user's session version at sign-in; another one in the database ends every session of theirs. */
  sessionVersion: z.int(),
});

type SessionClaims = z.output<typeof sessionClaims>;

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
 * The session behind a session cookie, or null: no cookie, not ours, too old, ended, or of somebody who may not sign in
 * any more.
 */
export async function readSession(value: string | null): Promise<Session | null> {
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

  const { sub: userId, sessionId, sessionVersion } = claims;

  return findSession({ userId, sessionId, sessionVersion });
}

/** The session cookie of a Cookie header. */
export function sessionCookie(header: string | null): string | null {
  return readCookie(header, cookieName("session"));
}

/** The value of a session's cookie; for tests. */
export function makeSessionToken(
  user: { readonly id: string; readonly sessionVersion: number },
  sessionId: string,
): Promise<string> {
  const claims: SessionClaims = { sub: user.id, sessionId, sessionVersion: user.sessionVersion };

  return encode({ token: claims, secret: sessionSecret(), maxAge: SESSION_SECONDS });
}
