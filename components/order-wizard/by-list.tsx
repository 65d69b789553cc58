"use client";

import { useQuery } from "@tanstack/react-query";
import { ProblemNotice } from "@/components/errors/problem";
import { SecretInput } from "@/components/forms/secret-input";
import { useProviderWords } from "@/components/key-managers/words";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Spinner } from "@/components/ui/spinner";
import { call } from "@/lib/api/contract/call";
import { discoverKeyManagers } from "@/lib/api/key-managers/operations";
import { InstanceSelect } from "./instance-choice";
import { providerOf } from "./state";
import type { StepProps } from "./step-props";

/**
 * A kind whose instances are found without a credential: first the instance, then that. Where this deployment has
 * nothing to find them with, the server says so.
 */
export function ByList({ wizard }: Readonly<Pick<StepProps, "wizard">>) {
  const words = useProviderWords();
  const { state, dispatch, needsApiKeyAgain } = wizard;
  const provider = providerOf(state);
  const list = useQuery({
    queryKey: ["key-managers", provider.kind],
    queryFn: ({ signal }) => call(discoverKeyManagers, { body: { kind: provider.kind } }, { signal }),
    retry: false,
  });

  if (list.isPending) {
    return (
      <p role="status" className="flex items-center gap-2 text-muted">
        <Spinner />
        {words(provider, "searching")}
      </p>
    );
  }

  if (list.isError) {
    return <ProblemNotice error={list.error} onRetry={() => void list.refetch()} />;
  }

  if (list.data.keyManagers.length === 0) {
    return (
      <Notice
        tone="warn"
        title={words(provider, "none")}
        actions={
          <Button size="small" pending={list.isFetching} onClick={() => void list.refetch()}>
            {words(provider, "again")}
          </Button>
        }
      >
        {words(provider, "noneHint")}
      </Notice>
    );
  }

  return (
    <>
      {needsApiKeyAgain ? <Notice tone="warn">{words(provider, "secretAgain")}</Notice> : null}
      <InstanceSelect wizard={wizard} candidates={list.data.keyManagers} />
      <Field label={words(provider, "secret")} hint={words(provider, "secretHint")} className="max-w-md">
        <SecretInput
          value={state.apiKey}
          data-step-focus={needsApiKeyAgain || undefined}
          onChange={(event) => dispatch({ type: "apiKey", apiKey: event.target.value })}
        />
      </Field>
    </>
  );
}
