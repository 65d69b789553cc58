"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useProblemWords } from "@/components/errors/problem";
import { useToast } from "@/components/ui/toast";
import { api } from "@/lib/api/client";
import { queryKeys } from "@/lib/api/query-keys";

/** Runs an instance's permission checks now and shows the outcome wherever it is shown. */
export function usePermissionCheck(instanceId: string) {
  const t = useTranslations("instances.head");
  const toast = useToast();
  const words = useProblemWords();
  const queryClient = useQueryClient();

  return useMutation({
    mutationKey: ["permission-check", instanceId],
    mutationFn: () => api.permissionChecks.run(instanceId),
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
        queryClient.invalidateQueries({ queryKey: queryKeys.permissionChecks.all(instanceId) }),
        queryClient.invalidateQueries({ queryKey: queryKeys.instances.detail(instanceId) }),
        queryClient.invalidateQueries({ queryKey: queryKeys.instances.lists }),
      ]),
  });
}
