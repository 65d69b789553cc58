"use client";

import { useSuspenseQuery } from "@tanstack/react-query";
import { query } from "@/lib/api/contract/query";
import { getInstance } from "@/lib/api/instances/operations";
import type { Instance } from "@/lib/api/instances/schemas";
import { isSettling } from "./status";

/**
 * The instance of a page, from the server at first. It is read again often while it settles or waits for its
 * first client, and now and then afterwards.
 */
export function useInstance(id: string): Instance {
  return useSuspenseQuery({
    ...query(getInstance, { id }),
    refetchInterval: ({ state }) => {
      const instance = state.data;
      if (!instance) {
        return false;
      }
      if (isSettling(instance.status)) {
        return 2_000;
      }

      return instance.lastKmipAt === null && instance.counts.clientCertificates > 0 ? 4_000 : 20_000;
    },
  }).data;
}
