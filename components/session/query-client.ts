import { defaultShouldDehydrateQuery, MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "@/lib/api/client";

/** Refusals are answers: asking again would not change them. Only what may pass by itself is tried again. */
function worthRetrying(failures: number, error: Error): boolean {
  if (!(error instanceof ApiError)) return false;

  return failures < 2 && (error.status === 0 || error.status === 429 || error.status >= 500);
}

/** A session that ended is told by any call: sign in again and come back to this very page. */
function onError(error: Error): void {
  if (error instanceof ApiError && error.code === "UNAUTHENTICATED" && typeof window !== "undefined") {
    const back = `${window.location.pathname}${window.location.search}`;
    window.location.assign(`/sign-in?reason=session&callbackUrl=${encodeURIComponent(back)}`);
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
