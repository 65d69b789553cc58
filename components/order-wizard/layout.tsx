"use client";

import { Check } from "lucide-react";
import { useTranslations } from "next-intl";
import { type ReactNode, useEffect, useRef } from "react";
import { cn } from "@/components/ui/cn";
import type { WizardState } from "./state";
import { isComplete, type Mode, type Step, stepsOf } from "./steps";

/** Steps at the left, the form in the centre, why it is asked at the right. */
export function WizardLayout({
  mode,
  state,
  step,
  onStep,
  why,
  children,
}: Readonly<{
  mode: Mode;
  state: WizardState;
  step: Step;
  onStep: (step: Step) => void;
  why: readonly string[];
  children: ReactNode;
}>) {
  const t = useTranslations("wizard");

  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-x-8 gap-y-5 lg:grid-cols-[176px_minmax(0,1fr)] xl:grid-cols-[176px_minmax(0,640px)_minmax(220px,1fr)]">
      <StepList mode={mode} state={state} current={step} onStep={onStep} />
      <div className="flex min-w-0 flex-col gap-4">{children}</div>
      <aside
        aria-labelledby="wizard-why"
        className="border-line text-muted max-xl:border-t max-xl:pt-4 lg:max-xl:col-start-2 xl:self-stretch xl:border-s xl:ps-6"
      >
        <h2 id="wizard-why" className="mb-2.5 font-semibold text-ink">
          {t("why")}
        </h2>
        {why.map((paragraph) => (
          <p key={paragraph} className="mb-3 max-w-prose">
            {paragraph}
          </p>
        ))}
      </aside>
    </div>
  );
}

function StepList({
  mode,
  state,
  current,
  onStep,
}: Readonly<{ mode: Mode; state: WizardState; current: Step; onStep: (step: Step) => void }>) {
  const t = useTranslations("wizard");
  const steps = stepsOf(mode, state.draft);
  const at = steps.indexOf(current);
  const firstOpen = steps.findIndex((step) => !isComplete(step, state));
  const here = useRef<HTMLButtonElement>(null);

  // On narrow screens the steps scroll sideways: the present one stays in sight.
  useEffect(() => {
    if (current) {
      here.current?.scrollIntoView({ block: "nearest", inline: "center" });
    }
  }, [current]);

  return (
    <nav aria-label={t("steps")} className="min-w-0">
      <ol className="scroll-thin flex gap-1 overflow-x-auto lg:flex-col">
        {steps.map((step, index) => {
          // Certificates are optional: none is complete, but nothing that was done.
          const untouched = step === "certificates" && state.draft.certificates.length === 0;
          const done = index < at || (isComplete(step, state) && index < firstOpen && !untouched);
          const open = index <= firstOpen;
          const words = t(step === "review" && mode === "activate" ? "step.reviewActivate" : `step.${step}`);

          return (
            <li key={step}>
              <button
                ref={step === current ? here : undefined}
                type="button"
                aria-current={step === current ? "step" : undefined}
                aria-disabled={!open || undefined}
                onClick={() => {
                  if (open) {
                    onStep(step);
                  }
                }}
                className={cn(
                  "flex h-8 w-full items-center gap-2.5 whitespace-nowrap rounded-control px-2 text-start",
                  step === current ? "font-semibold text-ink" : "text-muted",
                  open ? "hover:text-ink" : "cursor-not-allowed!",
                )}
              >
                <span className="tabular inline-flex w-4 justify-center">
                  {done && step !== current ? (
                    <>
                      <Check aria-hidden="true" className="size-4 text-accent-ink" />
                      <span className="sr-only">{t("stepDone")}</span>
                    </>
                  ) : (
                    index + 1
                  )}
                </span>
                {words}
              </button>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

/** The buttons under a step: back at the left, on at the right. */
export function StepActions({ back, children }: Readonly<{ back: ReactNode; children: ReactNode }>) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-2">
      <div>{back}</div>
      <div className="flex flex-wrap gap-2">{children}</div>
    </div>
  );
}
