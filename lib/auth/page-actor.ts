import "server-only";
import { cookies, headers } from "next/headers";
import { cache } from "react";
import { type Authenticated, authenticatedUser } from "./get-actor";
import { requestFacts } from "./request-facts";
import { readSession } from "./session";
import { cookieName } from "./settings";

/** The person signed in, for server components; null for nobody. Asked once per request. */
export const getPageSession = cache(async (): Promise<Authenticated | null> => {
  const [cookieStore, headerStore] = await Promise.all([cookies(), headers()]);
  const user = await readSession(cookieStore.get(cookieName("session"))?.value ?? null);

  return user === null ? null : authenticatedUser(user, requestFacts(new Headers(headerStore)));
});
