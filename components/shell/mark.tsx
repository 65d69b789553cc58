import { cn } from "@/components/ui/cn";

/** The mark: two interlocked links of a chain. The second passes over the first, then under it. */
export function Mark({ className }: Readonly<{ className?: string }>) {
  return (
    <svg viewBox="0 0 28 16" aria-hidden="true" className={cn("h-4 w-7 text-accent", className)}>
      <g fill="none" stroke="currentColor" strokeWidth="2.4">
        <path
          d="M14.6 4.4A5.2 5.2 0 0 0 10.9 2.8H7.2a5.2 5.2 0 0 0 0 10.4h3.7a5.2 5.2 0 0 0 5.2-5.2"
          strokeLinecap="round"
        />
        <path
          d="M13.4 11.6a5.2 5.2 0 0 0 3.7 1.6h3.7a5.2 5.2 0 0 0 0-10.4h-3.7A5.2 5.2 0 0 0 11.9 8"
          strokeLinecap="round"
        />
      </g>
    </svg>
  );
}
