"use client";

import { useFormatter, useTranslations } from "next-intl";
import { type PointerEvent, useState } from "react";
import type { Zone } from "@/components/ui/moments";
import { useExactTime } from "@/components/ui/time";
import type { AuditHistogram } from "@/lib/api/audit-events/schemas";

const HEIGHT = 56;

type Bucket = AuditHistogram["buckets"][number];
type Props = Readonly<{
  histogram: AuditHistogram;
  zone: Zone;
  onRange: (from: string, to: string) => void;
}>;

/**
 * Events over time, failures below successes. Dragging over bars narrows the range; the range buttons and
 * fields do the same for keyboards.
 */
export function Histogram({ histogram, zone, onRange }: Props) {
  const t = useTranslations("audit.histogram");
  const format = useFormatter();
  const exact = useExactTime();
  const words = useHistogramWords(histogram, zone);
  const { buckets } = histogram;
  const pointer = useBarPointer(buckets.length, (low, high) => {
    const from = buckets[low];
    const to = buckets[high];
    if (from && to) {
      onRange(from.start, endOf(to, histogram));
    }
  });
  const { at, low, high, dragging } = pointer;
  const most = Math.max(1, ...buckets.map((bucket) => bucket.success + bucket.failure + bucket.pending));
  const sum = (key: "success" | "failure" | "pending") =>
    buckets.reduce((total, bucket) => total + bucket[key], 0);
  const first = buckets[0];
  const last = buckets.at(-1);
  const pointed = at === null ? undefined : buckets[at];

  if (!first || !last) {
    return <div className="h-[88px]" />;
  }

  return (
    <figure className="px-4 pt-3 pb-2">
      <div
        {...pointer.handlers}
        role="img"
        aria-label={t("label", {
          success: format.number(sum("success") + sum("pending")),
          failure: format.number(sum("failure")),
          from: exact(first.start, zone),
          to: exact(endOf(last, histogram), zone),
        })}
        className="relative flex touch-pan-y cursor-crosshair select-none items-end border-line-strong border-b"
        style={{ height: HEIGHT }}
      >
        {buckets.map((bucket, index) => (
          <Bar
            key={bucket.start}
            bucket={bucket}
            most={most}
            ground={index >= low && index <= high ? "chosen" : at === index ? "pointed" : undefined}
          />
        ))}
      </div>
      <figcaption className="tabular mt-1.5 flex justify-between gap-3 text-label text-muted">
        {pointed === undefined || dragging ? (
          <>
            <span>{words.axis(first.start)}</span>
            <span className="truncate max-md:hidden">{t("hint")}</span>
            <span>{words.axis(endOf(last, histogram))}</span>
          </>
        ) : (
          <span className="truncate text-ink">{words.bar(pointed)}</span>
        )}
      </figcaption>
    </figure>
  );
}

/** When the time of a bar ends. */
function endOf(bucket: Bucket, { bucketSeconds }: AuditHistogram): string {
  return new Date(new Date(bucket.start).getTime() + bucketSeconds * 1000).toISOString();
}

/** Words of the axis, as exact as its span allows, and of one bar. */
function useHistogramWords(histogram: AuditHistogram, zone: Zone) {
  const t = useTranslations("audit.histogram");
  const format = useFormatter();
  const exact = useExactTime();
  const span = histogram.buckets.length * histogram.bucketSeconds;

  return {
    axis: (moment: string) =>
      format.dateTime(new Date(moment), {
        ...(span > 300 * 86_400 ? { year: "numeric" } : {}),
        month: "short",
        day: "numeric",
        ...(span > 60 * 86_400 ? {} : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
        ...(zone === "utc" ? { timeZone: "UTC" } : {}),
      }),
    bar: (bucket: Bucket) =>
      t("bar", {
        from: exact(bucket.start, zone),
        to: exact(endOf(bucket, histogram), zone),
        success: format.number(bucket.success + bucket.pending),
        failure: format.number(bucket.failure),
      }),
  };
}

/** Which bar the pointer is over, and over which it was dragged. */
function useBarPointer(count: number, onDragged: (low: number, high: number) => void) {
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const low = drag ? Math.min(drag.from, drag.to) : 0;
  const high = drag ? Math.max(drag.from, drag.to) : -1;

  const indexAt = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const share = box.width > 0 ? (event.clientX - box.left) / box.width : 0;

    return Math.min(count - 1, Math.max(0, Math.floor(share * count)));
  };

  return {
    at,
    low,
    high,
    dragging: drag !== null,
    handlers: {
      onPointerDown: (event: PointerEvent) => {
        if (event.button !== 0 || event.pointerType === "touch") {
          return;
        }
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag({ from: indexAt(event), to: indexAt(event) });
      },
      onPointerMove: (event: PointerEvent) => {
        const index = indexAt(event);
        setAt(index);
        setDrag((current) => (current ? { ...current, to: index } : null));
      },
      onPointerLeave: () => setAt(null),
      onPointerCancel: () => setDrag(null),
      onPointerUp: () => {
        setDrag(null);
        if (drag) {
          onDragged(low, high);
        }
      },
    },
  };
}

const GROUNDS = { chosen: "var(--accent-soft)", pointed: "var(--hover)" };

function Bar({
  bucket,
  most,
  ground,
}: Readonly<{ bucket: Bucket; most: number; ground: keyof typeof GROUNDS | undefined }>) {
  return (
    <span
      className="flex min-w-0 flex-1 flex-col justify-end px-px"
      style={{ height: "100%", background: ground && GROUNDS[ground] }}
    >
      <span
        className="block rounded-t-[1px] bg-accent opacity-70"
        style={{ height: barHeight(bucket.success + bucket.pending, most) }}
      />
      <span className="block bg-bad" style={{ height: barHeight(bucket.failure, most) }} />
    </span>
  );
}

/** At least two pixels for anything that is there, so that one failure among thousands is seen. */
function barHeight(count: number, most: number): number {
  return count === 0 ? 0 : Math.max(2, Math.round((count / most) * (HEIGHT - 6)));
}
