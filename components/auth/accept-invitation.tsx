"use client";

import { useMutation } from "@tanstack/react-query";
import Link from "next/link";
import { signIn, signOut } from "next-auth/react";
import { useTranslations } from "next-intl";
import { useForm } from "react-hook-form";
import { z } from "zod";
import { ProblemNotice } from "@/components/errors/problem";
import { useZodResolver } from "@/components/forms/use-zod-resolver";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { call } from "@/lib/api/contract/call";
import { displayName } from "@/lib/api/contract/common";
import { acceptInvitation } from "@/lib/api/invitations/operations";
import { changePasswordRequest } from "@/lib/api/me/schemas";
import { PasswordInput } from "./password-input";
import { usePasswordError } from "./use-password-error";

/** A whole page load: everything that was cached for nobody, or for another account, is left behind. */
const enter = () => window.location.assign("/");

/** Accepts as the person who is signed in. */
export function AcceptAsYourself({ token, name }: Readonly<{ token: string; name: string }>) {
  const t = useTranslations("auth.invitation");
  const accept = useMutation({
    mutationFn: () => call(acceptInvitation, { token, body: {} }),
    onSuccess: enter,
  });

  return (
    <div className="flex flex-col gap-4">
      <Notice tone="idle">{t("ownPassword")}</Notice>
      {accept.isError ? <ProblemNotice error={accept.error} /> : null}
      <Button
        variant="primary"
        size="large"
        className="w-full"
        pending={accept.isPending || accept.isSuccess}
        onClick={() => accept.mutate()}
      >
        {t("acceptAs", { name })}
      </Button>
    </div>
  );
}

/** For somebody who is signed in as another person than the invitation names. */
export function SignedInAsAnother({ path, email }: Readonly<{ path: string; email: string }>) {
  const t = useTranslations("auth.invitation");

  return (
    <div className="flex flex-col gap-4">
      <Notice tone="warn" title={t("another", { email })} />
      <Button size="large" className="w-full" onClick={() => void signOut({ callbackUrl: path })}>
        {t("signOut")}
      </Button>
    </div>
  );
}

const newPerson = z.object({ name: displayName, password: changePasswordRequest.shape.newPassword });
type NewPerson = z.output<typeof newPerson>;

/** Accepts as somebody who is new here, or leads those to the sign-in who are not. */
export function AcceptAsNewPerson({
  token,
  email,
  name,
}: Readonly<{ token: string; email: string; name: string }>) {
  const t = useTranslations("auth.invitation");
  const tAuth = useTranslations("auth");
  const passwordError = usePasswordError();
  const form = useForm<NewPerson>({
    resolver: useZodResolver<NewPerson, NewPerson>(newPerson),
    defaultValues: { name, password: "" },
  });
  const { errors } = form.formState;
  const signInPath = `/sign-in?callbackUrl=${encodeURIComponent(`/invitations/${token}`)}`;
  const accept = useMutation({
    mutationFn: (body: NewPerson) => call(acceptInvitation, { token, body }),
    onSuccess: async (_, { password }) => {
      await signIn("credentials", { email, password, redirect: false });
      enter();
    },
    // The password lives no longer than the form.
    gcTime: 0,
  });
  const refused = passwordError(accept.error, "password");

  return (
    <div className="flex flex-col gap-5">
      <form
        onSubmit={form.handleSubmit((body) => accept.mutate(body))}
        className="flex flex-col gap-4"
        noValidate
      >
        <Field label={tAuth("email")}>
          <Input value={email} readOnly autoComplete="username" className="h-9 text-muted" />
        </Field>
        <Field label={t("name")} error={errors.name?.message}>
          <Input {...form.register("name")} autoComplete="name" className="h-9" />
        </Field>
        <Field
          label={t("password")}
          hint={tAuth("password.hint")}
          error={errors.password?.message ?? refused}
        >
          <PasswordInput {...form.register("password")} autoComplete="new-password" />
        </Field>
        {accept.isError && refused === undefined ? <ProblemNotice error={accept.error} /> : null}
        <Button
          type="submit"
          variant="primary"
          size="large"
          className="w-full"
          pending={accept.isPending || accept.isSuccess}
        >
          {t("accept")}
        </Button>
      </form>
      <div className="border-line border-t pt-4">
        <p className="mb-2.5 text-muted">{t("known")}</p>
        <Button asChild size="large" className="w-full">
          <Link href={signInPath}>{t("signIn")}</Link>
        </Button>
      </div>
    </div>
  );
}
