"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useSyncExternalStore } from "react";
import { Controller, useForm } from "react-hook-form";
import { z } from "zod";
import { FormEnd } from "@/components/forms/form-end";
import { RoleField } from "@/components/forms/role-field";
import { useZodResolver } from "@/components/forms/use-zod-resolver";
import { Button } from "@/components/ui/button";
import { CodeBlock, CopyButton } from "@/components/ui/copy";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Select } from "@/components/ui/select";
import { call } from "@/lib/api/contract/call";
import { API_ROOT } from "@/lib/api/contract/operation";
import { resourceKey } from "@/lib/api/contract/query";
import { createToken, listTokens } from "@/lib/api/tokens/operations";
import { createApiTokenRequest } from "@/lib/api/tokens/schemas";

const LIFETIMES = ["7", "30", "90", "365", "never"] as const;
const tokenForm = z.object({
  name: createApiTokenRequest.shape.name,
  role: createApiTokenRequest.shape.role,
  lifetime: z.enum(LIFETIMES),
});
type TokenForm = z.output<typeof tokenForm>;

const noSubscription = () => () => undefined;

/** Creates a token and shows it this once. */
export function CreateTokenDialog({
  open,
  onOpenChange,
}: Readonly<{ open: boolean; onOpenChange: (open: boolean) => void }>) {
  const t = useTranslations("tokens.dialog");

  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={t("title")}>
      <CreateToken onDone={() => onOpenChange(false)} />
    </Dialog>
  );
}

function CreateToken({ onDone }: Readonly<{ onDone: () => void }>) {
  const t = useTranslations("tokens.dialog");
  const queryClient = useQueryClient();
  const form = useForm<TokenForm>({
    resolver: useZodResolver<TokenForm, TokenForm>(tokenForm),
    defaultValues: { name: "", role: "viewer", lifetime: "90" },
  });
  const create = useMutation({
    mutationFn: ({ name, role: wanted, lifetime }: TokenForm) =>
      call(createToken, {
        body: {
          name,
          role: wanted,
          ...(lifetime === "never" ? {} : { expiresInDays: Number(lifetime) }),
        },
      }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: resourceKey(listTokens) }),
    // The answer holds the token: it lives no longer than this dialog.
    gcTime: 0,
  });

  if (create.data?.token) {
    return <Created token={create.data.token} onDone={onDone} />;
  }

  return (
    <form
      onSubmit={form.handleSubmit((body) => create.mutate(body))}
      className="flex flex-col gap-4"
      noValidate
    >
      <Field label={t("name")} hint={t("nameHint")} error={form.formState.errors.name?.message}>
        <Input {...form.register("name")} autoComplete="off" />
      </Field>
      <Controller
        control={form.control}
        name="role"
        render={({ field }) => <RoleField label={t("role")} value={field.value} onChange={field.onChange} />}
      />
      <Field label={t("expires")}>
        <Controller
          control={form.control}
          name="lifetime"
          render={({ field }) => (
            <Select
              value={field.value}
              onValueChange={field.onChange}
              options={LIFETIMES.map((value) => ({
                value,
                label: value === "never" ? t("never") : t("days", { days: Number(value) }),
              }))}
            />
          )}
        />
      </Field>
      <FormEnd call={create} action={t("submit")} onCancel={onDone} />
    </form>
  );
}

function Created({ token, onDone }: Readonly<{ token: string; onDone: () => void }>) {
  const t = useTranslations("tokens.created");
  const origin = useSyncExternalStore(
    noSubscription,
    () => window.location.origin,
    () => "",
  );

  return (
    <div className="flex flex-col gap-4">
      <Notice tone="warn" live title={t("title")}>
        {t("body")}
      </Notice>
      <div className="flex items-center gap-2">
        <Input
          readOnly
          value={token}
          aria-label={t("token")}
          className="font-mono text-code"
          onFocus={(event) => event.target.select()}
        />
        <CopyButton value={token} what={t("token")} withText className="h-8" />
      </div>
      <div>
        <p className="mb-1.5 text-muted">{t("try")}</p>
        <CodeBlock
          code={`curl -sS -H "Authorization: Bearer $TOKEN" ${origin}${API_ROOT}/me`}
          what={t("try")}
        />
      </div>
      <div className="flex justify-end">
        <Button variant="primary" onClick={onDone}>
          {t("done")}
        </Button>
      </div>
    </div>
  );
}
