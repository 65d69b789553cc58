"use client";

import { useMutation, useQuery } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useEffect, useEffectEvent } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { useKeyManagerName } from "@/components/instances/key-manager-name";
import { Button } from "@/components/ui/button";
import { ChoiceCards } from "@/components/ui/choice";
import { CodeBlock } from "@/components/ui/copy";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Panel } from "@/components/ui/panel";
import { Select } from "@/components/ui/select";
import { Spinner } from "@/components/ui/spinner";
import { api } from "@/lib/api/client";
import { MIN_API_KEY } from "@/lib/api/key-managers/schemas";
import { StepActions } from "./layout";
import { isComplete } from "./state";
import type { StepProps } from "./wizard";

/** Kind of key manager, API key, "Retrieve", and the instance. */
export function ManagerStep({
  mode,
  wizard,
  instanceRegion,
  serviceAuthorization,
  onNext,
  onBack,
}: Readonly<StepProps>) {
  const t = useTranslations("wizard.manager");
  const tCommon = useTranslations("common");
  const { state, dispatch } = wizard;
  const { draft } = state;
  const ready = isComplete("key-manager", state);
  const notReady = draft.authorization
    ? "notReadyAuthorization"
    : draft.kind === "pkcs11" && !draft.later
      ? "tokenNotReady"
      : "notReady";

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) {
          onNext();
        }
      }}
      className="flex flex-col gap-4"
      noValidate
    >
      <Panel title={t("title")}>
        <div className="flex flex-col gap-4">
          <ChoiceCards
            label={t("kind")}
            value={draft.later && !draft.authorization ? undefined : draft.kind}
            onValueChange={(kind) =>
              dispatch(
                kind === "hpcs" && serviceAuthorization
                  ? { type: "authorization", authorization: true, mode }
                  : { type: "kind", kind },
              )
            }
            options={[
              { value: "key-protect", title: tCommon("keyManager.key-protect"), detail: t("keyProtect") },
              {
                value: "hpcs",
                title: tCommon("keyManager.hpcs"),
                detail: t(serviceAuthorization ? "hpcsAuthorized" : "hpcs"),
              },
              { value: "pkcs11", title: tCommon("keyManager.pkcs11"), detail: t("pkcs11") },
            ]}
          />
          {draft.authorization ? (
            draft.later ? (
              <TwoSteps onApiKey={() => dispatch({ type: "authorization", authorization: false, mode })} />
            ) : (
              <AuthorizationAndInstance
                wizard={wizard}
                instanceRegion={instanceRegion}
                onApiKey={() => dispatch({ type: "authorization", authorization: false, mode })}
              />
            )
          ) : draft.later ? (
            <Notice
              tone="accent"
              actions={
                <Button size="small" onClick={() => dispatch({ type: "later", later: false })}>
                  {t("laterUndo")}
                </Button>
              }
            >
              {t("laterChosen")}
            </Notice>
          ) : draft.kind === "pkcs11" ? (
            <TokenAndPin wizard={wizard} />
          ) : (
            // Another kind begins anew: what failed for the one before is nothing that failed here.
            <ApiKeyAndInstance key={draft.kind} wizard={wizard} instanceRegion={instanceRegion} />
          )}
        </div>
      </Panel>
      <StepActions back={mode === "order" ? <Button onClick={onBack}>{tCommon("back")}</Button> : null}>
        {mode === "order" && !draft.later && !ready ? (
          <Button variant="ghost" onClick={() => dispatch({ type: "later", later: true })}>
            {t("later")}
          </Button>
        ) : null}
        <Button type="submit" variant="primary" disabledReason={ready ? undefined : t(notReady)}>
          {tCommon("continue")}
        </Button>
      </StepActions>
    </form>
  );
}

function ApiKeyAndInstance({
  wizard,
  instanceRegion,
}: Readonly<Pick<StepProps, "wizard" | "instanceRegion">>) {
  const t = useTranslations("wizard.manager");
  const { state, dispatch, needsApiKeyAgain } = wizard;
  const { draft, apiKey, found } = state;
  const tooShort = apiKey.trim().length < MIN_API_KEY;

  const discover = useMutation({
    mutationFn: (asked: { kind: typeof draft.kind; apiKey: string }) => api.keyManagers.discover(asked),
    onSuccess: (found, asked) => dispatch({ type: "found", found, ...asked }),
  });
  const retrieve = () => {
    if (!tooShort) {
      discover.mutate({ kind: draft.kind, apiKey: apiKey.trim() });
    }
  };

  return (
    <>
      {needsApiKeyAgain ? <Notice tone="warn">{t("apiKeyAgain")}</Notice> : null}
      <Field label={t("apiKey")} hint={t("apiKeyHint")}>
        <ApiKeyRow
          value={apiKey}
          onChange={(value) => {
            discover.reset();
            dispatch({ type: "apiKey", apiKey: value });
          }}
          onRetrieve={retrieve}
          pending={discover.isPending}
          disabled={tooShort}
          wanted={needsApiKeyAgain}
        />
      </Field>
      {discover.isError ? <ProblemNotice error={discover.error} /> : null}
      {found ? (
        found.keyManagers.length === 0 ? (
          <Notice tone="warn" live title={t("retrieved", { count: 0 })}>
            {t("retrievedHint")}
          </Notice>
        ) : (
          <>
            <p role="status" className="text-muted">
              {t("retrieved", { count: found.keyManagers.length })}
              {found.serviceIdName ? ` · ${t("serviceId", { name: found.serviceIdName })}` : ""}
            </p>
            {found.serviceId === null ? <Notice tone="warn">{t("userKey")}</Notice> : null}
          </>
        )
      ) : null}
      <InstanceChoice wizard={wizard} instanceRegion={instanceRegion} />
    </>
  );
}

/** What was retrieved, one to choose; and what is not offered, with the reason. */
function InstanceChoice({ wizard, instanceRegion }: Readonly<Pick<StepProps, "wizard" | "instanceRegion">>) {
  const t = useTranslations("wizard.manager");
  const tCommon = useTranslations("common");
  const nameOf = useKeyManagerName("keyManager");
  const { draft, found } = wizard.state;
  const { dispatch } = wizard;
  const wantedRegion = instanceRegion ?? draft.region;
  const offered = found?.keyManagers.find(({ crn }) => crn === draft.keyManager?.crn)?.endpoints;
  const offeredEndpoint = offered?.private ?? offered?.public;

  return (
    <>
      {found && found.notOffered.length > 0 ? (
        <Notice title={t("notOffered.title")}>
          <ul>
            {found.notOffered.map(({ crn, name, reason }) => (
              <li key={crn}>{t(`notOffered.${reason}`, { name })}</li>
            ))}
          </ul>
        </Notice>
      ) : null}
      {(found && found.keyManagers.length > 0) || (draft.keyManager && found === null) ? (
        <Field label={t("instance", { kind: nameOf(draft.kind) })}>
          <Select
            value={draft.keyManager?.crn}
            placeholder={t("choose")}
            disabled={found === null}
            onValueChange={(crn) => {
              const chosen = found?.keyManagers.find((candidate) => candidate.crn === crn);
              if (chosen) {
                dispatch({ type: "keyManager", keyManager: chosen });
              }
            }}
            options={(found?.keyManagers ?? (draft.keyManager ? [draft.keyManager] : [])).map(
              (candidate) => ({
                value: candidate.crn,
                label: candidate.name,
                detail: candidate.region,
              }),
            )}
          />
        </Field>
      ) : null}
      {draft.keyManager ? (
        <Field label={t("endpoint")} hint={t("endpointHint")} optional={tCommon("optional")}>
          <Input
            value={draft.endpoint}
            placeholder={offeredEndpoint ?? ""}
            spellCheck={false}
            autoComplete="off"
            maxLength={300}
            className="font-mono"
            onChange={(event) => dispatch({ type: "endpoint", endpoint: event.target.value })}
          />
        </Field>
      ) : null}
      {draft.keyManager && wantedRegion && draft.keyManager.region !== wantedRegion ? (
        <Notice tone="warn">
          {t("otherRegion", {
            name: draft.keyManager.name,
            region: draft.keyManager.region,
            wanted: wantedRegion,
          })}
        </Notice>
      ) : null}
    </>
  );
}

/** Before ordering: how an HPCS instance comes to be used without an API key. */
function TwoSteps({ onApiKey }: Readonly<{ onApiKey: () => void }>) {
  const t = useTranslations("wizard.manager");

  return (
    <Notice
      tone="accent"
      title={t("authorization.title")}
      actions={
        <Button size="small" onClick={onApiKey}>
          {t("authorization.withApiKey")}
        </Button>
      }
    >
      <ol className="list-decimal space-y-1 ps-5">
        <li>{t("authorization.order")}</li>
        <li>{t("authorization.authorize")}</li>
        <li>{t("authorization.activate")}</li>
      </ol>
    </Notice>
  );
}

/** An ordered instance: the command that authorizes it, and then what it may use. */
function AuthorizationAndInstance({
  wizard,
  instanceRegion,
  onApiKey,
}: Readonly<Pick<StepProps, "wizard" | "instanceRegion"> & { onApiKey: () => void }>) {
  const t = useTranslations("wizard.manager");
  const { dispatch, instanceId = "" } = wizard;
  const { found } = wizard.state;
  const apiKey = wizard.state.apiKey.trim();
  const discover = useMutation({
    mutationFn: () => api.keyManagers.discover({ kind: "hpcs", instanceId }),
    onSuccess: (answer) => dispatch({ type: "found", found: answer, kind: "hpcs", apiKey }),
  });
  const look = useEffectEvent(() => discover.mutate());

  // What is authorized already, and which instances could be, is known without a click.
  useEffect(() => look(), []);

  const isAuthorized = (found?.keyManagers.length ?? 0) > 0;

  return (
    <>
      {found === null || isAuthorized ? null : (
        <div className="flex flex-col gap-2">
          <p className="max-w-prose">{t("authorization.run")}</p>
          {found.authorizationCommands.map((command) => (
            <CodeBlock key={command} code={command} what={t("authorization.command")} wrap />
          ))}
          <p className="text-muted">{t("authorization.inConsole", { instanceId })}</p>
        </div>
      )}
      <div className="flex flex-wrap items-center gap-2">
        <Button data-step-focus="" pending={discover.isPending} onClick={() => discover.mutate()}>
          {t(found === null ? "retrieve" : "authorization.again")}
        </Button>
        <Button variant="ghost" onClick={onApiKey}>
          {t("authorization.withApiKey")}
        </Button>
      </div>
      {discover.isError ? <ProblemNotice error={discover.error} /> : null}
      {found && !discover.isPending ? (
        <p role="status" className="text-muted">
          {t("authorization.retrieved", { count: found.keyManagers.length })}
        </p>
      ) : null}
      <InstanceChoice wizard={wizard} instanceRegion={instanceRegion} />
    </>
  );
}

function ApiKeyRow({
  value,
  onChange,
  onRetrieve,
  pending,
  disabled,
  wanted,
}: Readonly<{
  value: string;
  onChange: (value: string) => void;
  onRetrieve: () => void;
  pending: boolean;
  disabled: boolean;
  /** It is what the step waits for. */
  wanted: boolean;
}>) {
  const t = useTranslations("wizard.manager");

  return (
    <div className="flex gap-2">
      <Input
        type="password"
        value={value}
        // Not a sign-in: password managers must neither fill nor keep it.
        autoComplete="off"
        data-1p-ignore=""
        data-lpignore="true"
        data-step-focus={wanted || undefined}
        spellCheck={false}
        maxLength={512}
        className="font-mono"
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            event.preventDefault();
            onRetrieve();
          }
        }}
      />
      <Button onClick={onRetrieve} pending={pending} disabled={disabled}>
        {t("retrieve")}
      </Button>
    </div>
  );
}

/** A token of an HSM of one's own, and its PIN. Where this deployment has no module for one, the server says so. */
function TokenAndPin({ wizard }: Readonly<Pick<StepProps, "wizard">>) {
  const t = useTranslations("wizard.manager");
  const { state, dispatch, needsApiKeyAgain } = wizard;
  const tokens = useQuery({
    queryKey: ["key-managers", "pkcs11"],
    queryFn: ({ signal }) => api.keyManagers.discover({ kind: "pkcs11" }, { signal }),
    retry: false,
  });

  if (tokens.isPending) {
    return (
      <p role="status" className="flex items-center gap-2 text-muted">
        <Spinner />
        {t("pkcs11Unknown")}
      </p>
    );
  }

  if (tokens.isError) {
    return <ProblemNotice error={tokens.error} onRetry={() => void tokens.refetch()} />;
  }

  const { keyManagers } = tokens.data;

  if (keyManagers.length === 0) {
    return (
      <Notice
        tone="warn"
        title={t("tokenNone")}
        actions={
          <Button size="small" pending={tokens.isFetching} onClick={() => void tokens.refetch()}>
            {t("tokenAgain")}
          </Button>
        }
      >
        {t("tokenNoneHint")}
      </Notice>
    );
  }

  return (
    <>
      {needsApiKeyAgain ? <Notice tone="warn">{t("pinAgain")}</Notice> : null}
      <Field label={t("token")}>
        <Select
          value={state.draft.keyManager?.crn}
          placeholder={t("tokenChoose")}
          onValueChange={(crn) => {
            const chosen = keyManagers.find((candidate) => candidate.crn === crn);
            if (chosen) {
              dispatch({ type: "keyManager", keyManager: chosen });
            }
          }}
          options={keyManagers.map((token) => ({
            value: token.crn,
            label: token.name,
            detail: token.guid,
          }))}
        />
      </Field>
      <Field label={t("pin")} hint={t("pinHint")} className="max-w-md">
        <Input
          type="password"
          value={state.apiKey}
          // Not a sign-in: password managers must neither fill nor keep it.
          autoComplete="off"
          data-1p-ignore=""
          data-lpignore="true"
          data-step-focus={needsApiKeyAgain || undefined}
          spellCheck={false}
          maxLength={512}
          className="font-mono"
          onChange={(event) => dispatch({ type: "apiKey", apiKey: event.target.value })}
        />
      </Field>
    </>
  );
}
