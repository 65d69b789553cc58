import type { ReactNode } from "react";
import { cn } from "./cn";

export type Tone = "ok" | "warn" | "bad" | "idle" | "accent";

/** State is shape and word and colour, so that it is read without seeing colours: ● ◆ ■ ○ ✕, drawn alike in every font. */
const SHAPES = {
  ok: <circle cx="5" cy="5" r="4" fill="currentColor" />,
  accent: <circle cx="5" cy="5" r="4" fill="currentColor" />,
  warn: <path d="M5 .2 9.8 5 5 9.8.2 5Z" fill="currentColor" />,
  bad: <rect x="1" y="1" width="8" height="8" fill="currentColor" />,
  idle: <circle cx="5" cy="5" r="3.4" fill="none" stroke="currentColor" strokeWidth="1.3" />,
  gone: <path d="m1.5 1.5 7 7m0-7-7 7" fill="none" stroke="currentColor" strokeWidth="1.6" />,
} as const;
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
    <svg
      viewBox="0 0 10 10"
      aria-hidden="true"
      className={cn("inline-block size-[9px] shrink-0", tone && SOLID[tone], className)}
    >
      {SHAPES[shape]}
    </svg>
  );
}
