"use client";

import { useTranslations } from "next-intl";
import type { ReactNode } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { useKeyManagerName } from "@/components/instances/key-manager-name";
import { ReportBadge } from "@/components/permissions/report";
import { Button } from "@/components/ui/button";
import { Fact, Facts, Panel } from "@/components/ui/panel";
import { StepActions } from "./layout";
import type { Step } from "./state";
import type { StepProps } from "./wizard";

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
  const nameOf = useKeyManagerName("keyManager");
  const tPermissions = useTranslations("permissions");
  const { draft, report } = wizard.state;

  const section = (step: Step, children: ReactNode) => (
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
        {mode === "order"
          ? section(
              "basics",
              <Facts>
                <Fact term={t("basics.name")}>{draft.name}</Fact>
                <Fact term={t("basics.region")}>{draft.region}</Fact>
                {draft.resourceGroup ? (
                  <Fact term={t("basics.resourceGroup")}>{draft.resourceGroup}</Fact>
                ) : null}
              </Facts>,
            )
          : null}
        {section(
          "key-manager",
          draft.later ? (
            <p className="text-muted">{t(draft.authorization ? "review.inactiveHpcs" : "review.inactive")}</p>
          ) : (
            <Facts>
              <Fact term={nameOf(draft.kind)}>
                {draft.keyManager?.name} <span className="text-muted">{draft.keyManager?.region}</span>
              </Fact>
              {draft.endpoint.trim() ? (
                <Fact term={t("manager.endpoint")}>
                  <span className="break-all font-mono text-code">{draft.endpoint.trim()}</span>
                </Fact>
              ) : null}
              {draft.authorization ? (
                <Fact term={t("review.authorization")}>{t("review.authorizationHeld")}</Fact>
              ) : (
                <Fact term={t(draft.kind === "pkcs11" ? "manager.pin" : "manager.apiKey")}>
                  {t("review.apiKeyKept")}
                </Fact>
              )}
            </Facts>
          ),
        )}
        {draft.later
          ? null
          : section(
              "root-key",
              <Facts>
                <Fact term={t("rootKey.name")}>
                  {draft.rootKey?.name}
                  <span className="block break-all font-mono text-code text-muted">{draft.rootKey?.id}</span>
                </Fact>
                <Fact term={t("rootKey.ring")}>{draft.rootKey?.keyRing}</Fact>
                {report ? (
                  <Fact term={tPermissions("title")}>
                    <ReportBadge report={report} />
                  </Fact>
                ) : null}
              </Facts>,
            )}
        {section(
          "certificates",
          draft.certificates.length === 0 ? (
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
          ),
        )}
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
