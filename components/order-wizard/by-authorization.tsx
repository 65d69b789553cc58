"use client";

import { useMutation } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useEffect, useEffectEvent } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { useInConsoleWords, useKindNames } from "@/components/key-managers/words";
import { Button } from "@/components/ui/button";
import { CodeBlock } from "@/components/ui/copy";
import { Notice } from "@/components/ui/notice";
import { call } from "@/lib/api/contract/call";
import { discoverKeyManagers } from "@/lib/api/key-managers/operations";
import { InstanceChoice } from "./instance-choice";
import { providerOf } from "./state";
import type { StepProps } from "./step-props";

type Props = Readonly<Pick<StepProps, "wizard" | "instanceRegion"> & { onApiKey: () => void }>;

/** Before ordering: how a key manager comes to be used without a credential. */
export function TwoSteps({ wizard, onApiKey }: Omit<Props, "instanceRegion">) {
  const t = useTranslations("keyManagers.authorization");
  const { kind, title } = providerOf(wizard.state);
  const name = useKindNames()(kind, title).short;

  return (
    <Notice
      tone="accent"
      title={t("title")}
      actions={
        <Button size="small" onClick={onApiKey}>
          {t("withApiKey")}
        </Button>
      }
    >
      <ol className="list-decimal space-y-1 ps-5">
        <li>{t("order")}</li>
        <li>{t("authorize")}</li>
        <li>{t("activate", { kind: name })}</li>
      </ol>
    </Notice>
  );
}

/** An ordered instance: the command that authorizes it, and then what it may use. */
export function ByAuthorization({ wizard, instanceRegion, onApiKey }: Props) {
  const t = useTranslations("keyManagers.authorization");
  const tManager = useTranslations("wizard.manager");
  const { state, dispatch, instanceId = "" } = wizard;
  const { found } = state;
  const { kind, title } = providerOf(state);
  const name = useKindNames()(kind, title).short;
  const inConsole = useInConsoleWords()(kind, instanceId);
  const apiKey = state.apiKey.trim();
  const discover = useMutation({
    mutationFn: () => call(discoverKeyManagers, { body: { kind, instanceId } }),
    onSuccess: (answer) => dispatch({ type: "found", found: answer, kind, apiKey }),
  });
  const look = useEffectEvent(() => discover.mutate());

  // What is authorized already, and which instances could be, is known without a click.
  useEffect(() => look(), []);

  const isAuthorized = (found?.keyManagers.length ?? 0) > 0;

  return (
    <>
      {found === null || isAuthorized ? null : (
        <div className="flex flex-col gap-2">
          <p className="max-w-prose">{t("run", { kind: name })}</p>
          {found.authorizationCommands.map((command) => (
            <CodeBlock key={command} code={command} what={t("command")} wrap />
          ))}
          {inConsole === null ? null : <p className="text-muted">{inConsole}</p>}
        </div>
      )}
      <div className="flex flex-wrap items-center gap-2">
        <Button data-step-focus="" pending={discover.isPending} onClick={() => discover.mutate()}>
          {found === null ? tManager("retrieve") : t("again")}
        </Button>
        <Button variant="ghost" onClick={onApiKey}>
          {t("withApiKey")}
        </Button>
      </div>
      {discover.isError ? <ProblemNotice error={discover.error} /> : null}
      {found && !discover.isPending ? (
        <p role="status" className="text-muted">
          {t("retrieved", { count: found.keyManagers.length, kind: name })}
        </p>
      ) : null}
      <InstanceChoice wizard={wizard} instanceRegion={instanceRegion} />
    </>
  );
}
