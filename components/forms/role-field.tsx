"use client";

import { useTranslations } from "next-intl";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { type Role, role as roleSchema } from "@/lib/api/contract/common";

/** A role to give, with what it may do. */
export function RoleField({
  label,
  value,
  onChange,
}: Readonly<{ label: string; value: Role; onChange: (role: Role) => void }>) {
  const t = useTranslations("common.role");
  const tMembers = useTranslations("members.role");

  return (
    <Field label={label} hint={tMembers(value)}>
      <Select
        value={value}
        onValueChange={onChange}
        options={roleSchema.options.map((role) => ({ value: role, label: t(role) }))}
      />
    </Field>
  );
}
