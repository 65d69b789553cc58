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
import { Notice } from "@/components/ui/notice";
import { Time } from "@/components/ui/time";
import { call } from "@/lib/api/contract/call";
import { resourceKey } from "@/lib/api/contract/query";
import { createInvitation } from "@/lib/api/invitations/operations";
import { createInvitationRequest } from "@/lib/api/invitations/schemas";
import { listMembers } from "@/lib/api/members/operations";

/** Somebody who was invited, with the link that is shown this once. */
export type Invited = { readonly email: string; readonly link: string; readonly expiresAt: string };

/** As the API takes it, but an empty name is none. */
const invitationForm = createInvitationRequest.extend({
  name: z
    .literal("")
    .transform(() => undefined)
    .or(createInvitationRequest.shape.name),
});
type FormInput = z.input<typeof invitationForm>;
type FormOutput = z.output<typeof invitationForm>;

/** Invites somebody to the account and shows the link. */
export function InviteDialog({
  open,
  onOpenChange,
}: Readonly<{ open: boolean; onOpenChange: (open: boolean) => void }>) {
  const t = useTranslations("members.invitation");

  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={t("title")}>
      <Invite onDone={() => onOpenChange(false)} />
    </Dialog>
  );
}

/** Shows the link of somebody who was invited. */
export function LinkDialog({ invited, onClose }: Readonly<{ invited: Invited | null; onClose: () => void }>) {
  const t = useTranslations("members.invitation");

  return (
    <Dialog open={invited !== null} onOpenChange={(open) => open || onClose()} title={t("linkTitle")}>
      {invited ? <InvitationLink invited={invited} onDone={onClose} /> : null}
    </Dialog>
  );
}

function Invite({ onDone }: Readonly<{ onDone: () => void }>) {
  const t = useTranslations("members.invitation");
  const tCommon = useTranslations("common");
  const queryClient = useQueryClient();
  const form = useForm<FormInput, unknown, FormOutput>({
    resolver: useZodResolver<FormInput, FormOutput>(invitationForm),
    defaultValues: { email: "", name: "", role: "viewer" },
  });
  const { errors } = form.formState;
  const invite = useMutation({
    mutationFn: (body: FormOutput) => call(createInvitation, { body }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: resourceKey(listMembers) }),
    // The answer holds the link: it lives no longer than this dialog.
    gcTime: 0,
  });

  if (invite.data?.link) {
    const { email, link, expiresAt } = invite.data;

    return <InvitationLink invited={{ email, link, expiresAt }} onDone={onDone} />;
  }

  return (
    <form
      onSubmit={form.handleSubmit((body) => invite.mutate(body))}
      className="flex flex-col gap-4"
      noValidate
    >
      <Field label={t("email")} error={errors.email?.message}>
        <Input {...form.register("email")} type="email" autoComplete="off" />
      </Field>
      <Field label={t("name")} optional={tCommon("optional")} error={errors.name?.message}>
        <Input {...form.register("name")} autoComplete="off" />
      </Field>
      <Controller
        control={form.control}
        name="role"
        render={({ field }) => <RoleField label={t("role")} value={field.value} onChange={field.onChange} />}
      />
      <FormEnd call={invite} action={t("submit")} onCancel={onDone} />
    </form>
  );
}

function InvitationLink({ invited, onDone }: Readonly<{ invited: Invited; onDone: () => void }>) {
  const t = useTranslations("members.invitation");

  return (
    <div className="flex flex-col gap-4">
      <Notice tone="warn" live title={t("send", { email: invited.email })}>
        {t("note")}
      </Notice>
      <div className="flex items-center gap-2">
        <Input
          readOnly
          value={invited.link}
          aria-label={t("link")}
          className="font-mono text-code"
          onFocus={(event) => event.target.select()}
        />
        <CopyButton value={invited.link} what={t("link")} withText className="h-8" />
      </div>
      <p className="text-muted">
        {t.rich("expires", { when: () => <Time value={invited.expiresAt} kind="date" /> })}
      </p>
      <div className="flex justify-end">
        <Button variant="primary" onClick={onDone}>
          {t("done")}
        </Button>
      </div>
    </div>
  );
}
