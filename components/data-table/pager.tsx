"use client";

import { ChevronLeft, ChevronRight } from "lucide-react";
import { useTranslations } from "next-intl";
import { Button } from "@/components/ui/button";
import type { Pages } from "./use-pages";

/** Previous and next under a list; nothing when everything is on one page. */
export function Pager({
  pages,
  perPage,
  label,
}: Readonly<{ pages: Pages<unknown>; perPage: number; label: string }>) {
  const t = useTranslations("common");

  if (!pages.hasPrevious && !pages.hasNext) {
    return null;
  }

  return (
    <nav aria-label={label} className="mt-3 flex items-center justify-between gap-3 text-muted">
      <span className="tabular">
        {t("pageNumber", { page: pages.page })} · {t("perPage", { count: perPage })}
      </span>
      <span className="flex gap-2">
        <Button size="small" disabled={!pages.hasPrevious} onClick={pages.previous}>
          <ChevronLeft aria-hidden="true" />
          {t("previous")}
        </Button>
        <Button size="small" disabled={!pages.hasNext} pending={pages.loadingNext} onClick={pages.next}>
          {t("next")}
          <ChevronRight aria-hidden="true" />
        </Button>
      </span>
    </nav>
  );
}
