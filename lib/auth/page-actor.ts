import "server-only";
import { cookies, headers } from "next/headers";
import { cache } from "react";
import type { Session } from "@/lib/core/users";
import { type Authenticated, authenticatedUser } from "./get-actor";
import { requestFacts } from "./request-facts";
import { readSession } from "./session";
import { cookieName } from "./settings";

/** The session of the person who asks for a page, in an account or in none; null for nobody. */
export const getPersonSession = cache(async (): Promise<Session | null> => {
  const cookieStore = await cookies();

  return readSession(cookieStore.get(cookieName("session"))?.value ?? null);
});

/** Who asks for a page of an account, for server components; null for nobody. Asked once per request. */
export const getPageSession = cache(async (): Promise<Authenticated | null> => {
  const [session, headerStore] = await Promise.all([getPersonSession(), headers()]);

  return session === null ? null : authenticatedUser(session, requestFacts(new Headers(headerStore)));
});
