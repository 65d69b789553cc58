"use client";

import { signIn } from "next-auth/react";
import { useTranslations } from "next-intl";
import { type FormEvent, useState } from "react";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { type SignInError, signInErrorOf } from "./errors";
import { PasswordInput } from "./password-input";

/** Sign-in by email and password, and by the identity provider when one is configured. */
export function SignInForm({
  oidc,
  callbackUrl,
  initialError,
}: Readonly<{
  oidc: { id: string; name: string } | null;
  callbackUrl: string;
  initialError: SignInError | null;
}>) {
  const t = useTranslations("auth");
  const [error, setError] = useState(initialError);
  const [pending, setPending] = useState<"password" | "oidc" | null>(null);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (pending) {
      return;
    }
    const data = new FormData(event.currentTarget);
    setPending("password");
    setError(null);

    try {
      const result = await signIn("credentials", {
        email: String(data.get("email") ?? ""),
        password: String(data.get("password") ?? ""),
        redirect: false,
        callbackUrl,
      });

      if (result?.ok) {
        // A whole page load: everything that was cached for nobody is left behind.
        window.location.assign(callbackUrl);

        return;
      }

      setError(signInErrorOf(result?.error ?? "other"));
    } catch {
      setError("unreachable");
    }

    setPending(null);
  };

  return (
    <div className="flex flex-col gap-4">
      {error ? (
        <Notice
          tone={error === "session" || error === "noAccount" ? "idle" : "bad"}
          live
          title={t(`errors.${error}`)}
        />
      ) : null}
      <form onSubmit={submit} className="flex flex-col gap-4" noValidate>
        <Field label={t("email")}>
          <Input name="email" type="email" autoComplete="username" required autoFocus className="h-9" />
        </Field>
        <Field label={t("passwordLabel")}>
          <PasswordInput name="password" autoComplete="current-password" required />
        </Field>
        <Button
          type="submit"
          variant="primary"
          size="large"
          pending={pending === "password"}
          className="mt-1 w-full"
        >
          {t("submit")}
        </Button>
      </form>
      {oidc ? (
        <>
          <div className="flex items-center gap-3 text-label text-muted">
            <span className="h-px flex-1 bg-line" />
            {t("or")}
            <span className="h-px flex-1 bg-line" />
          </div>
          <Button
            size="large"
            pending={pending === "oidc"}
            className="w-full"
            onClick={() => {
              setPending("oidc");
              void signIn(oidc.id, { callbackUrl });
            }}
          >
            {t("oidc", { name: oidc.name })}
          </Button>
        </>
      ) : null}
    </div>
  );
}
