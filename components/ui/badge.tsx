import type { ReactNode } from "react";
import { cn } from "./cn";

export type Tone = "ok" | "warn" | "bad" | "idle" | "accent";

/** State is shape and word and colour, so that it is read without seeing colours. */
export const SHAPES = { ok: "●", warn: "◆", bad: "■", idle: "○", accent: "●", gone: "✕" } as const;
export type Shape = keyof typeof SHAPES;

const SOFT: Record<Tone, string> = {
  ok: "bg-ok-soft text-ok-ink",
  warn: "bg-warn-soft text-warn-ink",
  bad: "bg-bad-soft text-bad-ink",
  idle: "bg-idle-soft text-muted",
  accent: "bg-accent-soft text-accent-ink",
};

const SOLID: Record<Tone, string> = {
  ok: "text-ok",
  warn: "text-warn",
  bad: "text-bad",
  idle: "text-muted",
  accent: "text-accent",
};

/** A state: shape, word, colour. */
export function StateBadge({
  tone,
  shape = tone,
  className,
  children,
}: Readonly<{ tone: Tone; shape?: Shape; className?: string; children: ReactNode }>) {
  return (
    <span
      className={cn(
        "inline-flex h-5 items-center gap-1 whitespace-nowrap rounded-full px-2 font-medium text-label",
        SOFT[tone],
        className,
      )}
    >
      <ShapeMark shape={shape} />
      {children}
    </span>
  );
}

/** A plain fact beside a title. */
export function Badge({ className, children }: Readonly<{ className?: string; children: ReactNode }>) {
  return (
    <span
      className={cn(
        "inline-flex h-5 items-center whitespace-nowrap rounded-full bg-idle-soft px-2 font-medium text-label text-muted",
        className,
      )}
    >
      {children}
    </span>
  );
}

/** The shape alone; its meaning must stand beside it in words. */
export function ShapeMark({
  shape,
  tone,
  className,
}: Readonly<{ shape: Shape; tone?: Tone; className?: string }>) {
  return (
    <span
      aria-hidden="true"
      className={cn(
        "inline-block w-[1em] text-center font-sans text-[0.7em] leading-none",
        tone && SOLID[tone],
        className,
      )}
    >
      {SHAPES[shape]}
    </span>
  );
}
