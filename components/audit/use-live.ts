"use client";

import { type InfiniteData, useQueryClient } from "@tanstack/react-query";
import { useEffect, useEffectEvent } from "react";
import { streamAuditEvents } from "@/lib/api/audit-events/operations";
import { type AuditEvent, auditEvent } from "@/lib/api/audit-events/schemas";
import { apiUrl } from "@/lib/api/contract/call";
import type { ValuesOf } from "@/lib/api/contract/operation";

type Pages = InfiniteData<{ items: AuditEvent[]; nextCursor: string | null }>;

/** Puts new events on top of a list as they happen, while `on`. The browser reconnects by itself. */
export function useLiveEvents({
  on,
  query,
  queryKey,
}: {
  on: boolean;
  query: ValuesOf<typeof streamAuditEvents>;
  queryKey: readonly unknown[];
}): void {
  const queryClient = useQueryClient();
  const url = apiUrl(streamAuditEvents, { ...query, from: undefined, to: undefined });

  const add = useEffectEvent((data: string) => {
    const parsed = auditEvent.safeParse(JSON.parse(data));
    if (!parsed.success) {
      return;
    }

    queryClient.setQueryData<Pages>(queryKey, (current) => {
      const [first, ...rest] = current?.pages ?? [];
      if (!current || !first || first.items.some((item) => item.id === parsed.data.id)) {
        return current;
      }

      return { ...current, pages: [{ ...first, items: [parsed.data, ...first.items] }, ...rest] };
    });
  });

  useEffect(() => {
    if (!on) {
      return;
    }
    const source = new EventSource(url);
    source.addEventListener("audit", (event) => add(String(event.data)));

    return () => source.close();
  }, [on, url]);
}
