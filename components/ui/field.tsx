"use client";

import { type ComponentProps, createContext, type ReactNode, use, useId } from "react";
import { cn } from "./cn";

type FieldContext = { id: string; hintId: string | undefined; errorId: string | undefined };
const Context = createContext<FieldContext | null>(null);

/**
 * A labelled control with an optional hint and error. Controls inside take their id and descriptions from it,
 * so that a label always names its control and an error is read out with it.
 */
export function Field({
  label,
  hint,
  error,
  optional,
  className,
  children,
}: Readonly<{
  label: ReactNode;
  hint?: ReactNode;
  error?: ReactNode;
  /** Word shown beside the label of what may be left out. */
  optional?: ReactNode;
  className?: string;
  children: ReactNode;
}>) {
  const id = useId();
  const hintId = hint ? `${id}-hint` : undefined;
  const errorId = error ? `${id}-error` : undefined;

  return (
    <Context value={{ id, hintId, errorId }}>
      <div className={cn("flex min-w-0 flex-col gap-1.5", className)}>
        <div className="flex items-baseline gap-2">
          <label htmlFor={id} className="font-medium text-body">
            {label}
          </label>
          {optional ? <span className="text-label text-muted">{optional}</span> : null}
        </div>
        {children}
        {hint ? (
          <p id={hintId} className="text-label text-muted">
            {hint}
          </p>
        ) : null}
        {error ? (
          <p id={errorId} className="flex gap-1.5 text-bad-ink text-label">
            <span aria-hidden="true">■</span>
            {error}
          </p>
        ) : null}
      </div>
    </Context>
  );
}

/** Attributes that tie a control to its field; empty outside of one. */
export function useFieldControl(): {
  id?: string;
  "aria-describedby"?: string;
  "aria-invalid"?: true;
} {
  const context = use(Context);

  if (context === null) {
    return {};
  }

  const describedBy = [context.errorId, context.hintId].filter(Boolean).join(" ");

  return {
    id: context.id,
    ...(describedBy === "" ? {} : { "aria-describedby": describedBy }),
    ...(context.errorId === undefined ? {} : { "aria-invalid": true as const }),
  };
}

export const controlStyles = [
  "w-full min-w-0 rounded-control border border-field bg-panel text-ink placeholder:text-muted",
  "transition-colors duration-[120ms] hover:border-muted",
  "focus-visible:border-accent focus-visible:outline-2 focus-visible:outline-accent focus-visible:-outline-offset-1 focus-visible:rounded-control",
  "aria-invalid:border-bad",
  "disabled:cursor-not-allowed disabled:bg-sunk disabled:text-muted",
].join(" ");

/** A line of text. */
export function Input({ className, ...props }: Readonly<ComponentProps<"input">>) {
  return (
    <input
      {...useFieldControl()}
      {...props}
      className={cn(controlStyles, "h-8 px-2.5 text-body", className)}
    />
  );
}

/** Several lines of text. */
export function Textarea({ className, ...props }: Readonly<ComponentProps<"textarea">>) {
  return (
    <textarea
      {...useFieldControl()}
      {...props}
      className={cn(controlStyles, "min-h-20 px-2.5 py-1.5 text-body", className)}
    />
  );
}
