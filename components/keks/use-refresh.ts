"use client";

import { useQueryClient } from "@tanstack/react-query";
import { listAuditEvents } from "@/lib/api/audit-events/operations";
import { queryKey, resourceKey } from "@/lib/api/contract/query";
import { getInstance, listInstances } from "@/lib/api/instances/operations";
import { listKeks } from "@/lib/api/keks/operations";

/** Everything that shows KEKs, their numbers or their events reads again. */
export function useRefreshKeks(instanceId: string): () => Promise<unknown> {
  const queryClient = useQueryClient();

  return () =>
    Promise.all([
      queryClient.invalidateQueries({ queryKey: resourceKey(listKeks, { id: instanceId }) }),
      queryClient.invalidateQueries({ queryKey: queryKey(getInstance, { id: instanceId }) }),
      queryClient.invalidateQueries({ queryKey: queryKey(listInstances) }),
      queryClient.invalidateQueries({ queryKey: resourceKey(listAuditEvents) }),
    ]);
}
