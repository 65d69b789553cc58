"use client";

import { useTranslations } from "next-intl";
import type { ReactNode } from "react";
import { Field, Textarea } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { type RevocationReason, revocationReason } from "@/lib/api/keks/schemas";

/** Why KEKs are revoked, as a person fills it in. */
export type Revocation = { readonly reason: RevocationReason; readonly message: string };

export const UNSPECIFIED: Revocation = { reason: "unspecified", message: "" };

/** The same as requests have it: without a message where nothing was written. */
export function revocationBody({ reason, message }: Revocation): {
  reason: RevocationReason;
  message?: string;
} {
  return message.trim() === "" ? { reason } : { reason, message: message.trim() };
}

/**
 * Reason and message of a revocation.
 * @param hint says what the reason leads to
 * @param children fields that the reason asks for besides
 */
export function RevocationFields({
  value,
  onChange,
  hint,
  children,
}: Readonly<{
  value: Revocation;
  onChange: (value: Revocation) => void;
  hint: ReactNode;
  children?: ReactNode;
}>) {
  const t = useTranslations("keks");
  const tCommon = useTranslations("common");

  return (
    <>
      <Field label={t("revoke.reason")} hint={hint}>
        <Select
          value={value.reason}
          onValueChange={(reason) => onChange({ ...value, reason })}
          options={revocationReason.options.map((reason) => ({
            value: reason,
            label: t(`reason.${reason}`),
          }))}
        />
      </Field>
      {children}
      <Field label={t("revoke.message")} optional={tCommon("optional")} hint={t("revoke.messageHint")}>
        <Textarea
          rows={2}
          maxLength={500}
          value={value.message}
          onChange={(event) => onChange({ ...value, message: event.target.value })}
        />
      </Field>
    </>
  );
}
