"use client";

import { useTranslations } from "next-intl";
import { type FormEvent, useId, useState } from "react";
import { useIssueWords } from "@/components/forms/use-zod-resolver";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Panel } from "@/components/ui/panel";
import { displayName } from "@/lib/api/contract/common";
import { region as regionSchema } from "@/lib/api/instances/schemas";
import { StepActions } from "./layout";
import type { StepProps } from "./step-props";
import { isComplete } from "./steps";

/** Regions of IBM Cloud with Key Protect, as suggestions; any other name is taken too. */
const REGIONS = [
  "us-south",
  "us-east",
  "ca-tor",
  "ca-mon",
  "br-sao",
  "eu-de",
  "eu-gb",
  "eu-es",
  "jp-tok",
  "jp-osa",
  "au-syd",
];

/** Name and region. */
export function BasicsStep({ wizard, onNext, error }: Readonly<StepProps>) {
  const t = useTranslations("wizard.basics");
  const tErrors = useTranslations("errors");
  const tCommon = useTranslations("common");
  const words = useIssueWords();
  const listId = useId();
  const [tried, setTried] = useState(false);
  const { state, dispatch } = wizard;
  const { name, region, resourceGroup } = state.draft;

  const nameResult = displayName.safeParse(name, { error: words });
  const nameError =
    error === "NAME_TAKEN"
      ? `${tErrors("codes.NAME_TAKEN")}.`
      : tried && !nameResult.success
        ? nameResult.error.issues[0]?.message
        : undefined;
  const regionError =
    tried && !regionSchema.safeParse(region).success
      ? tErrors(region.trim() === "" ? "zod.required" : "zod.region")
      : undefined;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (isComplete("basics", state)) {
      onNext();
    }
  };

  return (
    <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
      <Panel title={t("title")}>
        <div className="flex flex-col gap-4">
          <Field label={t("name")} hint={t("nameHint")} error={nameError}>
            <Input
              value={name}
              maxLength={80}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => dispatch({ type: "basics", values: { name: event.target.value } })}
            />
          </Field>
          <Field label={t("region")} hint={t("regionHint")} error={regionError} className="max-w-72">
            <Input
              value={region}
              list={listId}
              maxLength={40}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) =>
                dispatch({ type: "basics", values: { region: event.target.value.trim() } })
              }
            />
          </Field>
          <datalist id={listId}>
            {REGIONS.map((value) => (
              <option key={value} value={value} />
            ))}
          </datalist>
          <Field
            label={t("resourceGroup")}
            optional={tCommon("optional")}
            hint={t("resourceGroupHint")}
            className="max-w-72"
          >
            <Input
              value={resourceGroup}
              maxLength={80}
              autoComplete="off"
              onChange={(event) =>
                dispatch({ type: "basics", values: { resourceGroup: event.target.value } })
              }
            />
          </Field>
        </div>
      </Panel>
      <StepActions back={null}>
        <Button type="submit" variant="primary">
          {tCommon("continue")}
        </Button>
      </StepActions>
    </form>
  );
}
