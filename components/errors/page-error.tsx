"use client";

import Link from "next/link";
import { useTranslations } from "next-intl";
import { Button } from "@/components/ui/button";

/** A page that could not be drawn: what it means, try again, or go elsewhere. */
export function PageError({
  digest,
  onRetry,
}: Readonly<{ digest: string | undefined; onRetry: () => void }>) {
  const t = useTranslations("errors");
  const tCommon = useTranslations("common");

  return (
    <div className="mx-auto max-w-lg py-16" role="alert">
      <h1 className="text-title">{t("pageTitle")}</h1>
      <p className="mt-2 text-muted">{t("pageBody")}</p>
      {digest ? (
        <p className="mt-2 font-mono text-code text-muted">{t("requestId", { id: digest })}</p>
      ) : null}
      <div className="mt-5 flex gap-2">
        <Button variant="primary" onClick={onRetry}>
          {tCommon("retry")}
        </Button>
        <Button asChild>
          <Link href="/">{t("goOverview")}</Link>
        </Button>
      </div>
    </div>
  );
}
