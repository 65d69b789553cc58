"use client";

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { RotateCw } from "lucide-react";
import { useTranslations } from "next-intl";
import { useQueryStates } from "nuqs";
import { type ReactNode, useMemo, useState } from "react";
import { FilterBar } from "@/components/data-table/filter-bar";
import { ResourceList } from "@/components/data-table/resource-list";
import { type Filters, useFilters } from "@/components/data-table/use-filters";
import { ProblemNotice } from "@/components/errors/problem";
import { ShapeMark } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Segmented } from "@/components/ui/choice";
import { cn } from "@/components/ui/cn";
import { Empty } from "@/components/ui/empty";
import { Panel } from "@/components/ui/panel";
import { Skeleton } from "@/components/ui/skeleton";
import { Tooltip } from "@/components/ui/tooltip";
import { getAuditHistogram, listAuditEvents } from "@/lib/api/audit-events/operations";
import type { AuditEvent } from "@/lib/api/audit-events/schemas";
import { query } from "@/lib/api/contract/query";
import { useAuditColumns } from "./columns";
import { EventDrawer } from "./event-drawer";
import { ExportMenu } from "./export-menu";
import { AUDIT_PER_PAGE, type AuditFilters, auditFilters, auditQueryOf, auditViewParsers } from "./filters";
import { Histogram } from "./histogram";
import { TimeRange } from "./time-range";
import { useAuditFields } from "./use-fields";
import { useLiveEvents } from "./use-live";

/**
 * Audit events with filters, histogram, live tail, export and details. `anchor` is the moment the page was made;
 * `instanceId` limits everything to one instance.
 */
export function AuditView({
  anchor: initialAnchor,
  instanceId,
}: Readonly<{ anchor: string; instanceId?: string }>) {
  const t = useTranslations("audit");
  const [anchor, setAnchor] = useState(initialAnchor);
  const [live, setLive] = useState(false);
  const filters = useFilters(auditFilters);
  const [view, setView] = useQueryStates(auditViewParsers, { clearOnDefault: true });
  const asked = auditQueryOf(filters.values, anchor, instanceId);

  const listOptions = query(listAuditEvents, { ...asked, limit: AUDIT_PER_PAGE });
  const list = useInfiniteQuery({ ...listOptions, placeholderData: (previous) => previous });
  const histogram = useQuery({
    ...query(getAuditHistogram, asked),
    placeholderData: (previous) => previous,
  });
  useLiveEvents({ on: live && view.event === null, query: asked, queryKey: listOptions.queryKey });

  const columns = useAuditColumns({
    zone: view.zone,
    withInstance: instanceId === undefined,
    onOpen: (id) => void setView({ event: id }),
  });
  const refresh = () => {
    setAnchor(new Date().toISOString());
    void list.refetch();
    void histogram.refetch();
  };

  return (
    <>
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <TimeRange filters={filters.values} zone={view.zone} onChange={filters.set} />
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
          <RefreshButton pending={list.isRefetching && !list.isFetchingNextPage} onClick={refresh} />
          <ExportMenu query={asked} />
        </div>
      </div>
      <FilterBar
        filters={filters}
        fields={useAuditFields(filters.values, view.zone, instanceId !== undefined)}
      />
      <Panel flush className="mb-4">
        {histogram.data ? (
          <Histogram
            histogram={histogram.data}
            zone={view.zone}
            onRange={(from, to) => filters.set({ from, to })}
          />
        ) : histogram.isError ? (
          <ProblemNotice error={histogram.error} onRetry={() => void histogram.refetch()} className="m-4" />
        ) : (
          <Skeleton className="mx-4 my-3 h-16" />
        )}
      </Panel>
      <ResourceList
        filters={filters}
        list={list}
        paging={{ more: t("older"), end: t("end") }}
        skeletonRows={12}
        table={{
          label: t("list"),
          columns,
          rowKey: (event) => event.id,
          onOpen: (event) => void setView({ event: event.id }),
          isOpen: (event) => event.id === view.event,
        }}
        noMatch={{ title: t("empty.noMatch"), body: t("empty.noMatchBody") }}
        empty={<NothingYet filters={filters} />}
      />
      <OpenedEvent
        list={list}
        id={view.event}
        onOpen={(event) => void setView({ event })}
        onFilter={filters.set}
      />
    </>
  );
}

/** Said when no filter hides anything: nothing in this time, or nothing at all. */
function NothingYet({ filters }: Readonly<{ filters: Filters<AuditFilters> }>): ReactNode {
  const t = useTranslations("audit");

  return filters.values.range === "all" ? (
    <Empty title={t("empty.title")}>{t("empty.body")}</Empty>
  ) : (
    <Empty
      title={t("empty.noMatch")}
      action={
        <Button onClick={() => filters.set({ range: "all", from: null, to: null })}>{t("range.all")}</Button>
      }
    >
      {t("empty.noMatchBody")}
    </Empty>
  );
}

function RefreshButton({ pending, onClick }: Readonly<{ pending: boolean; onClick: () => void }>) {
  const t = useTranslations("common");

  return (
    <Tooltip content={t("refresh")}>
      <Button size="icon" aria-label={t("refresh")} pending={pending} onClick={onClick}>
        {pending ? null : <RotateCw aria-hidden="true" />}
      </Button>
    </Tooltip>
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

type EventList = { data: { pages: { items: AuditEvent[] }[] } | undefined };

/** The drawer of the event that the URL names, with the ways to its neighbours in the list. */
function OpenedEvent({
  list,
  id,
  onOpen,
  onFilter,
}: Readonly<{
  list: EventList;
  id: string | null;
  onOpen: (id: string | null) => void;
  onFilter: (filter: Partial<AuditFilters>) => void;
}>) {
  const events = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const event = useOpenedEvent(events, id);
  const step = (offset: number) => {
    const at = events.findIndex((each) => each.id === id);
    const next = at < 0 ? undefined : events[at + offset];

    return next ? () => onOpen(next.id) : undefined;
  };

  return (
    <EventDrawer
      event={event}
      onClose={() => onOpen(null)}
      onStep={{ newer: step(-1), older: step(1) }}
      onFilter={(filter) => {
        onOpen(null);
        onFilter(filter);
      }}
    />
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
