import type { ReactNode } from "react";
import { ShapeMark, type Tone } from "./badge";
import { cn } from "./cn";

const GROUND: Record<Tone, string> = {
  ok: "border-ok/35 bg-ok-soft",
  warn: "border-warn/40 bg-warn-soft",
  bad: "border-bad/35 bg-bad-soft",
  idle: "border-line bg-sunk",
  accent: "border-accent/35 bg-accent-soft",
};

/** Something the reader must know here: what happened, what it means, what to do. */
export function Notice({
  tone = "idle",
  title,
  actions,
  live = false,
  className,
  children,
}: Readonly<{
  tone?: Tone;
  title?: ReactNode;
  actions?: ReactNode;
  /** Read out when it appears (an error after a click). */
  live?: boolean;
  className?: string;
  children?: ReactNode;
}>) {
  return (
    <div
      {...(live ? { role: "alert" } : {})}
      className={cn("flex items-start gap-2.5 rounded-control border px-3 py-2.5", GROUND[tone], className)}
    >
      <ShapeMark shape={tone} tone={tone} className="mt-[5.5px]" />
      <div className="min-w-0 flex-1">
        {title ? <p className="break-anywhere font-medium">{title}</p> : null}
        {children ? <div className={cn("break-anywhere", title && "mt-0.5")}>{children}</div> : null}
        {actions ? <div className="mt-2.5 flex flex-wrap gap-2">{actions}</div> : null}
      </div>
    </div>
  );
}
