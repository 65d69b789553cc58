"use client";

import { signOut } from "next-auth/react";
import { useTranslations } from "next-intl";
import { PasswordForm } from "@/components/profile/password-form";
import { Button } from "@/components/ui/button";

/** The one thing that somebody may do whose password an administrator gave. */
export function ChangeGivenPassword({ callbackUrl }: Readonly<{ callbackUrl: string }>) {
  const t = useTranslations("shell");

  return (
    <div className="flex flex-col gap-5">
      <PasswordForm onDone={() => window.location.assign(callbackUrl)} />
      <div className="border-line border-t pt-4">
        <Button onClick={() => void signOut({ callbackUrl: "/sign-in" })}>{t("signOut")}</Button>
      </div>
    </div>
  );
}
