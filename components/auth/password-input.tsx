"use client";

import { Eye, EyeOff } from "lucide-react";
import { useTranslations } from "next-intl";
import { type ComponentProps, useState } from "react";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/field";

/** A person's own password, which may be looked at. */
export function PasswordInput(
  props: Readonly<Omit<ComponentProps<typeof Input>, "type" | "className"> & { autoComplete: string }>,
) {
  const t = useTranslations("auth");
  const [shown, setShown] = useState(false);

  return (
    <span className="relative">
      <Input {...props} type={shown ? "text" : "password"} className="h-9 pe-10" />
      <Button
        variant="ghost"
        size="icon-small"
        aria-label={t(shown ? "hidePassword" : "showPassword")}
        aria-pressed={shown}
        onClick={() => setShown((value) => !value)}
        className="absolute end-1 top-1 text-muted"
      >
        {shown ? <EyeOff aria-hidden="true" /> : <Eye aria-hidden="true" />}
      </Button>
    </span>
  );
}
