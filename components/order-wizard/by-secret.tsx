"use client";

import { useMutation } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { ProblemNotice } from "@/components/errors/problem";
import { SecretInput } from "@/components/forms/secret-input";
import { useProviderWords } from "@/components/key-managers/words";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { call } from "@/lib/api/contract/call";
import { discoverKeyManagers } from "@/lib/api/key-managers/operations";
import type { DiscoverResponse } from "@/lib/api/key-managers/schemas";
import { InstanceChoice } from "./instance-choice";
import { providerOf } from "./state";
import type { StepProps } from "./step-props";
import { isEnough } from "./steps";

/** A kind whose instances are found with its credential: that, "Retrieve", and the instance. */
export function BySecret({ wizard, instanceRegion }: Readonly<Pick<StepProps, "wizard" | "instanceRegion">>) {
  const t = useTranslations("wizard.manager");
  const words = useProviderWords();
  const { state, dispatch, needsApiKeyAgain } = wizard;
  const { draft, apiKey, found } = state;
  const provider = providerOf(state);
  const enough = isEnough(state);

  const discover = useMutation({
    mutationFn: (asked: { kind: typeof draft.kind; apiKey: string }) =>
      call(discoverKeyManagers, { body: asked }),
    onSuccess: (found, asked) => dispatch({ type: "found", found, ...asked }),
  });
  const retrieve = () => {
    if (enough) {
      discover.mutate({ kind: draft.kind, apiKey: apiKey.trim() });
    }
  };

  return (
    <>
      {needsApiKeyAgain ? <Notice tone="warn">{words(provider, "secretAgain")}</Notice> : null}
      <Field label={words(provider, "secret")} hint={words(provider, "secretHint")}>
        <div className="flex gap-2">
          <SecretInput
            value={apiKey}
            data-step-focus={needsApiKeyAgain || undefined}
            onChange={(event) => {
              discover.reset();
              dispatch({ type: "apiKey", apiKey: event.target.value });
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter") {
                event.preventDefault();
                retrieve();
              }
            }}
          />
          <Button onClick={retrieve} pending={discover.isPending} disabled={!enough}>
            {t("retrieve")}
          </Button>
        </div>
      </Field>
      {discover.isError ? <ProblemNotice error={discover.error} /> : null}
      {found ? <Found found={found} /> : null}
      <InstanceChoice wizard={wizard} instanceRegion={instanceRegion} />
    </>
  );
}

/** How many were found, and whose credential it is. */
function Found({ found }: Readonly<{ found: DiscoverResponse }>) {
  const t = useTranslations("wizard.manager");
  const count = found.keyManagers.length;

  if (count === 0) {
    return (
      <Notice tone="warn" live title={t("retrieved", { count: 0 })}>
        {t("retrievedHint")}
      </Notice>
    );
  }

  return (
    <>
      <p role="status" className="text-muted">
        {t("retrieved", { count })}
        {found.serviceIdName ? ` · ${t("serviceId", { name: found.serviceIdName })}` : ""}
      </p>
      {found.serviceId === null ? <Notice tone="warn">{t("userKey")}</Notice> : null}
    </>
  );
}
