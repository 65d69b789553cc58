import "server-only";
import { cookies, headers } from "next/headers";
import { redirect } from "next/navigation";
import { cache } from "react";
import { type Authenticated, userActor } from "./get-actor";
import { requestFacts } from "./request-facts";
import { readSession } from "./session";
import { cookieName } from "./settings";

/** The person signed in, for server components; null for nobody. Asked once per request. */
export const getPageSession = cache(async (): Promise<Authenticated | null> => {
  const [cookieStore, headerStore] = await Promise.all([cookies(), headers()]);
  const user = await readSession(cookieStore.get(cookieName("session"))?.value ?? null);
  if (user === null) return null;

  return {
    actor: userActor(user, requestFacts(new Headers(headerStore))),
    accountName: user.accountName,
    email: user.email,
  };
});

/**
 * The session of a page. Whoever is not signed in goes to the sign-in page and comes back.
 * @param callbackUrl path of the page, to come back to
 */
export async function requirePageSession(callbackUrl?: string): Promise<Authenticated> {
  const session = await getPageSession();
  if (session === null) {
    redirect(callbackUrl ? `/sign-in?callbackUrl=${encodeURIComponent(callbackUrl)}` : "/sign-in");
  }

  return session;
}
