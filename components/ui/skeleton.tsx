import { cn } from "./cn";

/** A place where something will stand. */
export function Skeleton({ className }: Readonly<{ className?: string }>) {
  return (
    <span aria-hidden="true" className={cn("block animate-pulse rounded-[4px] bg-idle-soft", className)} />
  );
}

/** Rows of a list that is being read. */
export function SkeletonRows({ rows = 6, className }: Readonly<{ rows?: number; className?: string }>) {
  return (
    <div aria-hidden="true" className={cn("divide-y divide-line", className)}>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are alike and never reordered
        <div key={index} className="flex h-9 items-center gap-6 px-4">
          <Skeleton className="h-3 w-1/4" />
          <Skeleton className="h-3 w-16" />
          <Skeleton className="h-3 w-1/3" />
          <Skeleton className="ms-auto h-3 w-20" />
        </div>
      ))}
    </div>
  );
}
