"use client";

import { Check } from "lucide-react";
import { Checkbox as CheckboxPrimitive, RadioGroup as Primitive, Switch as SwitchPrimitive } from "radix-ui";
import { type ReactNode, useId } from "react";
import { cn } from "./cn";

/** One of a few, each explained: cards in a row. */
export function ChoiceCards<Value extends string>({
  label,
  value,
  onValueChange,
  options,
  className,
}: Readonly<{
  label: string;
  value: Value | undefined;
  onValueChange: (value: Value) => void;
  options: readonly { value: Value; title: ReactNode; detail: ReactNode; disabled?: boolean }[];
  className?: string;
}>) {
  return (
    <Primitive.Root
      aria-label={label}
      value={value ?? null}
      onValueChange={(next) => {
        const option = options.find((candidate) => candidate.value === next);
        if (option) {
          onValueChange(option.value);
        }
      }}
      className={cn("grid gap-2.5 sm:grid-cols-3", className)}
    >
      {options.map((option) => (
        <ChoiceCard key={option.value} {...option} />
      ))}
    </Primitive.Root>
  );
}

function ChoiceCard({
  value,
  title,
  detail,
  disabled,
}: Readonly<{ value: string; title: ReactNode; detail: ReactNode; disabled?: boolean }>) {
  const id = useId();

  return (
    <Primitive.Item
      value={value}
      disabled={disabled}
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-detail`}
      className={cn(
        "flex flex-col items-start gap-0.5 rounded-panel border border-line-strong bg-sunk px-3.5 py-2.5 text-start transition-colors duration-[120ms]",
        "hover:border-muted focus-visible:rounded-panel data-[state=checked]:border-accent data-[state=checked]:bg-accent-soft data-[state=checked]:shadow-[inset_0_0_0_1px_var(--accent)]",
        "disabled:cursor-not-allowed disabled:border-dashed disabled:bg-transparent",
      )}
    >
      <span id={`${id}-title`} className="font-medium">
        {title}
      </span>
      <span id={`${id}-detail`} className="text-muted">
        {detail}
      </span>
    </Primitive.Item>
  );
}

/** Two to four short words of which one holds. */
export function Segmented<Value extends string>({
  label,
  value,
  onValueChange,
  options,
  className,
}: Readonly<{
  label: string;
  value: Value | undefined;
  onValueChange: (value: Value) => void;
  options: readonly { value: Value; label: ReactNode }[];
  className?: string;
}>) {
  return (
    <Primitive.Root
      aria-label={label}
      value={value ?? null}
      orientation="horizontal"
      onValueChange={(next) => {
        const option = options.find((candidate) => candidate.value === next);
        if (option) {
          onValueChange(option.value);
        }
      }}
      className={cn("inline-flex rounded-control border border-line-strong bg-panel p-px", className)}
    >
      {options.map((option) => (
        <Primitive.Item
          key={option.value}
          value={option.value}
          className="h-7 rounded-[5px] px-2.5 text-label text-muted transition-colors duration-[120ms] hover:text-ink data-[state=checked]:bg-idle-soft data-[state=checked]:font-medium data-[state=checked]:text-ink"
        >
          {option.label}
        </Primitive.Item>
      ))}
    </Primitive.Root>
  );
}

/** A box to tick, with its words beside it. */
export function Checkbox({
  checked,
  onCheckedChange,
  label,
  hint,
}: Readonly<{
  checked: boolean;
  onCheckedChange: (checked: boolean) => void;
  label: ReactNode;
  hint?: ReactNode;
}>) {
  const id = useId();

  return (
    <div className="flex items-start gap-2.5">
      <CheckboxPrimitive.Root
        id={id}
        checked={checked}
        onCheckedChange={(next) => onCheckedChange(next === true)}
        aria-describedby={hint ? `${id}-hint` : undefined}
        className="mt-0.5 flex size-4 shrink-0 items-center justify-center rounded-[4px] border border-field bg-panel data-[state=checked]:border-accent data-[state=checked]:bg-accent data-[state=checked]:text-on-accent"
      >
        <CheckboxPrimitive.Indicator>
          <Check aria-hidden="true" className="size-3.5" strokeWidth={3} />
        </CheckboxPrimitive.Indicator>
      </CheckboxPrimitive.Root>
      <div className="min-w-0">
        <label htmlFor={id}>{label}</label>
        {hint ? (
          <p id={`${id}-hint`} className="text-label text-muted">
            {hint}
          </p>
        ) : null}
      </div>
    </div>
  );
}

/** On or off, taking effect at once or with the form around it. */
export function Switch({
  checked,
  onCheckedChange,
  label,
  hint,
  disabled,
}: Readonly<{
  checked: boolean;
  onCheckedChange: (checked: boolean) => void;
  label: ReactNode;
  hint?: ReactNode;
  disabled?: boolean;
}>) {
  const id = useId();

  return (
    <div className="flex items-start justify-between gap-6">
      <div className="min-w-0">
        <label htmlFor={id} className="font-medium">
          {label}
        </label>
        {hint ? (
          <p id={`${id}-hint`} className="mt-0.5 text-label text-muted">
            {hint}
          </p>
        ) : null}
      </div>
      <SwitchPrimitive.Root
        id={id}
        checked={checked}
        onCheckedChange={onCheckedChange}
        disabled={disabled}
        aria-describedby={hint ? `${id}-hint` : undefined}
        className="mt-0.5 h-5 w-9 shrink-0 rounded-full border border-field bg-idle-soft transition-colors duration-[120ms] focus-visible:rounded-full disabled:opacity-55 data-[state=checked]:border-accent data-[state=checked]:bg-accent"
      >
        <SwitchPrimitive.Thumb className="block size-3.5 translate-x-0.5 rounded-full bg-muted transition-transform duration-[120ms] data-[state=checked]:translate-x-[18px] data-[state=checked]:bg-on-accent" />
      </SwitchPrimitive.Root>
    </div>
  );
}
