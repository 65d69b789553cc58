"use client";

import { Tooltip as Primitive } from "radix-ui";
import type { ReactNode } from "react";
import { cn } from "./cn";

export const TooltipProvider = Primitive.Provider;

/** A short text on hover and focus. `children` is one focusable element. */
export function Tooltip({
  content,
  side = "top",
  className,
  children,
}: Readonly<{
  content: ReactNode;
  side?: "top" | "right" | "bottom" | "left";
  className?: string;
  children: ReactNode;
}>) {
  return (
    <Primitive.Root>
      <Primitive.Trigger asChild>{children}</Primitive.Trigger>
      <Primitive.Portal>
        <Primitive.Content
          side={side}
          sideOffset={6}
          collisionPadding={8}
          className={cn(
            "z-50 max-w-72 animate-fade rounded-control border border-line bg-panel px-2.5 py-1.5 text-label text-ink shadow-float",
            className,
          )}
        >
          {content}
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
