"use client";

import { useQueryClient } from "@tanstack/react-query";
import { queryKeys } from "@/lib/api/query-keys";

/** Everything that shows certificates or their number reads again. */
export function useRefreshCertificates(instanceId: string): () => Promise<unknown> {
  const queryClient = useQueryClient();

  return () =>
    Promise.all([
      queryClient.invalidateQueries({ queryKey: queryKeys.clientCertificates.all(instanceId) }),
      queryClient.invalidateQueries({ queryKey: queryKeys.instances.detail(instanceId) }),
      queryClient.invalidateQueries({ queryKey: queryKeys.instances.lists }),
    ]);
}
