"use client";

import { useTranslations } from "next-intl";
import { useProviderWords } from "@/components/key-managers/words";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Select } from "@/components/ui/select";
import type { Draft } from "./draft";
import { providerOf } from "./state";
import type { StepProps } from "./step-props";

type Candidate = NonNullable<Draft["keyManager"]> & { guid?: string };

/** One of what was found. Without `candidates` the choice of before stands there and cannot be changed. */
export function InstanceSelect({
  wizard,
  candidates,
}: Readonly<Pick<StepProps, "wizard"> & { candidates: readonly Candidate[] | null }>) {
  const words = useProviderWords();
  const { state, dispatch } = wizard;
  const provider = providerOf(state);
  const chosen = state.draft.keyManager;
  const shown: readonly Candidate[] = candidates ?? (chosen ? [chosen] : []);

  return shown.length === 0 ? null : (
    <Field label={words(provider, "instance")}>
      <Select
        value={chosen?.crn}
        placeholder={words(provider, "choose")}
        disabled={candidates === null}
        onValueChange={(crn) => {
          const keyManager = shown.find((candidate) => candidate.crn === crn);
          if (keyManager) {
            dispatch({ type: "keyManager", keyManager });
          }
        }}
        options={shown.map(({ crn, name, region, guid }) => ({
          value: crn,
          label: name,
          // What is in no region is told from others by its number.
          detail: region === "" ? guid : region,
        }))}
      />
    </Field>
  );
}

/** What was retrieved, one to choose, and its endpoint; and what is not offered, with the reason. */
export function InstanceChoice({
  wizard,
  instanceRegion,
}: Readonly<Pick<StepProps, "wizard" | "instanceRegion">>) {
  const t = useTranslations("wizard.manager");
  const tCommon = useTranslations("common");
  const { dispatch, state } = wizard;
  const { draft, found } = state;
  const { choices } = providerOf(state);
  const wanted = instanceRegion ?? draft.region;
  const offered = found?.keyManagers.find(({ crn }) => crn === draft.keyManager?.crn)?.endpoints;

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
      <InstanceSelect wizard={wizard} candidates={found?.keyManagers ?? null} />
      {/* Only an API key of the reader's own goes to an address that somebody typed. */}
      {draft.keyManager && choices.endpoint && !draft.authorization ? (
        <Field label={t("endpoint")} hint={t("endpointHint")} optional={tCommon("optional")}>
          <Input
            value={draft.endpoint}
            placeholder={offered?.private ?? offered?.public ?? ""}
            spellCheck={false}
            autoComplete="off"
            maxLength={300}
            className="font-mono"
            onChange={(event) => dispatch({ type: "endpoint", endpoint: event.target.value })}
          />
        </Field>
      ) : null}
      {draft.keyManager && choices.region && wanted && draft.keyManager.region !== wanted ? (
        <Notice tone="warn">
          {t("otherRegion", { name: draft.keyManager.name, region: draft.keyManager.region, wanted })}
        </Notice>
      ) : null}
    </>
  );
}
