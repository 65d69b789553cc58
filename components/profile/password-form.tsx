"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useForm } from "react-hook-form";
import type { z } from "zod";
import { PasswordInput } from "@/components/auth/password-input";
import { usePasswordError } from "@/components/auth/use-password-error";
import { ProblemNotice } from "@/components/errors/problem";
import { useZodResolver } from "@/components/forms/use-zod-resolver";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { call } from "@/lib/api/contract/call";
import { resourceKey } from "@/lib/api/contract/query";
import { changePassword, listSessions } from "@/lib/api/me/operations";
import { changePasswordRequest } from "@/lib/api/me/schemas";

type Change = z.output<typeof changePasswordRequest>;

/** Changes the own password. */
export function PasswordForm({ onDone }: Readonly<{ onDone: () => void }>) {
  const t = useTranslations("auth.password");
  const passwordError = usePasswordError();
  const queryClient = useQueryClient();
  const form = useForm<Change>({
    resolver: useZodResolver<Change, Change>(changePasswordRequest),
    defaultValues: { currentPassword: "", newPassword: "" },
  });
  const { errors } = form.formState;
  const change = useMutation({
    mutationFn: (body: Change) => call(changePassword, { body }),
    onSuccess: async () => {
      form.reset();
      await queryClient.invalidateQueries({ queryKey: resourceKey(listSessions) });
      onDone();
    },
    // The passwords live no longer than the form.
    gcTime: 0,
  });
  const refused = {
    currentPassword: passwordError(change.error, "currentPassword") ? t("wrong") : undefined,
    newPassword: passwordError(change.error, "newPassword"),
  };
  const told = refused.currentPassword ?? refused.newPassword;

  return (
    <form
      onSubmit={form.handleSubmit((body) => change.mutate(body))}
      className="flex max-w-[360px] flex-col gap-4"
      noValidate
    >
      <Field label={t("current")} error={errors.currentPassword?.message ?? refused.currentPassword}>
        <PasswordInput {...form.register("currentPassword")} autoComplete="current-password" />
      </Field>
      <Field label={t("new")} hint={t("hint")} error={errors.newPassword?.message ?? refused.newPassword}>
        <PasswordInput {...form.register("newPassword")} autoComplete="new-password" />
      </Field>
      {change.isError && told === undefined ? <ProblemNotice error={change.error} /> : null}
      <div>
        <Button type="submit" variant="primary" pending={change.isPending}>
          {t("submit")}
        </Button>
      </div>
    </form>
  );
}
