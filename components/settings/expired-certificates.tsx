"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { useNow, useTranslations } from "next-intl";
import { Controller, useForm } from "react-hook-form";
import type { z } from "zod";
import { ProblemNotice } from "@/components/errors/problem";
import { useZodResolver } from "@/components/forms/use-zod-resolver";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { ChoiceCards } from "@/components/ui/choice";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Panel } from "@/components/ui/panel";
import { listClientCertificates } from "@/lib/api/client-certificates/operations";
import { query } from "@/lib/api/contract/query";
import { expiredCertificates, type Instance } from "@/lib/api/instances/schemas";
import { refusedBy } from "./refused-by";
import { useUpdate } from "./use-update";

type Rule = z.output<typeof expiredCertificates>;

/** What becomes of clients whose certificate has expired. Whom a choice would turn away is told before it is saved. */
export function ExpiredCertificatesForm({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("settings.expired");
  const tCommon = useTranslations("common");
  const reason = useRoleReason()("administrator");
  const form = useForm<Rule>({
    resolver: useZodResolver<Rule, Rule>(expiredCertificates),
    defaultValues: instance.expiredCertificates,
  });
  const update = useUpdate(instance, t("saved"), (updated) => form.reset(updated.expiredCertificates));
  const chosen = form.watch();
  const refused = useRefused(instance, chosen);

  return (
    <Panel title={t("title")} description={t("description")}>
      <form
        onSubmit={form.handleSubmit((rule) => update.mutate({ expiredCertificates: rule }))}
        className="flex flex-col gap-4"
        noValidate
      >
        <Controller
          control={form.control}
          name="rule"
          render={({ field }) => (
            <ChoiceCards
              label={t("title")}
              value={field.value}
              onValueChange={field.onChange}
              className="sm:grid-cols-2"
              options={(["grace", "warn"] as const).map((rule) => ({
                value: rule,
                title: t(rule),
                detail: t(`${rule}Hint`),
                disabled: Boolean(reason),
              }))}
            />
          )}
        />
        {chosen.rule === "grace" ? (
          <Field
            label={t("days")}
            hint={t("daysHint")}
            error={form.formState.errors.graceDays?.message}
            className="max-w-md"
          >
            <Input
              {...form.register("graceDays", { valueAsNumber: true })}
              type="number"
              min={0}
              max={3650}
              readOnly={Boolean(reason)}
            />
          </Field>
        ) : null}
        {form.formState.isDirty && refused.length > 0 ? (
          <Notice tone="warn" live title={t("refuses", { count: refused.length })}>
            {refused.map(({ name }) => name).join(", ")}
          </Notice>
        ) : null}
        {update.isError ? <ProblemNotice error={update.error} /> : null}
        <div>
          <Button
            type="submit"
            pending={update.isPending}
            disabled={!form.formState.isDirty}
            disabledReason={reason}
          >
            {tCommon("save")}
          </Button>
        </div>
      </form>
    </Panel>
  );
}

/** The instance's certificates whose clients are let in now and would be refused at once. */
function useRefused(instance: Instance, rule: Rule) {
  const now = useNow({ updateInterval: 60_000 });
  const { data } = useInfiniteQuery(query(listClientCertificates, { id: instance.id, limit: 200 }));
  const certificates = data?.pages[0]?.items ?? [];

  return certificates.filter(
    (certificate) =>
      refusedBy(certificate, rule, now) && !refusedBy(certificate, instance.expiredCertificates, now),
  );
}
