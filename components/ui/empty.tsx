import type { ReactNode } from "react";
import { cn } from "./cn";

/** Nothing here: none yet (with what to do), or no match (with how to see everything). */
export function Empty({
  mark,
  title,
  action,
  className,
  children,
}: Readonly<{
  mark?: ReactNode;
  title: ReactNode;
  action?: ReactNode;
  className?: string;
  children?: ReactNode;
}>) {
  return (
    <div className={cn("flex flex-col items-center px-6 py-12 text-center", className)}>
      {mark ? <div className="mb-3 text-muted">{mark}</div> : null}
      <p className="font-medium">{title}</p>
      {children ? <div className="mt-1 max-w-md text-muted">{children}</div> : null}
      {action ? <div className="mt-4 flex flex-wrap justify-center gap-2">{action}</div> : null}
    </div>
  );
}
