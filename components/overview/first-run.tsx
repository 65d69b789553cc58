"use client";

import { useTranslations } from "next-intl";
import { OrderButton } from "@/components/instances/instance-list";
import { Mark } from "@/components/ui/mark";

const STEPS = ["order", "connect", "kek"] as const;

/** The way to the first KEK, while there is no instance. */
export function FirstRun() {
  const t = useTranslations("overview.first");

  return (
    <section className="mb-4 rounded-panel border border-line bg-panel px-5 py-6 sm:px-8 sm:py-8">
      <Mark className="mb-4 h-6 w-10" />
      <h2 className="text-title">{t("title")}</h2>
      <p className="mt-1 text-muted">{t("lead")}</p>
      <ol className="mt-6 grid gap-5 md:grid-cols-3 md:gap-8">
        {STEPS.map((step, index) => (
          <li key={step} className="border-line border-t pt-3">
            <p className="font-semibold">
              <span className="tabular me-2 text-accent-ink">{index + 1}</span>
              {t(step)}
            </p>
            <p className="mt-1 text-muted">{t(`${step}Body`)}</p>
          </li>
        ))}
      </ol>
      <div className="mt-6">
        <OrderButton />
      </div>
    </section>
  );
}
