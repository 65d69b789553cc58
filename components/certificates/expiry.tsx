"use client";

import { useNow, useTranslations } from "next-intl";
import { ShapeMark } from "@/components/ui/badge";
import { cn } from "@/components/ui/cn";
import { Time } from "@/components/ui/time";

const DAY = 86_400_000;

/** vSAN's health check turns yellow 30 days before a certificate ends. */
const SOON_DAYS = 30;

/** Whole days until `notAfter`, negative once it has passed. */
export function daysUntil(notAfter: string, now: Date): number {
  return Math.floor((new Date(notAfter).getTime() - now.getTime()) / DAY);
}

/** When a certificate ends: countdown and day, marked when it is near or past. */
export function Expiry({ notAfter, withDate = true }: Readonly<{ notAfter: string; withDate?: boolean }>) {
  const t = useTranslations("certificates.expiry");
  const now = useNow({ updateInterval: 60_000 });
  const days = daysUntil(notAfter, now);
  const ended = new Date(notAfter).getTime() <= now.getTime();
  const near = !ended && days < SOON_DAYS;

  return (
    <span className={cn("whitespace-nowrap tabular", ended && "text-bad-ink", near && "text-warn-ink")}>
      {ended ? <ShapeMark shape="bad" tone="bad" className="me-1" /> : null}
      {near ? <ShapeMark shape="warn" tone="warn" className="me-1" /> : null}
      {ended ? t("expired", { days: Math.max(0, -days - 1) }) : t("in", { days })}
      {withDate ? (
        <span className="text-muted">
          {" · "}
          <Time value={notAfter} kind="date" />
        </span>
      ) : null}
    </span>
  );
}
