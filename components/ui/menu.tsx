"use client";

import { Check } from "lucide-react";
import { DropdownMenu as Primitive } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";
import { cn } from "./cn";

const itemStyles =
  "flex w-full cursor-default select-none items-center gap-2 rounded-[4px] px-2 py-1.5 text-body outline-none data-disabled:opacity-55 data-highlighted:bg-hover [&_svg]:size-4 [&_svg]:shrink-0";

export const MenuSeparator = () => <Primitive.Separator className="my-1 h-px bg-line" />;

/** A menu that opens from `trigger`. */
export function Menu({
  trigger,
  align = "end",
  children,
}: Readonly<{ trigger: ReactNode; align?: "start" | "end"; children: ReactNode }>) {
  return (
    <Primitive.Root modal={false}>
      <Primitive.Trigger asChild>{trigger}</Primitive.Trigger>
      <Primitive.Portal>
        <Primitive.Content
          align={align}
          sideOffset={4}
          collisionPadding={8}
          className="z-50 min-w-44 max-w-80 animate-fade rounded-control border border-line bg-panel p-1 shadow-float"
        >
          {children}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}

export function MenuLabel({ children }: Readonly<{ children: ReactNode }>) {
  return <Primitive.Label className="px-2 py-1.5 text-label text-muted">{children}</Primitive.Label>;
}

/**
 * One thing to do. With `disabledReason` it can be reached and read, and does nothing.
 */
export function MenuItem({
  danger = false,
  disabledReason,
  className,
  onSelect,
  children,
  ...props
}: Readonly<ComponentProps<typeof Primitive.Item> & { danger?: boolean; disabledReason?: ReactNode }>) {
  return (
    <Primitive.Item
      {...props}
      aria-disabled={disabledReason ? true : undefined}
      onSelect={(event) => {
        if (disabledReason) {
          event.preventDefault();

          return;
        }

        onSelect?.(event);
      }}
      className={cn(
        itemStyles,
        danger && "text-bad-ink",
        disabledReason && "flex-col items-start gap-0",
        className,
      )}
    >
      {disabledReason ? (
        <>
          <span className="opacity-60">{children}</span>
          <span className="text-label text-muted">{disabledReason}</span>
        </>
      ) : (
        children
      )}
    </Primitive.Item>
  );
}

/** One of several, with a tick at the chosen one. */
export function MenuRadioGroup<Value extends string>({
  value,
  onValueChange,
  options,
}: Readonly<{
  value: Value;
  onValueChange: (value: Value) => void;
  options: readonly { value: Value; label: ReactNode; lang?: string }[];
}>) {
  return (
    <Primitive.RadioGroup
      value={value}
      onValueChange={(next) => {
        const option = options.find((candidate) => candidate.value === next);
        if (option) {
          onValueChange(option.value);
        }
      }}
    >
      {options.map((option) => (
        <Primitive.RadioItem
          key={option.value}
          value={option.value}
          lang={option.lang}
          className={itemStyles}
        >
          <span className="flex size-4 items-center justify-center">
            <Primitive.ItemIndicator>
              <Check aria-hidden="true" className="text-accent-ink" />
            </Primitive.ItemIndicator>
          </span>
          {option.label}
        </Primitive.RadioItem>
      ))}
    </Primitive.RadioGroup>
  );
}
