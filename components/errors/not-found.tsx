import Link from "next/link";
import { useTranslations } from "next-intl";
import { Button } from "@/components/ui/button";

/** Nothing at this address. */
export function NothingHere() {
  const t = useTranslations("errors");

  return (
    <div className="mx-auto max-w-lg py-16">
      <h1 className="text-title">{t("notFoundTitle")}</h1>
      <p className="mt-2 text-muted">{t("notFoundBody")}</p>
      <div className="mt-5">
        <Button variant="primary" asChild>
          <Link href="/">{t("goOverview")}</Link>
        </Button>
      </div>
    </div>
  );
}
