import { defaultShouldDehydrateQuery, MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "@/lib/api/contract/call";

/** Refusals are answers: asking again would not change them. Only this may pass by itself. */
export function isPassing(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
}

function worthRetrying(failures: number, error: Error): boolean {
  return failures < 2 && isPassing(error);
}

/**
 * The error to show in the place of what was asked for; null while there are older data and the trouble may pass by
 * itself: then these stay, and the frame says that they are old (StaleNotice).
 */
export function replacingError(query: {
  readonly error: Error | null;
  readonly data: unknown;
}): Error | null {
  return query.data !== undefined && isPassing(query.error) ? null : query.error;
}

/** A session that ended is told by any call: sign in again and come back to this very page. */
function onError(error: Error): void {
  if (error instanceof ApiError && error.code === "UNAUTHENTICATED" && typeof window !== "undefined") {
    const back = `${window.location.pathname}${window.location.search}`;
    // Whoever opens an invitation need not have been signed in before.
    const reason = back.startsWith("/invitations/") ? "" : "reason=session&";
    window.location.assign(`/sign-in?${reason}callbackUrl=${encodeURIComponent(back)}`);
  }
}

/** The browser's query client; on the server one is made per request and only holds what was prefetched. */
export function makeBrowserQueryClient(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: { staleTime: 15_000, retry: worthRetrying, refetchOnWindowFocus: true },
      mutations: { retry: false },
      dehydrate: { shouldDehydrateQuery: defaultShouldDehydrateQuery },
    },
  });
}
