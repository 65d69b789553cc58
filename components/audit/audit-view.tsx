"use client";

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { RotateCw } from "lucide-react";
import { useLocale, useTranslations } from "next-intl";
import { useQueryStates } from "nuqs";
import { useMemo, useState } from "react";
import { type Column, DataTable } from "@/components/data-table/data-table";
import { ProblemNotice } from "@/components/errors/problem";
import { ShapeMark } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Segmented } from "@/components/ui/choice";
import { cn } from "@/components/ui/cn";
import { Empty } from "@/components/ui/empty";
import { Panel } from "@/components/ui/panel";
import { Skeleton, SkeletonRows } from "@/components/ui/skeleton";
import { Time } from "@/components/ui/time";
import { Tooltip } from "@/components/ui/tooltip";
import { getAuditHistogram, listAuditEvents } from "@/lib/api/audit-events/operations";
import type { AuditEvent } from "@/lib/api/audit-events/schemas";
import { query } from "@/lib/api/contract/query";
import { EventDrawer } from "./event-drawer";
import { ExportMenu } from "./export-menu";
import { AuditFilterBar, TimeRange } from "./filter-bar";
import {
  AUDIT_PER_PAGE,
  type AuditFilters,
  auditFilterParsers,
  auditQueryOf,
  auditViewParsers,
  isFiltered,
} from "./filters";
import { Histogram } from "./histogram";
import { useLiveEvents } from "./use-live";
import { Outcome, shortAction, useActionWords } from "./words";

/**
 * Audit events with filters, histogram, live tail, export and details. `anchor` is the moment the page was made;
 * `instanceId` limits everything to one instance.
 */
export function AuditView({
  anchor: initialAnchor,
  instanceId,
}: Readonly<{ anchor: string; instanceId?: string }>) {
  const t = useTranslations("audit");
  const tCommon = useTranslations("common");
  const [anchor, setAnchor] = useState(initialAnchor);
  const [live, setLive] = useState(false);
  const [filters, setFilters] = useQueryStates(auditFilterParsers, { clearOnDefault: true });
  const [view, setView] = useQueryStates(auditViewParsers, { clearOnDefault: true });
  const asked = auditQueryOf(filters, anchor, instanceId);

  const listOptions = query(listAuditEvents, { ...asked, limit: AUDIT_PER_PAGE });
  const list = useInfiniteQuery({ ...listOptions, placeholderData: (previous) => previous });
  const histogram = useQuery({
    ...query(getAuditHistogram, asked),
    placeholderData: (previous) => previous,
  });
  useLiveEvents({ on: live && view.event === null, query: asked, queryKey: listOptions.queryKey });

  const events = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const columns = useColumns({
    zone: view.zone,
    withInstance: instanceId === undefined,
    onOpen: (id) => void setView({ event: id }),
  });
  const opened = useOpenedEvent(events, view.event);

  const change = (next: Partial<AuditFilters>) => void setFilters(next);
  const clear = () =>
    change({
      action: null,
      outcome: null,
      severity: null,
      instanceId: null,
      targetId: null,
      initiator: null,
      q: "",
    });
  const refresh = () => {
    setAnchor(new Date().toISOString());
    void list.refetch();
    void histogram.refetch();
  };
  const step = (offset: number) => {
    const at = events.findIndex((event) => event.id === view.event);
    const next = at < 0 ? undefined : events[at + offset];

    return next ? () => void setView({ event: next.id }) : undefined;
  };

  return (
    <>
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <TimeRange filters={filters} zone={view.zone} onChange={change} />
        <div className="flex flex-wrap items-center gap-2">
          <LiveSwitch live={live} paused={view.event !== null} onChange={setLive} />
          <Segmented
            label={t("zone.label")}
            value={view.zone}
            onValueChange={(zone) => void setView({ zone })}
            options={[
              { value: "local", label: t("zone.local") },
              { value: "utc", label: t("zone.utc") },
            ]}
          />
          <Tooltip content={tCommon("refresh")}>
            <Button
              size="icon"
              aria-label={tCommon("refresh")}
              pending={list.isRefetching && !list.isFetchingNextPage}
              onClick={refresh}
            >
              {list.isRefetching && !list.isFetchingNextPage ? null : <RotateCw aria-hidden="true" />}
            </Button>
          </Tooltip>
          <ExportMenu query={asked} />
        </div>
      </div>
      <AuditFilterBar
        filters={filters}
        zone={view.zone}
        onChange={change}
        onClear={clear}
        instancePage={instanceId !== undefined}
      />
      <Panel flush className="mb-4">
        {histogram.data ? (
          <Histogram
            histogram={histogram.data}
            zone={view.zone}
            onRange={(from, to) => change({ from, to })}
          />
        ) : histogram.isError ? (
          <ProblemNotice error={histogram.error} onRetry={() => void histogram.refetch()} className="m-4" />
        ) : (
          <Skeleton className="mx-4 my-3 h-16" />
        )}
      </Panel>
      <Panel flush>
        {list.isPending ? (
          <SkeletonRows rows={12} />
        ) : list.isError && !list.data ? (
          <ProblemNotice error={list.error} onRetry={() => void list.refetch()} className="m-4" />
        ) : events.length > 0 ? (
          <DataTable
            label={t("list")}
            columns={columns}
            rows={events}
            rowKey={(event) => event.id}
            onOpen={(event) => void setView({ event: event.id })}
            isOpen={(event) => event.id === view.event}
            dimmed={list.isPlaceholderData}
          />
        ) : isFiltered(filters) || filters.range !== "all" ? (
          <Empty
            title={t("empty.noMatch")}
            action={
              isFiltered(filters) ? (
                <Button onClick={clear}>{tCommon("clearFilters")}</Button>
              ) : (
                <Button onClick={() => change({ range: "all", from: null, to: null })}>
                  {t("range.all")}
                </Button>
              )
            }
          >
            {t("empty.noMatchBody")}
          </Empty>
        ) : (
          <Empty title={t("empty.title")}>{t("empty.body")}</Empty>
        )}
      </Panel>
      {events.length > 0 ? (
        <div className="mt-3 flex justify-center">
          {list.hasNextPage ? (
            <Button pending={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
              {t("older")}
            </Button>
          ) : (
            <p className="text-label text-muted">{t("end")}</p>
          )}
        </div>
      ) : null}
      <EventDrawer
        event={opened}
        onClose={() => void setView({ event: null })}
        onStep={{ newer: step(-1), older: step(1) }}
        onFilter={(filter) => {
          void setView({ event: null });
          change(filter);
        }}
      />
    </>
  );
}

function LiveSwitch({
  live,
  paused,
  onChange,
}: Readonly<{ live: boolean; paused: boolean; onChange: (live: boolean) => void }>) {
  const t = useTranslations("audit");

  return (
    <Tooltip content={live && paused ? t("livePaused") : t("liveHint")}>
      <Button aria-pressed={live} onClick={() => onChange(!live)} className="font-normal">
        <ShapeMark
          shape={live ? "ok" : "idle"}
          tone={live ? "ok" : "idle"}
          className={cn(live && "animate-pulse")}
        />
        {t("live")}
      </Button>
    </Tooltip>
  );
}

/** The event of the URL: from the list, or by its id when the list does not reach it. */
function useOpenedEvent(events: readonly AuditEvent[], id: string | null): AuditEvent | undefined {
  const listed = events.find((event) => event.id === id);
  const search = useInfiniteQuery({
    ...query(listAuditEvents, { q: id ?? "", limit: 5 }),
    enabled: id !== null && listed === undefined,
  });

  return id === null ? undefined : (listed ?? search.data?.pages[0]?.items.find((event) => event.id === id));
}

function useColumns({
  zone,
  withInstance,
  onOpen,
}: {
  zone: "local" | "utc";
  withInstance: boolean;
  onOpen: (id: string) => void;
}): Column<AuditEvent>[] {
  const t = useTranslations("audit.column");
  const words = useActionWords();
  const locale = useLocale();

  // biome-ignore lint/correctness/useExhaustiveDependencies: `words` and `onOpen` follow the language and the URL; new columns each render would rebuild the table
  return useMemo(
    (): Column<AuditEvent>[] => [
      {
        id: "time",
        header: t("time"),
        meta: { className: "whitespace-nowrap" },
        cell: ({ row }) => <Time value={row.original.eventTime} kind="log" zone={zone} />,
      },
      {
        id: "outcome",
        header: () => <span className="max-sm:sr-only">{t("outcome")}</span>,
        cell: ({ row }) => <Outcome outcome={row.original.outcome} compact />,
      },
      {
        id: "action",
        header: t("action"),
        cell: ({ row: { original: event } }) => (
          <button
            type="button"
            onClick={() => onOpen(event.id)}
            className="block max-w-full text-start underline-offset-4 hover:underline"
          >
            {words(event.action)}{" "}
            <span className="font-mono text-[11px] text-muted max-2xl:hidden">
              {shortAction(event.action)}
            </span>
          </button>
        ),
      },
      {
        id: "target",
        header: t("target"),
        meta: { className: "max-lg:hidden w-full max-w-0" },
        cell: ({ row: { original: event } }) => (
          <span
            className={event.target.name ? "block truncate" : "block truncate font-mono text-code"}
            title={event.target.name ?? event.target.id}
          >
            {event.target.name ?? event.target.id}
          </span>
        ),
      },
      {
        id: "initiator",
        header: t("initiator"),
        meta: { className: "max-md:hidden max-w-60" },
        cell: ({ row: { original: event } }) => (
          <span className="block truncate" title={`${event.initiator.name} ${event.initiator.address ?? ""}`}>
            {event.initiator.name} <span className="text-muted">{event.initiator.address}</span>
          </span>
        ),
      },
      ...(withInstance
        ? [
            {
              id: "instance",
              header: t("instance"),
              meta: { className: "max-xl:hidden max-w-48" },
              cell: ({ row: { original: event } }: { row: { original: AuditEvent } }) => (
                <span className="block truncate">{event.instanceName}</span>
              ),
            },
          ]
        : []),
    ],
    [t, zone, withInstance, locale],
  );
}
