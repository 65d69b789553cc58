"use client";

import { useTranslations } from "next-intl";
import type { ReactNode } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { useKindNames, useProviderWords } from "@/components/key-managers/words";
import { ReportBadge } from "@/components/permissions/report";
import { Button } from "@/components/ui/button";
import { Fact, Facts, Panel } from "@/components/ui/panel";
import { StepActions } from "./layout";
import { providerOf, type WizardState } from "./state";
import type { StepProps } from "./step-props";
import type { Step } from "./steps";

/** Everything once more, then the order. */
export function ReviewStep({
  mode,
  wizard,
  onBack,
  onStep,
  onSubmit,
  pending,
  failure,
}: Readonly<StepProps & { onSubmit: () => void; pending: boolean; failure: unknown }>) {
  const t = useTranslations("wizard");
  const tCommon = useTranslations("common");
  const { draft } = wizard.state;

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!pending) {
          onSubmit();
        }
      }}
      className="flex flex-col gap-4"
    >
      <Panel flush title={t(mode === "order" ? "review.title" : "review.titleActivate")}>
        {mode === "order" ? (
          <Section step="basics" onStep={onStep}>
            <Facts>
              <Fact term={t("basics.name")}>{draft.name}</Fact>
              <Fact term={t("basics.region")}>{draft.region}</Fact>
              {draft.resourceGroup ? (
                <Fact term={t("basics.resourceGroup")}>{draft.resourceGroup}</Fact>
              ) : null}
            </Facts>
          </Section>
        ) : null}
        <Section step="key-manager" onStep={onStep}>
          <KeyManager state={wizard.state} />
        </Section>
        {draft.later ? null : (
          <Section step="root-key" onStep={onStep}>
            <RootKey state={wizard.state} />
          </Section>
        )}
        <Section step="certificates" onStep={onStep}>
          {draft.certificates.length === 0 ? (
            <p className="text-muted">{t("review.none")}</p>
          ) : (
            <ul>
              {draft.certificates.map((certificate) => (
                <li key={certificate.sha256} className="truncate">
                  {certificate.name}{" "}
                  <span className="font-mono text-code text-muted">{certificate.sha256.slice(0, 16)}…</span>
                </li>
              ))}
            </ul>
          )}
        </Section>
      </Panel>
      {failure ? <ProblemNotice error={failure} /> : null}
      <StepActions back={<Button onClick={onBack}>{tCommon("back")}</Button>}>
        <Button type="submit" variant="primary" pending={pending}>
          {t(mode === "order" ? "review.submit" : "review.submitActivate")}
        </Button>
      </StepActions>
    </form>
  );
}

/** What a step holds, and the way back to it. */
function Section({
  step,
  onStep,
  children,
}: Readonly<{ step: Step; onStep: (step: Step) => void; children: ReactNode }>) {
  const t = useTranslations("wizard");

  return (
    <section className="flex items-start justify-between gap-4 border-line border-b px-4 py-3 last:border-b-0">
      <div className="min-w-0 flex-1">
        <h3 className="mb-2 font-medium">{t(`step.${step}`)}</h3>
        {children}
      </div>
      <Button
        size="small"
        aria-label={t("review.editStep", { step: t(`step.${step}`) })}
        onClick={() => onStep(step)}
      >
        {t("review.edit")}
      </Button>
    </section>
  );
}

function KeyManager({ state }: Readonly<{ state: WizardState }>) {
  const t = useTranslations("wizard");
  const tAuthorization = useTranslations("keyManagers.authorization");
  const words = useProviderWords();
  const { draft } = state;
  const provider = providerOf(state);
  const { title, short } = useKindNames()(provider.kind, provider.title);

  if (draft.later) {
    return (
      <p className="text-muted">
        {draft.authorization ? tAuthorization("ordered", { title }) : t("review.inactive")}
      </p>
    );
  }

  return (
    <Facts>
      <Fact term={title}>
        {draft.keyManager?.name} <span className="text-muted">{draft.keyManager?.region}</span>
      </Fact>
      {draft.endpoint.trim() ? (
        <Fact term={t("manager.endpoint")}>
          <span className="break-all font-mono text-code">{draft.endpoint.trim()}</span>
        </Fact>
      ) : null}
      {draft.authorization ? (
        <Fact term={tAuthorization("term")}>{tAuthorization("held", { kind: short })}</Fact>
      ) : (
        <Fact term={words(provider, "secret")}>{t("review.apiKeyKept")}</Fact>
      )}
    </Facts>
  );
}

function RootKey({ state: { draft, report } }: Readonly<{ state: WizardState }>) {
  const t = useTranslations("wizard.rootKey");
  const tPermissions = useTranslations("permissions");

  return (
    <Facts>
      <Fact term={t("name")}>
        {draft.rootKey?.name}
        <span className="block break-all font-mono text-code text-muted">{draft.rootKey?.id}</span>
      </Fact>
      <Fact term={t("ring")}>{draft.rootKey?.keyRing}</Fact>
      {report ? (
        <Fact term={tPermissions("title")}>
          <ReportBadge report={report} />
        </Fact>
      ) : null}
    </Facts>
  );
}
