"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useEffect, useEffectEvent } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { ReportBadge, ReportChecks, ReportRunning } from "@/components/permissions/report";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { api } from "@/lib/api/client";
import { StepActions } from "./layout";
import { RootKeyList } from "./root-key-list";
import type { StepProps } from "./wizard";

/** The root key, and the permission report for exactly this choice. */
export function RootKeyStep({ wizard, onNext, onBack }: Readonly<StepProps>) {
  const t = useTranslations("wizard.rootKey");
  const tPermissions = useTranslations("permissions");
  const tCommon = useTranslations("common");
  const queryClient = useQueryClient();
  const { state, dispatch } = wizard;
  const { draft, apiKey, report } = state;
  const rootKeyId = draft.rootKey?.id;

  const validate = useMutation({
    mutationFn: (crkId: string) =>
      api.keyManagers.validate({
        kind: draft.kind,
        apiKey: apiKey.trim(),
        keyManagerCrn: draft.keyManager?.crn ?? "",
        crkId,
      }),
    onSuccess: (result, crkId) => {
      // The choice may have changed while the checks ran.
      if (crkId === wizard.state.draft.rootKey?.id) dispatch({ type: "report", report: result });
    },
  });

  const check = useEffectEvent((crkId: string) => {
    if (report === null) validate.mutate(crkId);
  });

  // Choosing is asking: the checks start by themselves.
  useEffect(() => {
    if (rootKeyId !== undefined) check(rootKeyId);
  }, [rootKeyId]);

  const checkAgain = () => {
    dispatch({ type: "report", report: null });
    if (rootKeyId !== undefined) validate.mutate(rootKeyId);
    void queryClient.invalidateQueries({ queryKey: ["root-keys"] });
  };

  const reason =
    rootKeyId === undefined ? t("choose") : validate.isPending ? tPermissions("running") : t("notOk");

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (report?.ok) onNext();
      }}
      className="flex flex-col gap-4"
    >
      <Panel flush title={t("title")}>
        <RootKeyList wizard={wizard} />
      </Panel>
      {rootKeyId === undefined ? null : (
        <Panel
          flush
          title={tPermissions("title")}
          actions={report && !validate.isPending ? <ReportBadge report={report} /> : undefined}
        >
          {validate.isPending ? (
            <ReportRunning />
          ) : report ? (
            <ReportChecks checks={report.checks} />
          ) : validate.isError ? (
            <ProblemNotice error={validate.error} className="m-4" />
          ) : null}
        </Panel>
      )}
      <StepActions back={<Button onClick={onBack}>{tCommon("back")}</Button>}>
        {rootKeyId === undefined ? null : (
          <Button pending={validate.isPending} onClick={checkAgain}>
            {t("checkAgain")}
          </Button>
        )}
        <Button type="submit" variant="primary" disabledReason={report?.ok ? undefined : reason}>
          {tCommon("continue")}
        </Button>
      </StepActions>
    </form>
  );
}
