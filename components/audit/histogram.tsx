"use client";

import { useFormatter, useTranslations } from "next-intl";
import { type PointerEvent, useRef, useState } from "react";
import type { Zone } from "@/components/ui/moments";
import { useExactTime } from "@/components/ui/time";
import type { AuditHistogram } from "@/lib/api/audit-events/schemas";

const HEIGHT = 56;

/**
 * Events over time, failures below successes. Dragging over bars narrows the range; the range buttons and
 * fields do the same for keyboards.
 */
export function Histogram({
  histogram,
  zone,
  onRange,
}: Readonly<{
  histogram: AuditHistogram;
  zone: Zone;
  onRange: (from: string, to: string) => void;
}>) {
  const t = useTranslations("audit.histogram");
  const format = useFormatter();
  const exact = useExactTime();
  const area = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const { buckets, bucketSeconds } = histogram;
  const most = Math.max(1, ...buckets.map((bucket) => bucket.success + bucket.failure + bucket.pending));
  const first = buckets[0];
  const last = buckets.at(-1);

  if (!first || !last) {
    return <div className="h-[88px]" />;
  }

  const endOf = (start: string) => new Date(new Date(start).getTime() + bucketSeconds * 1000).toISOString();
  const indexAt = (event: PointerEvent) => {
    const box = area.current?.getBoundingClientRect();
    const share = box && box.width > 0 ? (event.clientX - box.left) / box.width : 0;

    return Math.min(buckets.length - 1, Math.max(0, Math.floor(share * buckets.length)));
  };
  const sum = (key: "success" | "failure" | "pending") =>
    buckets.reduce((total, bucket) => total + bucket[key], 0);
  const span = buckets.length * bucketSeconds;
  const axis = (moment: string) =>
    format.dateTime(new Date(moment), {
      ...(span > 300 * 86_400 ? { year: "numeric" } : {}),
      month: "short",
      day: "numeric",
      ...(span > 60 * 86_400 ? {} : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
      ...(zone === "utc" ? { timeZone: "UTC" } : {}),
    });
  const words = (index: number) => {
    const bucket = buckets[index];

    return bucket
      ? t("bar", {
          from: exact(bucket.start, zone),
          to: exact(endOf(bucket.start), zone),
          success: format.number(bucket.success + bucket.pending),
          failure: format.number(bucket.failure),
        })
      : "";
  };
  const low = drag ? Math.min(drag.from, drag.to) : 0;
  const high = drag ? Math.max(drag.from, drag.to) : -1;

  return (
    <figure className="px-4 pt-3 pb-2">
      <div
        ref={area}
        role="img"
        aria-label={t("label", {
          success: format.number(sum("success") + sum("pending")),
          failure: format.number(sum("failure")),
          from: exact(first.start, zone),
          to: exact(endOf(last.start), zone),
        })}
        className="relative flex touch-pan-y cursor-crosshair select-none items-end border-line-strong border-b"
        style={{ height: HEIGHT }}
        onPointerDown={(event) => {
          if (event.button !== 0 || event.pointerType === "touch") {
            return;
          }
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag({ from: indexAt(event), to: indexAt(event) });
        }}
        onPointerMove={(event) => {
          const index = indexAt(event);
          setAt(index);
          setDrag((current) => (current ? { ...current, to: index } : null));
        }}
        onPointerLeave={() => setAt(null)}
        onPointerCancel={() => setDrag(null)}
        onPointerUp={() => {
          const from = buckets[low];
          const to = buckets[high];
          setDrag(null);
          if (drag && from && to) {
            onRange(from.start, endOf(to.start));
          }
        }}
      >
        {buckets.map((bucket, index) => (
          <span
            key={bucket.start}
            className="flex min-w-0 flex-1 flex-col justify-end px-px"
            style={{
              height: "100%",
              background:
                index >= low && index <= high
                  ? "var(--accent-soft)"
                  : at === index
                    ? "var(--hover)"
                    : undefined,
            }}
          >
            <span
              className="block rounded-t-[1px] bg-accent opacity-70"
              style={{ height: barHeight(bucket.success + bucket.pending, most) }}
            />
            <span className="block bg-bad" style={{ height: barHeight(bucket.failure, most) }} />
          </span>
        ))}
      </div>
      <figcaption className="tabular mt-1.5 flex justify-between gap-3 text-label text-muted">
        {at === null || drag ? (
          <>
            <span>{axis(first.start)}</span>
            <span className="truncate max-md:hidden">{t("hint")}</span>
            <span>{axis(endOf(last.start))}</span>
          </>
        ) : (
          <span className="truncate text-ink">{words(at)}</span>
        )}
      </figcaption>
    </figure>
  );
}

/** At least two pixels for anything that is there, so that one failure among thousands is seen. */
function barHeight(count: number, most: number): number {
  return count === 0 ? 0 : Math.max(2, Math.round((count / most) * (HEIGHT - 6)));
}
