import "server-only";
import { dehydrate, HydrationBoundary, QueryClient } from "@tanstack/react-query";
import { headers } from "next/headers";
import { notFound, redirect } from "next/navigation";
import { cache, type ReactNode } from "react";
import { prefetch, prefetchInto, type Read } from "@/lib/api/contract/prefetch";
import { getInstance } from "@/lib/api/instances/operations";
import { getPageSession, getPersonSession } from "@/lib/auth/page-actor";
import { AppError } from "@/lib/core/errors";
import { PATH_HEADER } from "../content-security-policy";

/** Who asks for the page; whoever is not signed in goes to sign in and comes back to this very address. */
export const requirePageSession = cache(async () => {
  const session = await getPageSession();

  if (session === null) {
    const path = (await headers()).get(PATH_HEADER) ?? "/";
    const back = path === "/" ? "" : `callbackUrl=${encodeURIComponent(path)}`;

    // Signed in, but in no account.
    if ((await getPersonSession()) !== null) {
      redirect(`/sign-in?reason=account${back && `&${back}`}`);
    }

    redirect(`/sign-in${back && `?${back}`}`);
  }

  if (session.session?.passwordGiven) {
    const path = (await headers()).get(PATH_HEADER) ?? "/";
    redirect(path === "/" ? "/change-password" : `/change-password?callbackUrl=${encodeURIComponent(path)}`);
  }

  return session;
});

/**
 * Reads what a page shows first, in this process, and hands it to the page's client components under the same
 * query keys. A read that fails is left to the browser, which asks again and shows the error in its place; what is
 * read with `required` is the page's own error.
 */
export async function Prefetch({
  read,
  children,
}: Readonly<{
  read: (optional: Read, required: Read) => Promise<unknown>[];
  children: ReactNode;
}>) {
  const session = await requirePageSession();
  const client = new QueryClient();
  const required = prefetchInto(client, session);
  const optional: Read = (operation, values) => required(operation, values).catch(() => undefined);
  await Promise.all(read(optional, required));

  return <HydrationBoundary state={dehydrate(client)}>{children}</HydrationBoundary>;
}

/** The instance of an address, into the client's cache; the not-found page when there is none. */
export async function fetchInstance(client: QueryClient, id: string) {
  const session = await requirePageSession();

  try {
    return await client.fetchQuery(prefetch(getInstance, { id }, session));
  } catch (error) {
    if (error instanceof AppError && error.code === "NOT_FOUND") {
      notFound();
    }

    throw error;
  }
}
