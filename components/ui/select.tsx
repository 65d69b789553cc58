"use client";

import { Check, ChevronDown } from "lucide-react";
import { Select as Primitive } from "radix-ui";
import type { ReactNode } from "react";
import { cn } from "./cn";
import { controlStyles, useFieldControl } from "./field";
import { useNonce } from "./nonce";

export type SelectOption<Value extends string = string> = {
  value: Value;
  label: ReactNode;
  /** Second, quieter line or words. */
  detail?: ReactNode;
  disabled?: boolean;
};

/** One of a short list. Longer lists get a search of their own. */
export function Select<Value extends string>({
  value,
  onValueChange,
  options,
  placeholder,
  disabled,
  className,
  "aria-label": ariaLabel,
}: Readonly<{
  value: Value | undefined;
  onValueChange: (value: Value) => void;
  options: readonly SelectOption<Value>[];
  placeholder?: ReactNode;
  disabled?: boolean;
  className?: string;
  "aria-label"?: string;
}>) {
  const nonce = useNonce();
  const control = useFieldControl();
  const chosen = options.find((option) => option.value === value);

  return (
    <Primitive.Root
      value={value ?? ""}
      onValueChange={(next) => {
        const option = options.find((candidate) => candidate.value === next);
        // Radix reports "" when the list of options changes under a chosen value: that is nobody's choice.
        if (option) {
          onValueChange(option.value);
        }
      }}
      disabled={disabled}
    >
      <Primitive.Trigger
        {...control}
        aria-label={ariaLabel}
        className={cn(
          controlStyles,
          "flex h-8 items-center justify-between gap-2 px-2.5 text-start text-body data-placeholder:text-muted",
          className,
        )}
      >
        <span className="truncate">
          <Primitive.Value placeholder={placeholder}>
            {chosen ? (
              <>
                {chosen.label}
                {chosen.detail ? <span className="text-muted"> {chosen.detail}</span> : null}
              </>
            ) : null}
          </Primitive.Value>
        </span>
        <Primitive.Icon asChild>
          <ChevronDown aria-hidden="true" className="size-4 shrink-0 text-muted" />
        </Primitive.Icon>
      </Primitive.Trigger>
      <Primitive.Portal>
        <Primitive.Content
          position="popper"
          sideOffset={4}
          collisionPadding={8}
          className="z-50 max-h-(--radix-select-content-available-height) min-w-(--radix-select-trigger-width) max-w-[min(32rem,calc(100vw-1rem))] animate-fade overflow-hidden rounded-control border border-line bg-panel shadow-float"
        >
          <Primitive.Viewport nonce={nonce} className="p-1">
            {options.map((option) => (
              <Primitive.Item
                key={option.value}
                value={option.value}
                disabled={option.disabled}
                className="flex cursor-default select-none items-center gap-2 rounded-[4px] py-1.5 pe-3 ps-2 text-body outline-none data-disabled:opacity-55 data-highlighted:bg-hover"
              >
                <span className="flex size-4 shrink-0 items-center justify-center">
                  <Primitive.ItemIndicator>
                    <Check aria-hidden="true" className="size-4 text-accent-ink" />
                  </Primitive.ItemIndicator>
                </span>
                <span className="min-w-0">
                  <Primitive.ItemText>{option.label}</Primitive.ItemText>
                  {option.detail ? <span className="text-muted"> {option.detail}</span> : null}
                </span>
              </Primitive.Item>
            ))}
          </Primitive.Viewport>
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
