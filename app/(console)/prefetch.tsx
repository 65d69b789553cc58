import "server-only";
import { dehydrate, HydrationBoundary, QueryClient } from "@tanstack/react-query";
import { headers } from "next/headers";
import { notFound, redirect } from "next/navigation";
import { cache, type ReactNode } from "react";
import { serverQueries } from "@/lib/api/server-queries";
import { getPageSession } from "@/lib/auth/page-actor";
import { AppError } from "@/lib/core/errors";
import { PATH_HEADER } from "../content-security-policy";

/** Who asks for the page; whoever is not signed in goes to sign in and comes back to this very address. */
export const requirePageSession = cache(async () => {
  const session = await getPageSession();

  if (session === null) {
    const path = (await headers()).get(PATH_HEADER) ?? "/";
    redirect(path === "/" ? "/sign-in" : `/sign-in?callbackUrl=${encodeURIComponent(path)}`);
  }

  return session;
});

type ServerQueries = ReturnType<typeof serverQueries>;

/**
 * Reads what a page shows first, in this process, and hands it to the page's client components under the same
 * query keys. A read that fails is left to the browser, which asks again and shows the error in its place.
 */
export async function Prefetch({
  read,
  children,
}: Readonly<{
  read: (client: QueryClient, queries: ServerQueries) => Promise<unknown>[];
  children: ReactNode;
}>) {
  const session = await requirePageSession();
  const client = new QueryClient();
  await Promise.all(read(client, serverQueries(session)));

  return <HydrationBoundary state={dehydrate(client)}>{children}</HydrationBoundary>;
}

/** The instance of an address, into the client's cache; the not-found page when there is none. */
export async function fetchInstance(client: QueryClient, id: string) {
  const session = await requirePageSession();

  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) {
    notFound();
  }

  try {
    return await client.fetchQuery(serverQueries(session).instances.detail(id));
  } catch (error) {
    if (error instanceof AppError && error.code === "NOT_FOUND") {
      notFound();
    }

    throw error;
  }
}
