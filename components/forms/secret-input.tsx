import type { ComponentProps } from "react";
import { Input } from "@/components/ui/field";

/** An API key or a PIN. It is no sign-in: password managers must neither fill nor keep it. */
export function SecretInput(
  props: Readonly<
    Omit<ComponentProps<typeof Input>, "type" | "autoComplete" | "spellCheck" | "maxLength" | "className">
  >,
) {
  return (
    <Input
      {...props}
      type="password"
      autoComplete="off"
      data-1p-ignore=""
      data-lpignore="true"
      spellCheck={false}
      maxLength={512}
      className="font-mono"
    />
  );
}
