import Link from "next/link";
import type { ReactNode } from "react";

/** Breadcrumb, title with its state, at most two actions. */
export function PageHeader({
  breadcrumb,
  breadcrumbLabel,
  title,
  badges,
  actions,
  description,
}: Readonly<{
  breadcrumb?: readonly { href?: string; label: ReactNode }[];
  breadcrumbLabel?: string;
  title: ReactNode;
  badges?: ReactNode;
  actions?: ReactNode;
  description?: ReactNode;
}>) {
  return (
    <header className="mb-5">
      {breadcrumb ? (
        <nav aria-label={breadcrumbLabel} className="mb-2 text-label text-muted">
          <ol className="flex flex-wrap items-center">
            {breadcrumb.map((crumb, index) => (
              <li key={crumb.href ?? "here"} className="flex items-center">
                {index > 0 ? (
                  <span aria-hidden="true" className="px-1.5 text-line-strong">
                    /
                  </span>
                ) : null}
                {crumb.href ? (
                  <Link href={crumb.href} className="underline-offset-4 hover:text-ink hover:underline">
                    {crumb.label}
                  </Link>
                ) : (
                  <span aria-current="page" className="break-anywhere">
                    {crumb.label}
                  </span>
                )}
              </li>
            ))}
          </ol>
        </nav>
      ) : null}
      <div className="flex flex-wrap items-start gap-x-4 gap-y-3">
        <div className="min-w-0 flex-[1_1_18rem]">
          <div className="flex min-h-8 flex-wrap items-center gap-x-3 gap-y-1.5">
            <h1 className="break-anywhere text-title">{title}</h1>
            {badges}
          </div>
          {description ? <p className="mt-1 max-w-3xl text-muted">{description}</p> : null}
        </div>
        {actions ? <div className="flex flex-wrap items-center gap-2">{actions}</div> : null}
      </div>
    </header>
  );
}
