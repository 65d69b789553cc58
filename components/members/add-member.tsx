"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { Controller, useForm } from "react-hook-form";
import { z } from "zod";
import { FormEnd } from "@/components/forms/form-end";
import { RoleField } from "@/components/forms/role-field";
import { useZodResolver } from "@/components/forms/use-zod-resolver";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { useToast } from "@/components/ui/toast";
import { call } from "@/lib/api/contract/call";
import { resourceKey } from "@/lib/api/contract/query";
import { createMember, listMembers } from "@/lib/api/members/operations";
import { createMemberRequest } from "@/lib/api/members/schemas";

/** As the API takes it, but an empty password field means none. */
const memberForm = createMemberRequest.extend({
  password: z
    .literal("")
    .transform(() => undefined)
    .or(createMemberRequest.shape.password),
});
type FormInput = z.input<typeof memberForm>;
type FormOutput = z.output<typeof memberForm>;

/** Adds somebody to the account. */
export function AddMemberDialog({
  open,
  onOpenChange,
}: Readonly<{ open: boolean; onOpenChange: (open: boolean) => void }>) {
  const t = useTranslations("members.dialog");

  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={t("title")}>
      <AddMember onDone={() => onOpenChange(false)} />
    </Dialog>
  );
}

function AddMember({ onDone }: Readonly<{ onDone: () => void }>) {
  const t = useTranslations("members.dialog");
  const tCommon = useTranslations("common");
  const toast = useToast();
  const queryClient = useQueryClient();
  const form = useForm<FormInput, unknown, FormOutput>({
    resolver: useZodResolver<FormInput, FormOutput>(memberForm),
    defaultValues: { email: "", name: "", role: "viewer", password: "" },
  });
  const { errors } = form.formState;
  const password = form.watch("password");

  const add = useMutation({
    mutationFn: (body: FormOutput) => call(createMember, { body }),
    onSuccess: async (member) => {
      toast({ title: t("done", { name: member.name }) });
      await queryClient.invalidateQueries({ queryKey: resourceKey(listMembers) });
      onDone();
    },
  });

  return (
    <form onSubmit={form.handleSubmit((body) => add.mutate(body))} className="flex flex-col gap-4" noValidate>
      <Field label={t("email")} error={errors.email?.message}>
        <Input {...form.register("email")} type="email" autoComplete="off" />
      </Field>
      <Field label={t("name")} error={errors.name?.message}>
        <Input {...form.register("name")} autoComplete="off" />
      </Field>
      <Controller
        control={form.control}
        name="role"
        render={({ field }) => <RoleField label={t("role")} value={field.value} onChange={field.onChange} />}
      />
      <div className="flex items-start gap-2">
        <Field
          label={t("password")}
          optional={tCommon("optional")}
          hint={t("passwordHint")}
          error={errors.password?.message}
          className="flex-1"
        >
          <Input {...form.register("password")} autoComplete="off" spellCheck={false} className="font-mono" />
        </Field>
        <span className="flex gap-1 pt-[26px]">
          {password ? <CopyButton value={password} what={t("password")} className="size-8" /> : null}
          <Button onClick={() => form.setValue("password", newPassword(), { shouldValidate: true })}>
            {t("generate")}
          </Button>
        </span>
      </div>
      <FormEnd call={add} action={t("submit")} onCancel={onDone} />
    </form>
  );
}

/** 20 characters of 32 (100 bits) that cannot be mistaken for one another. */
function newPassword(): string {
  const alphabet = "abcdefghjkmnpqrstuvwxyz23456789-";

  return Array.from(crypto.getRandomValues(new Uint8Array(20)), (byte) => alphabet[byte % 32]).join("");
}
