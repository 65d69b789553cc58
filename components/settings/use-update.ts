import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { z } from "zod";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { queryKey } from "@/lib/api/contract/query";
import {
  getInstance,
  listInstances,
  listPermissionChecks,
  updateInstance,
} from "@/lib/api/instances/operations";
import type { Instance, updateInstanceRequest } from "@/lib/api/instances/schemas";

/** Sends a change and shows it everywhere. */
export function useUpdate(instance: Instance, saved: string | null, onSaved?: (updated: Instance) => void) {
  const toast = useToast();
  const queryClient = useQueryClient();

  return useMutation({
    mutationFn: (body: z.input<typeof updateInstanceRequest>) =>
      call(updateInstance, { id: instance.id, body }),
    onSuccess: (updated) => {
      queryClient.setQueryData(queryKey(getInstance, { id: instance.id }), updated);
      void queryClient.invalidateQueries({ queryKey: queryKey(listInstances) });
      void queryClient.invalidateQueries({ queryKey: queryKey(listPermissionChecks, { id: instance.id }) });
      toast({ title: saved });
      onSaved?.(updated);
    },
  });
}
