"use client";

import { useTranslations } from "next-intl";
import { useState } from "react";
import { Controller, useForm } from "react-hook-form";
import { z } from "zod";
import { ProblemNotice, problemOf } from "@/components/errors/problem";
import { SecretInput } from "@/components/forms/secret-input";
import { useZodResolver } from "@/components/forms/use-zod-resolver";
import { useInstance } from "@/components/instances/use-instance";
import { useProviders } from "@/components/key-managers/providers";
import { useProviderWords } from "@/components/key-managers/words";
import { ReportChecks } from "@/components/permissions/report";
import { RootKeySettings } from "@/components/root-key/root-key-settings";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { Switch } from "@/components/ui/choice";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Panel } from "@/components/ui/panel";
import { displayName } from "@/lib/api/contract/common";
import { cachePolicy, type Instance } from "@/lib/api/instances/schemas";
import { apiKey, permissionReport } from "@/lib/api/key-managers/schemas";
import { DeleteInstance } from "./delete-instance";
import { ExpiredCertificatesForm } from "./expired-certificates";
import { useUpdate } from "./use-update";

/** What can be changed on an instance, and its deletion. */
export function InstanceSettings({ instanceId }: Readonly<{ instanceId: string }>) {
  const instance = useInstance(instanceId);

  return (
    <div className="flex max-w-3xl flex-col gap-4">
      <NameForm instance={instance} />
      <PolicyForm instance={instance} />
      <ExpiredCertificatesForm instance={instance} />
      <RootKeySettings instance={instance} />
      <ApiKeyForm instance={instance} />
      <DeleteInstance instance={instance} />
    </div>
  );
}

const nameForm = z.object({ name: displayName });
type NameForm = z.output<typeof nameForm>;

function NameForm({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("settings.general");
  const tCommon = useTranslations("common");
  const reason = useRoleReason()("administrator");
  const form = useForm<NameForm>({
    resolver: useZodResolver<NameForm, NameForm>(nameForm),
    defaultValues: { name: instance.name },
  });
  const update = useUpdate(instance, t("saved"), (updated) => form.reset({ name: updated.name }));

  return (
    <Panel title={t("title")}>
      <form
        onSubmit={form.handleSubmit((body) => update.mutate(body))}
        className="flex flex-col gap-3"
        noValidate
      >
        <div className="flex items-start gap-2">
          <Field
            label={t("name")}
            error={form.formState.errors.name?.message}
            className="max-w-md flex-1 [&>div:first-child]:sr-only"
          >
            <Input {...form.register("name")} autoComplete="off" readOnly={Boolean(reason)} />
          </Field>
          <Button
            type="submit"
            pending={update.isPending}
            disabled={!form.formState.isDirty}
            disabledReason={reason}
          >
            {tCommon("save")}
          </Button>
        </div>
        {update.isError ? <ProblemNotice error={update.error} /> : null}
      </form>
    </Panel>
  );
}

const policyForm = z.object({
  ...cachePolicy.shape,
  activateOnCreate: z.boolean(),
  serveCompromised: z.boolean(),
});
type PolicyForm = z.output<typeof policyForm>;

function PolicyForm({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("settings.policy");
  const tCommon = useTranslations("common");
  const reason = useRoleReason()("administrator");
  const values = (from: Instance): PolicyForm => ({
    ...from.cachePolicy,
    activateOnCreate: from.activateOnCreate,
    serveCompromised: from.serveCompromised,
  });
  const form = useForm<PolicyForm>({
    resolver: useZodResolver<PolicyForm, PolicyForm>(policyForm),
    defaultValues: values(instance),
  });
  const update = useUpdate(instance, t("saved"), (updated) => form.reset(values(updated)));
  const { errors } = form.formState;

  const submit = ({ cacheTtlSeconds, outageGraceSeconds, ...rest }: PolicyForm) =>
    update.mutate({ cachePolicy: { cacheTtlSeconds, outageGraceSeconds }, ...rest });

  return (
    <Panel title={t("title")} description={t("description")}>
      <form onSubmit={form.handleSubmit(submit)} className="flex flex-col gap-4" noValidate>
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label={t("ttl")} hint={t("ttlHint")} error={errors.cacheTtlSeconds?.message}>
            <Input
              {...form.register("cacheTtlSeconds", { valueAsNumber: true })}
              type="number"
              min={0}
              max={86400}
              readOnly={Boolean(reason)}
            />
          </Field>
          <Field label={t("grace")} hint={t("graceHint")} error={errors.outageGraceSeconds?.message}>
            <Input
              {...form.register("outageGraceSeconds", { valueAsNumber: true })}
              type="number"
              min={0}
              max={604800}
              readOnly={Boolean(reason)}
            />
          </Field>
        </div>
        {(["activateOnCreate", "serveCompromised"] as const).map((name) => (
          <Controller
            key={name}
            control={form.control}
            name={name}
            render={({ field }) => (
              <Switch
                checked={field.value}
                onCheckedChange={field.onChange}
                disabled={Boolean(reason)}
                label={t(name)}
                hint={t(`${name}Hint`)}
              />
            )}
          />
        ))}
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

function ApiKeyForm({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("settings.apiKey");
  const { keyManager } = instance;

  return keyManager === null ? (
    <Panel title={t("title")}>
      <Notice>{t("inactive")}</Notice>
    </Panel>
  ) : (
    <ReplaceSecret instance={instance} keyManager={keyManager} />
  );
}

/** Another API key or PIN in the place of the one that is kept. */
function ReplaceSecret({
  instance,
  keyManager: { kind, serviceIdName },
}: Readonly<{ instance: Instance; keyManager: NonNullable<Instance["keyManager"]> }>) {
  const t = useTranslations("settings.apiKey");
  const reason = useRoleReason()("administrator");
  const words = useProviderWords();
  const providers = useProviders();
  const provider = providers.find((each) => each.kind === kind) ?? providers[0];
  const [value, setValue] = useState("");
  const update = useUpdate(instance, words(provider, "replaced"), () => setValue(""));
  const problem = update.isError ? problemOf(update.error) : null;
  const report = permissionReport.safeParse(problem?.report);

  return (
    <Panel title={words(provider, "secret")} description={words(provider, "replaceDescription")}>
      <form
        className="flex flex-col gap-3"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (apiKey.safeParse(value).success) {
            update.mutate({ apiKey: value.trim() });
          }
        }}
      >
        {serviceIdName ? <p className="text-muted">{t("current", { name: serviceIdName })}</p> : null}
        <Field label={words(provider, "replaceLabel")} hint={t("hint")} className="max-w-md">
          <SecretInput
            value={value}
            readOnly={Boolean(reason)}
            onChange={(event) => {
              setValue(event.target.value);
              update.reset();
            }}
          />
        </Field>
        {problem ? <ProblemNotice error={update.error} /> : null}
        {report.success ? (
          <div className="rounded-control border border-line">
            <ReportChecks checks={report.data.checks} />
          </div>
        ) : null}
        <div>
          <Button
            type="submit"
            pending={update.isPending}
            disabled={!apiKey.safeParse(value).success}
            disabledReason={reason}
          >
            {words(provider, "replace")}
          </Button>
        </div>
      </form>
    </Panel>
  );
}
