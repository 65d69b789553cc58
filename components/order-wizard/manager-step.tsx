"use client";

import { useTranslations } from "next-intl";
import type { ReactNode } from "react";
import { useKindNames, useProviderWords } from "@/components/key-managers/words";
import { Button } from "@/components/ui/button";
import { ChoiceCards } from "@/components/ui/choice";
import { Notice } from "@/components/ui/notice";
import { Panel } from "@/components/ui/panel";
import { ByAuthorization, TwoSteps } from "./by-authorization";
import { ByList } from "./by-list";
import { BySecret } from "./by-secret";
import { StepActions } from "./layout";
import { providerOf } from "./state";
import type { StepProps } from "./step-props";
import { isComplete } from "./steps";

/** Kind of key manager, what it is entered with, and the instance. */
export function ManagerStep(props: Readonly<StepProps>) {
  const { mode, wizard, onNext, onBack } = props;
  const t = useTranslations("wizard.manager");
  const tCommon = useTranslations("common");
  const { state, dispatch } = wizard;
  const ready = isComplete("key-manager", state);
  const notReady = useNotReady(props);

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
          <KindCards {...props} />
          <Way {...props} />
        </div>
      </Panel>
      <StepActions back={mode === "order" ? <Button onClick={onBack}>{tCommon("back")}</Button> : null}>
        {mode === "order" && !state.draft.later && !ready ? (
          <Button variant="ghost" onClick={() => dispatch({ type: "later", later: true })}>
            {t("later")}
          </Button>
        ) : null}
        <Button type="submit" variant="primary" disabledReason={ready ? undefined : notReady}>
          {tCommon("continue")}
        </Button>
      </StepActions>
    </form>
  );
}

/** What the step waits for. */
function useNotReady({ wizard: { state } }: Readonly<StepProps>): string | null {
  const t = useTranslations("keyManagers.authorization");
  const words = useProviderWords();
  const provider = providerOf(state);
  const { short } = useKindNames()(provider.kind, provider.title);

  return state.draft.authorization ? t("notReady", { kind: short }) : words(provider, "notReady");
}

/** The kinds that there are. One that can authorize the instance begins with that. */
function KindCards({ mode, wizard }: Readonly<StepProps>) {
  const t = useTranslations("wizard.manager");
  const words = useProviderWords();
  const { state, dispatch } = wizard;
  const { draft, providers } = state;

  return (
    <ChoiceCards
      label={t("kind")}
      value={draft.later && !draft.authorization ? undefined : draft.kind}
      onValueChange={(kind) =>
        dispatch(
          providers.some((provider) => provider.kind === kind && provider.authorization)
            ? { type: "authorization", kind, authorization: true, ordered: mode === "activate" }
            : { type: "kind", kind },
        )
      }
      options={providers.map((provider) => ({
        value: provider.kind,
        title: words(provider, "title") ?? provider.title,
        detail:
          (provider.authorization ? words(provider, "choiceAuthorized") : null) ?? words(provider, "choice"),
      }))}
    />
  );
}

/** The way to an instance of the chosen kind. */
function Way({ mode, wizard, instanceRegion }: Readonly<StepProps>): ReactNode {
  const t = useTranslations("wizard.manager");
  const { state, dispatch } = wizard;
  const { kind, authorization, later } = state.draft;
  const withSecret = () =>
    dispatch({ type: "authorization", kind, authorization: false, ordered: mode === "activate" });

  if (authorization) {
    return later ? (
      <TwoSteps wizard={wizard} onApiKey={withSecret} />
    ) : (
      <ByAuthorization wizard={wizard} instanceRegion={instanceRegion} onApiKey={withSecret} />
    );
  }

  if (later) {
    return (
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
    );
  }

  // Another kind begins anew: what failed for the one before is nothing that failed here.
  return providerOf(state).credential.toDiscover ? (
    <BySecret key={kind} wizard={wizard} instanceRegion={instanceRegion} />
  ) : (
    <ByList key={kind} wizard={wizard} />
  );
}
