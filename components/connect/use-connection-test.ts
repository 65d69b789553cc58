"use client";

import { skipToken, useIsMutating, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useProblemWords } from "@/components/errors/problem";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { queryKey } from "@/lib/api/contract/query";
import { runConnectionTest } from "@/lib/api/instances/operations";
import type { ConnectionReport } from "@/lib/api/instances/schemas";

/** Tests an instance's connection; the report stays while people look at other pages, and the server keeps none. */
export function useConnectionTest(instanceId: string) {
  const t = useTranslations("connect.test");
  const toast = useToast();
  const words = useProblemWords();
  const queryClient = useQueryClient();
  const mutationKey = ["connection-test", instanceId];
  const lastReport = queryKey(runConnectionTest, { id: instanceId });
  const { data: report } = useQuery<ConnectionReport>({
    queryKey: lastReport,
    queryFn: skipToken,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const running = useIsMutating({ mutationKey }) > 0;
  const { mutate: run } = useMutation({
    mutationKey,
    mutationFn: () => call(runConnectionTest, { id: instanceId }),
    onSuccess: (next) => {
      queryClient.setQueryData(lastReport, next);
      const failed = next.endpoints.filter(({ ok }) => !ok).length;
      toast(next.ok ? { title: t("done") } : { tone: "warn", title: t("failed", { failed }) });
    },
    onError: (error) => {
      const { title, detail } = words(error);
      toast({ tone: "bad", title, detail });
    },
  });

  return { report, running, run: () => run() };
}
