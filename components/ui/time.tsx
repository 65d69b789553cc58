"use client";

import { useFormatter, useLocale, useNow, useTimeZone, useTranslations } from "next-intl";
import { cn } from "./cn";
import type { Zone } from "./moments";
import { Tooltip } from "./tooltip";

const EXACT: Intl.DateTimeFormatOptions = {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
};

/** A moment as exact text: the reader's zone and UTC. */
export function useExactTime(): (value: string | Date, zone?: Zone) => string {
  const locale = useLocale();
  const timeZone = useTimeZone() ?? "UTC";

  return (value, zone = "local") =>
    new Intl.DateTimeFormat(locale, {
      ...EXACT,
      timeZone: zone === "utc" ? "UTC" : timeZone,
      timeZoneName: "short",
    }).format(new Date(value));
}

/** Date and time that sort as text, in any language: Swedish writes them so. */
function logTime(date: Date, timeZone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone }).format(date);
}

/**
 * The one way times are shown. `relative` (default): "3 minutes ago", exact on hover and focus;
 * `date`: the day; `exact`: date and time; `log`: the same in the form of logs, 2026-03-03 09:14:05. All are <time> elements with the RFC 3339 value.
 */
export function Time({
  value,
  kind = "relative",
  zone = "local",
  className,
}: Readonly<{
  value: string;
  kind?: "relative" | "date" | "exact" | "log";
  zone?: Zone;
  className?: string;
}>) {
  const t = useTranslations("common");
  const format = useFormatter();
  const timeZone = useTimeZone() ?? "UTC";
  const exact = useExactTime();
  const now = useNow({ updateInterval: 30_000 });
  const date = new Date(value);

  // Two clocks are never quite alike: what lies less than a minute ahead of this one has just happened.
  const seconds = (now.getTime() - date.getTime()) / 1000;
  const text =
    kind === "exact"
      ? exact(value, zone)
      : kind === "log"
        ? logTime(date, zone === "utc" ? "UTC" : timeZone)
        : kind === "date"
          ? format.dateTime(date, {
              year: "numeric",
              month: "short",
              day: "numeric",
              ...(zone === "utc" ? { timeZone: "UTC" } : {}),
            })
          : seconds < 45 && seconds > -60
            ? t("justNow")
            : format.relativeTime(date, now);

  return (
    <Tooltip
      content={
        <span className="tabular block">
          <span className="block">{exact(value)}</span>
          <span className="block text-muted">{date.toISOString()}</span>
        </span>
      }
    >
      <time dateTime={value} className={cn("tabular", className)}>
        {text}
      </time>
    </Tooltip>
  );
}
