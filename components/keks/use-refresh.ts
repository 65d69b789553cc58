"use client";

import { useQueryClient } from "@tanstack/react-query";
import { queryKeys } from "@/lib/api/query-keys";

/** Everything that shows KEKs, their numbers or their events reads again. */
export function useRefreshKeks(instanceId: string): () => Promise<unknown> {
  const queryClient = useQueryClient();

  return () =>
    Promise.all([
      queryClient.invalidateQueries({ queryKey: queryKeys.keks.all(instanceId) }),
      queryClient.invalidateQueries({ queryKey: queryKeys.instances.detail(instanceId) }),
      queryClient.invalidateQueries({ queryKey: queryKeys.instances.lists }),
      queryClient.invalidateQueries({ queryKey: queryKeys.auditEvents.all }),
    ]);
}
