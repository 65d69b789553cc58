"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useTranslations } from "next-intl";
import { parseAsStringLiteral, useQueryState } from "nuqs";
import { useEffect, useRef } from "react";
import { problemOf } from "@/components/errors/problem";
import { useProviders } from "@/components/key-managers/providers";
import { useProviderWords } from "@/components/key-managers/words";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { PageHeader } from "@/components/ui/page-header";
import { Skeleton } from "@/components/ui/skeleton";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { queryKey } from "@/lib/api/contract/query";
import { activateInstance, createInstance, getInstance, listInstances } from "@/lib/api/instances/operations";
import type { Instance } from "@/lib/api/instances/schemas";
import { permissionReport } from "@/lib/api/key-managers/schemas";
import { BasicsStep } from "./basics-step";
import { CertificatesStep } from "./certificates-step";
import { activationKey, authorizationDraft } from "./draft";
import { WizardLayout } from "./layout";
import { ManagerStep } from "./manager-step";
import { ReviewStep } from "./review-step";
import { RootKeyStep } from "./root-key-step";
import { providerOf, type WizardState } from "./state";
import type { StepProps } from "./step-props";
import { type Mode, orderOf, reachableStep, STEPS, type Step, stepsOf } from "./steps";
import { useWizard, type Wizard } from "./use-wizard";

/** Orders an instance, or gives an ordered one its key manager. */
export function OrderWizard({ instance }: Readonly<{ instance?: Pick<Instance, "id" | "name" | "region"> }>) {
  const t = useTranslations("wizard");
  const tShell = useTranslations("shell");
  const tCommon = useTranslations("common");
  const mode: Mode = instance ? "activate" : "order";
  const reason = useRoleReason()("administrator");
  const wizard = useWizard({
    storageKey: instance ? activationKey(instance.id) : "order",
    instanceId: instance?.id,
    providers: useProviders(),
  });
  const [wanted, setWanted] = useQueryState(
    "step",
    parseAsStringLiteral(STEPS).withOptions({ history: "push", scroll: true }),
  );
  const step = reachableStep(wanted, mode, wizard.state);
  const submit = useSubmit(wizard, instance, (next) => void setWanted(next));
  const form = useFocusOnStep(step);
  const why = useWhy(step, wizard.state);

  const steps = stepsOf(mode, wizard.state.draft);
  const go = (next: Step | undefined) => {
    if (next) {
      void setWanted(next);
    }
  };
  const props: StepProps = {
    mode,
    wizard,
    instanceRegion: instance?.region,
    onNext: () => go(steps[steps.indexOf(step) + 1]),
    onBack: () => go(steps[steps.indexOf(step) - 1]),
    onStep: go,
    error: submit.isError ? problemOf(submit.error).code : null,
  };

  return (
    <>
      <PageHeader
        breadcrumbLabel={tCommon("breadcrumb")}
        breadcrumb={[
          { href: "/instances", label: tShell("instances") },
          ...(instance ? [{ href: `/instances/${instance.id}/overview`, label: instance.name }] : []),
          { label: t(instance ? "breadcrumbActivate" : "breadcrumbOrder") },
        ]}
        title={instance ? t("activateTitle", { name: instance.name }) : t("orderTitle")}
        actions={
          reason ? undefined : (
            <>
              <span className="text-label text-muted max-sm:hidden">{t("draftKept")}</span>
              <Button
                variant="ghost"
                size="small"
                onClick={() => {
                  wizard.forget();
                  window.location.assign(window.location.pathname);
                }}
              >
                {t("discard")}
              </Button>
            </>
          )
        }
      />
      {reason ? (
        <Notice tone="warn">{reason}</Notice>
      ) : wizard.ready ? (
        <WizardLayout mode={mode} state={wizard.state} step={step} onStep={go} why={why}>
          <div ref={form}>
            {step === "basics" ? <BasicsStep {...props} /> : null}
            {step === "key-manager" ? <ManagerStep {...props} /> : null}
            {step === "root-key" ? <RootKeyStep {...props} /> : null}
            {step === "certificates" ? <CertificatesStep {...props} /> : null}
            {step === "review" ? (
              <ReviewStep
                {...props}
                onSubmit={() => submit.mutate()}
                pending={submit.isPending || submit.isSuccess}
                failure={submit.error}
              />
            ) : null}
          </div>
        </WizardLayout>
      ) : (
        <Skeleton className="h-80 max-w-3xl" />
      )}
    </>
  );
}

/** Sends the order; a refusal that belongs to a step shows that step. */
function useSubmit(
  wizard: Wizard,
  instance: Pick<Instance, "id" | "name"> | undefined,
  onStep: (step: Step) => void,
) {
  const t = useTranslations("wizard");
  const router = useRouter();
  const toast = useToast();
  const queryClient = useQueryClient();

  return useMutation({
    mutationFn: () => {
      const options = { idempotencyKey: wizard.state.idempotencyKey };
      const order = orderOf(wizard.state);
      const { keyManager, clientCertificates } = order;

      if (!instance) {
        return call(createInstance, { body: order }, options);
      }
      if (!keyManager) {
        throw new Error("an instance is activated with a key manager");
      }

      return call(
        activateInstance,
        { id: instance.id, body: { keyManager, ...(clientCertificates ? { clientCertificates } : {}) } },
        options,
      );
    },
    onSuccess: (created) => {
      wizard.forget();
      queryClient.setQueryData(queryKey(getInstance, { id: created.id }), created);
      void queryClient.invalidateQueries({ queryKey: queryKey(listInstances) });
      toast({ title: t(instance ? "activated" : "ordered", { name: created.name }) });

      // Ordered is half of it: the authorization names the instance, which has an id from now on.
      if (wizard.state.draft.later && wizard.state.draft.authorization) {
        window.sessionStorage.setItem(
          activationKey(created.id),
          JSON.stringify(authorizationDraft(wizard.state.draft.kind)),
        );
        router.push(`/instances/${created.id}/activate`);
      } else {
        router.push(`/instances/${created.id}/overview`);
      }
    },
    onError: (error) => {
      const problem = problemOf(error);

      if (problem.code === "NAME_TAKEN" && !instance) {
        onStep("basics");
      }

      if (problem.code === "PERMISSION_CHECK_FAILED") {
        const report = permissionReport.safeParse(problem.report);
        if (report.success) {
          wizard.dispatch({ type: "report", report: report.data });
        }
        onStep("root-key");
      }
    },
  });
}

/** Words at the right of a step. */
function useWhy(step: Step, state: WizardState): string[] {
  const t = useTranslations("wizard");
  const words = useProviderWords();
  const provider = providerOf(state);
  const said = (paragraphs: (string | null)[]) => paragraphs.filter((paragraph) => paragraph !== null);

  switch (step) {
    case "basics":
      return [t("basics.why1"), t("basics.why2")];
    case "key-manager":
      return said((["why1", "why2", "why3"] as const).map((word) => words(provider, word)));
    case "root-key":
      return said([t("rootKey.why1"), words(provider, "rootKeyWhy"), t("rootKey.why3")]);
    case "certificates":
      return [t("certificates.why1"), t("certificates.why2")];
    case "review":
      return [t("review.why1"), t("review.why2")];
  }
}

/** Moves the focus into the new step, so that keyboards and screen readers follow. Not at the first one. */
function useFocusOnStep(step: Step) {
  const form = useRef<HTMLDivElement>(null);
  const shown = useRef(step);

  useEffect(() => {
    if (shown.current === step) {
      return;
    }
    shown.current = step;
    const first = ["[data-step-focus]", "input:not([type=file]),[role=radio],button[type=submit]"]
      .map((selector) => form.current?.querySelector<HTMLElement>(selector))
      .find((element) => element != null);
    first?.focus();
  }, [step]);

  return form;
}
