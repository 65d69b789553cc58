import { cn } from "./cn";

/** The mark: two interlocked links of a chain. Each passes once over and once under the other. */
export function Mark({ className }: Readonly<{ className?: string }>) {
  return (
    <svg viewBox="0 0 28 16" aria-hidden="true" className={cn("h-4 w-7 text-accent", className)}>
      <g fill="none" stroke="currentColor" strokeWidth="2.2">
        <path d="M12.37 13.02A5.2 5.2 0 0 1 11 13.2H6.4a5.2 5.2 0 0 1 0-10.4H11a5.2 5.2 0 0 1 4.27 8.17" />
        <path d="M15.63 2.98A5.2 5.2 0 0 1 17 2.8h4.6a5.2 5.2 0 0 1 0 10.4H17a5.2 5.2 0 0 1-4.27-8.17" />
      </g>
    </svg>
  );
}
