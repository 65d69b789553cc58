"use client";

import { Check, Minus } from "lucide-react";
import { Checkbox } from "radix-ui";

/** A checkbox of a table row or of all of them; its target is larger than its square. */
export function SelectBox({
  label,
  checked,
  onChange,
}: Readonly<{ label: string; checked: boolean | "indeterminate"; onChange: (checked: boolean) => void }>) {
  return (
    <Checkbox.Root
      aria-label={label}
      checked={checked}
      onCheckedChange={(next) => onChange(next === true)}
      className="group/box -m-1 flex size-6 items-center justify-center align-middle"
    >
      <span className="flex size-4 items-center justify-center rounded-[4px] border border-field bg-panel text-on-accent group-data-[state=checked]/box:border-accent group-data-[state=indeterminate]/box:border-accent group-data-[state=checked]/box:bg-accent group-data-[state=indeterminate]/box:bg-accent">
        <Checkbox.Indicator>
          {checked === "indeterminate" ? (
            <Minus aria-hidden="true" className="size-3.5" strokeWidth={3} />
          ) : (
            <Check aria-hidden="true" className="size-3.5" strokeWidth={3} />
          )}
        </Checkbox.Indicator>
      </span>
    </Checkbox.Root>
  );
}
