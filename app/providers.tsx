"use client";

import { QueryClientProvider } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useTimeZone } from "next-intl";
import { NuqsAdapter } from "nuqs/adapters/next/app";
import { type ReactNode, useEffect, useState } from "react";
import { makeBrowserQueryClient } from "@/components/session/query-client";
import { setPreference } from "@/components/shell/preferences";
import { NonceProvider } from "@/components/ui/nonce";
import { ToastProvider } from "@/components/ui/toast";
import { TooltipProvider } from "@/components/ui/tooltip";
import { TIME_ZONE_COOKIE } from "@/lib/i18n/locales";

/** What every page's client components stand on. */
export function Providers({ nonce, children }: Readonly<{ nonce: string | undefined; children: ReactNode }>) {
  const [queryClient] = useState(makeBrowserQueryClient);
  useTimeZonePreference();

  return (
    <NonceProvider nonce={nonce}>
      <QueryClientProvider client={queryClient}>
        <NuqsAdapter>
          <TooltipProvider delayDuration={350}>
            <ToastProvider>{children}</ToastProvider>
          </TooltipProvider>
        </NuqsAdapter>
      </QueryClientProvider>
    </NonceProvider>
  );
}

/**
 * Tells the server the reader's time zone, so that both sides write the same dates. Only the first page ever
 * shows UTC and is then drawn again.
 */
function useTimeZonePreference(): void {
  const router = useRouter();
  const shown = useTimeZone();

  useEffect(() => {
    const actual = Intl.DateTimeFormat().resolvedOptions().timeZone;

    if (actual && actual !== shown) {
      setPreference(TIME_ZONE_COOKIE, actual);
      router.refresh();
    }
  }, [router, shown]);
}
