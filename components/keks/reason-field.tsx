"use client";

import { useTranslations } from "next-intl";
import type { ReactNode } from "react";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { type RevocationReason, revocationReason } from "@/lib/api/keks/schemas";

/** Why a KEK is revoked. `hint` says what that leads to. */
export function ReasonField({
  value,
  onChange,
  hint,
}: Readonly<{ value: RevocationReason; onChange: (reason: RevocationReason) => void; hint: ReactNode }>) {
  const t = useTranslations("keks");

  return (
    <Field label={t("revoke.reason")} hint={hint}>
      <Select
        value={value}
        onValueChange={onChange}
        options={revocationReason.options.map((reason) => ({ value: reason, label: t(`reason.${reason}`) }))}
      />
    </Field>
  );
}
