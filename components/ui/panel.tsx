import type { ComponentProps, ReactNode } from "react";
import { cn } from "./cn";

/** A bordered area of a page. With a title it is a section that can be found by its heading. */
export function Panel({
  title,
  description,
  actions,
  flush = false,
  className,
  children,
  ...props
}: Readonly<
  Omit<ComponentProps<"section">, "title"> & {
    title?: ReactNode;
    description?: ReactNode;
    actions?: ReactNode;
    /** Content reaches the border (tables, lists). */
    flush?: boolean;
  }
>) {
  return (
    <section {...props} className={cn("min-w-0 rounded-panel border border-line bg-panel", className)}>
      {title ? (
        <div
          className={cn(
            "flex flex-wrap items-start justify-between gap-x-4 gap-y-2 px-4 pt-3.5",
            flush && "border-line border-b pb-3",
          )}
        >
          <div className="min-w-0">
            <h2 className="font-semibold text-body">{title}</h2>
            {description ? <p className="mt-0.5 text-label text-muted">{description}</p> : null}
          </div>
          {actions ? <div className="flex flex-wrap items-center gap-2">{actions}</div> : null}
        </div>
      ) : null}
      {flush ? children : <div className={cn("px-4 pb-4", title ? "pt-3" : "pt-4")}>{children}</div>}
    </section>
  );
}

/** Facts as term and value. */
export function Facts({ className, children }: Readonly<{ className?: string; children: ReactNode }>) {
  return <dl className={cn("grid gap-x-6 gap-y-2.5", className)}>{children}</dl>;
}

/** One fact. `wide` puts the value under its term. */
export function Fact({
  term,
  stacked = false,
  className,
  children,
}: Readonly<{ term: ReactNode; stacked?: boolean; className?: string; children: ReactNode }>) {
  return (
    <div
      className={cn(
        "min-w-0",
        stacked ? "" : "grid gap-x-3 sm:grid-cols-[minmax(6.5rem,9.5rem)_minmax(0,1fr)]",
        className,
      )}
    >
      <dt className="text-muted">{term}</dt>
      <dd className={cn("break-anywhere min-w-0", stacked && "mt-0.5")}>{children}</dd>
    </div>
  );
}
