"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useProblemWords } from "@/components/errors/problem";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { queryKey } from "@/lib/api/contract/query";
import {
  getInstance,
  listInstances,
  listPermissionChecks,
  runPermissionCheck,
} from "@/lib/api/instances/operations";

/** Runs an instance's permission checks now and shows the outcome wherever it is shown. */
export function usePermissionCheck(instanceId: string) {
  const t = useTranslations("instances.head");
  const toast = useToast();
  const words = useProblemWords();
  const queryClient = useQueryClient();

  return useMutation({
    mutationKey: ["permission-check", instanceId],
    mutationFn: () => call(runPermissionCheck, { id: instanceId }),
    onSuccess: (report) => {
      const failed = report.checks.filter((check) => check.status === "fail").length;
      toast(failed === 0 ? { title: t("checkDone") } : { tone: "warn", title: t("checkFailed", { failed }) });
    },
    onError: (error) => {
      const { title, detail } = words(error);
      toast({ tone: "bad", title, detail });
    },
    onSettled: () =>
      Promise.all([
        queryClient.invalidateQueries({ queryKey: queryKey(listPermissionChecks, { id: instanceId }) }),
        queryClient.invalidateQueries({ queryKey: queryKey(getInstance, { id: instanceId }) }),
        queryClient.invalidateQueries({ queryKey: queryKey(listInstances) }),
      ]),
  });
}
