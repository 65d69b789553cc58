"use client";

import { useQueryClient } from "@tanstack/react-query";
import { listClientCertificates } from "@/lib/api/client-certificates/operations";
import { queryKey, resourceKey } from "@/lib/api/contract/query";
import { getInstance, listInstances } from "@/lib/api/instances/operations";

/** Everything that shows certificates or their number reads again. */
export function useRefreshCertificates(instanceId: string): () => Promise<unknown> {
  const queryClient = useQueryClient();

  return () =>
    Promise.all([
      queryClient.invalidateQueries({ queryKey: resourceKey(listClientCertificates, { id: instanceId }) }),
      queryClient.invalidateQueries({ queryKey: queryKey(getInstance, { id: instanceId }) }),
      queryClient.invalidateQueries({ queryKey: queryKey(listInstances) }),
    ]);
}
