"use client";

import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { type ComponentProps, type ReactNode, useMemo } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { Button } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { DataTable } from "./data-table";
import { FilterBar, type FilterField } from "./filter-bar";
import { Pager } from "./pager";
import type { Filters } from "./use-filters";
import { usePages } from "./use-pages";

type Query<Row> = UseInfiniteQueryResult<InfiniteData<{ items: Row[]; nextCursor: string | null }>>;

type Heading = { title: ReactNode; description?: ReactNode; actions?: ReactNode };

type Props<Row extends object, Values> = {
  /** Of a page that is the list: title, description, actions. */
  heading?: Heading;
  /** Of a list that is a part of a page. */
  panel?: Heading;
  /** Stands in the place of the list, e.g. why the reader may not see it. */
  instead?: ReactNode;
  list: Query<Row>;
  table: Omit<ComponentProps<typeof DataTable<Row>>, "rows" | "dimmed">;
  /** One page after the other, or one list that grows. */
  paging:
    | { perPage: number; label: string /** Other pages for another key. */; key?: string }
    | { more: string; end: string };
  filters?: Filters<Values>;
  /** Shows the filters in a bar; without, somebody else does. */
  fields?: readonly FilterField<Values>[];
  /** The bar of filters stands in the panel. */
  fieldsInside?: boolean;
  /** Between filters and table, e.g. what can be done with what is selected. */
  bar?: ReactNode;
  /** Words when the filters match nothing. */
  noMatch?: { title: ReactNode; body: ReactNode };
  /** What is said when there is nothing at all; without, the table stands there with its head. */
  empty?: ReactNode;
  skeletonRows?: number;
};

/** The frame of every list: heading, filters, table with its states (on its way, failed, empty), and what follows. */
export function ResourceList<Row extends object, Values = never>(props: Readonly<Props<Row, Values>>) {
  const { heading, panel, instead, list, paging, filters, fields, fieldsInside = false, bar } = props;
  const grows = "more" in paging;
  const pages = usePages(list, grows ? "" : (paging.key ?? filters?.key ?? ""));
  const all = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const filterBar =
    filters && fields ? <FilterBar filters={filters} fields={fields} inside={fieldsInside} /> : null;

  return (
    <>
      {heading ? <PageHeader {...heading} /> : null}
      {instead ?? (
        <>
          {fieldsInside ? null : filterBar}
          <Panel flush {...panel}>
            {fieldsInside ? filterBar : null}
            {bar}
            <Rows {...props} rows={grows ? all : pages.items} />
          </Panel>
          {grows ? (
            all.length > 0 && <More list={list} {...paging} />
          ) : (
            <Pager pages={pages} perPage={paging.perPage} label={paging.label} />
          )}
        </>
      )}
    </>
  );
}

function Rows<Row extends object, Values>({
  list,
  rows,
  table,
  filters,
  noMatch,
  empty,
  skeletonRows = 8,
}: Readonly<Props<Row, Values> & { rows: Row[] }>) {
  const t = useTranslations("common");

  if (list.isPending) {
    return <SkeletonRows rows={skeletonRows} />;
  }

  if (list.isError && !list.data) {
    return <ProblemNotice error={list.error} onRetry={() => void list.refetch()} className="m-4" />;
  }

  if (rows.length === 0 && filters?.isFiltered && noMatch) {
    return (
      <Empty title={noMatch.title} action={<Button onClick={filters.clear}>{t("clearFilters")}</Button>}>
        {noMatch.body}
      </Empty>
    );
  }

  if (rows.length === 0 && empty) {
    return empty;
  }

  return <DataTable {...table} rows={rows} dimmed={list.isPlaceholderData} />;
}

function More<Row>({ list, more, end }: Readonly<{ list: Query<Row>; more: string; end: string }>) {
  return (
    <div className="mt-3 flex justify-center">
      {list.hasNextPage ? (
        <Button pending={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {more}
        </Button>
      ) : (
        <p className="text-label text-muted">{end}</p>
      )}
    </div>
  );
}
