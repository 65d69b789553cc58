"use client";

import { useMutation } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useEffect, useEffectEvent, useState } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { ReportBadge, ReportChecks, ReportRunning } from "@/components/permissions/report";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { call } from "@/lib/api/contract/call";
import { validateKeyManager } from "@/lib/api/key-managers/operations";
import type { PermissionReport } from "@/lib/api/key-managers/schemas";
import { StepActions } from "./layout";
import { RootKeyList, useRootKeys } from "./root-key-list";
import type { StepProps } from "./step-props";
import { credentialsOf } from "./steps";
import type { Wizard } from "./use-wizard";

/** Stands for a root key that is not chosen yet, when the checks are asked why none can be read. */
const NO_ROOT_KEY = "not-chosen";
const ROOT_KEY_CHECKS = new Set([
  "crkFound",
  "crkIsRootKey",
  "crkInDefaultKeyRing",
  "crkActive",
  "wrapUnwrap",
]);

/** What the checks say of everything but the root key. */
function withoutRootKey(report: PermissionReport | undefined): PermissionReport | null {
  return report === undefined
    ? null
    : { ...report, checks: report.checks.filter((item) => !ROOT_KEY_CHECKS.has(item.id)) };
}

/** The root key, and the permission report for exactly this choice. */
export function RootKeyStep({ wizard, onNext, onBack }: Readonly<StepProps>) {
  const t = useTranslations("wizard.rootKey");
  const tPermissions = useTranslations("permissions");
  const tCommon = useTranslations("common");
  const [search, setSearch] = useState("");
  const list = useRootKeys(wizard, search);
  const { draft, report } = wizard.state;
  const { validate, checkAgain } = useChecks(wizard, list.isError);
  const chosen = draft.rootKey !== null;
  const unreadable = !chosen && list.isError;
  const shown = chosen ? report : unreadable ? withoutRootKey(validate.data) : null;
  const reason = !chosen ? t("choose") : validate.isPending ? tPermissions("running") : t("notOk");

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (report?.ok) {
          onNext();
        }
      }}
      className="flex flex-col gap-4"
    >
      <Panel flush title={t("title")}>
        <RootKeyList wizard={wizard} list={list} search={search} onSearch={setSearch} />
      </Panel>
      {chosen || unreadable ? (
        <Panel
          flush
          title={tPermissions("title")}
          actions={shown && !validate.isPending ? <ReportBadge report={shown} /> : undefined}
        >
          {validate.isPending ? (
            <ReportRunning />
          ) : shown ? (
            <ReportChecks checks={shown.checks} />
          ) : validate.isError ? (
            <ProblemNotice error={validate.error} className="m-4" />
          ) : null}
        </Panel>
      ) : null}
      <StepActions back={<Button onClick={onBack}>{tCommon("back")}</Button>}>
        {chosen || unreadable ? (
          <Button
            pending={validate.isPending}
            onClick={() => {
              checkAgain();
              void list.refetch();
            }}
          >
            {t("checkAgain")}
          </Button>
        ) : null}
        <Button type="submit" variant="primary" disabledReason={report?.ok ? undefined : reason}>
          {tCommon("continue")}
        </Button>
      </StepActions>
    </form>
  );
}

type Asked = { apiKey: string; keyManagerCrn: string; endpoint: string; crkId: string };

/** The checks of the present choice: they start by themselves, and can be asked for again. */
function useChecks(wizard: Wizard, unreadable: boolean) {
  const { state, dispatch } = wizard;
  const { draft, apiKey, report } = state;
  const rootKeyId = draft.rootKey?.id;

  const validate = useMutation({
    mutationFn: ({ keyManagerCrn, endpoint, crkId }: Asked) =>
      call(validateKeyManager, {
        body: {
          kind: draft.kind,
          ...credentialsOf(state, wizard.instanceId),
          keyManagerCrn,
          endpoint,
          crkId,
        },
      }),
    onSuccess: (report, asked) => dispatch({ type: "checked", report, ...asked }),
  });

  const run = (crkId: string) =>
    validate.mutate({
      apiKey: apiKey.trim(),
      keyManagerCrn: draft.keyManager?.crn ?? "",
      endpoint: draft.endpoint.trim(),
      crkId,
    });

  const check = useEffectEvent((crkId: string) => {
    if (report === null) {
      run(crkId);
    }
  });

  // Choosing is asking: the checks start by themselves. They also say why the root keys cannot be read.
  useEffect(() => {
    if (rootKeyId !== undefined) {
      check(rootKeyId);
    } else if (unreadable) {
      check(NO_ROOT_KEY);
    }
  }, [rootKeyId, unreadable]);

  const checkAgain = () => {
    dispatch({ type: "report", report: null });
    run(rootKeyId ?? NO_ROOT_KEY);
  };

  return { validate, checkAgain };
}
