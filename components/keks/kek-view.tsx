"use client";

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useQueryStates } from "nuqs";
import { useState } from "react";
import { DataTable } from "@/components/data-table/data-table";
import { FilterChip, FilterMenu } from "@/components/data-table/filters";
import { Pager } from "@/components/data-table/pager";
import { SearchBox } from "@/components/data-table/search-box";
import { usePages } from "@/components/data-table/use-pages";
import { ProblemNotice } from "@/components/errors/problem";
import { ChainOfKeys } from "@/components/instances/chain";
import { useInstance } from "@/components/instances/use-instance";
import { Mark } from "@/components/shell/mark";
import { Button } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { Panel } from "@/components/ui/panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { getClientCertificate } from "@/lib/api/client-certificates/operations";
import { query } from "@/lib/api/contract/query";
import { listKeks } from "@/lib/api/keks/operations";
import { type Kek, kekState } from "@/lib/api/keks/schemas";
import { BulkBar } from "./bulk-bar";
import { useKekColumns } from "./columns";
import {
  isFiltered,
  KEKS_PER_PAGE,
  type KekFilters,
  kekFilterParsers,
  kekListQuery,
  SORTS,
  USAGES,
} from "./filters";
import { KekDrawer } from "./kek-drawer";
import { RevokeKekDialog } from "./revoke-dialog";
import { DestroyKekDialog, RestoreServiceDialog } from "./service-dialogs";
import { useKekRoute } from "./use-kek-route";

export type KekAction = "revoke" | "restore" | "destroy";

/** The KEKs of an instance: chain, filters, table; the drawer of one has its own address. */
export function KekView({ instanceId }: Readonly<{ instanceId: string }>) {
  const t = useTranslations("keks");
  const tCommon = useTranslations("common");
  const tChain = useTranslations("instances.chain");
  const instance = useInstance(instanceId);
  const route = useKekRoute(instanceId);
  const [filters, setFilters] = useQueryStates(kekFilterParsers, { clearOnDefault: true });
  const [acting, setActing] = useState<{ action: KekAction; kek: Kek } | null>(null);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const list = useInfiniteQuery({
    ...query(listKeks, { id: instanceId, ...kekListQuery(filters) }),
    placeholderData: (previous) => previous,
    refetchInterval: 10_000,
  });
  const pages = usePages(list, JSON.stringify(filters));
  const change = (next: Partial<KekFilters>) => {
    setSelected(new Set());
    void setFilters(next);
  };
  const clear = () => change({ state: null, search: "", crkVersion: null, certificateId: null, usage: null });
  const columns = useKekColumns({
    instanceId,
    currentVersion: instance.crk?.currentVersion ?? null,
    sort: filters.sort,
    onSort: (sort) => change({ sort }),
    onVersion: (crkVersion) => change({ crkVersion }),
    onAct: (action, kek) => setActing({ action, kek }),
    rows: pages.items,
    selected,
    onSelect: setSelected,
  });
  const close = () => setActing(null);

  return (
    <>
      <Panel title={tChain("title")} className="mb-4">
        <ChainOfKeys instance={instance} />
      </Panel>
      <Panel flush>
        <KekFilterBar instanceId={instanceId} filters={filters} onChange={change} onClear={clear} />
        {selected.size > 0 ? (
          <BulkBar instanceId={instanceId} selected={selected} onDone={() => setSelected(new Set())} />
        ) : null}
        {list.isPending ? (
          <SkeletonRows rows={8} />
        ) : list.isError && !list.data ? (
          <ProblemNotice error={list.error} onRetry={() => void list.refetch()} className="m-4" />
        ) : pages.items.length > 0 ? (
          <DataTable
            label={t("list")}
            columns={columns}
            rows={pages.items}
            rowKey={(kek) => kek.uniqueIdentifier}
            onOpen={(kek) => route.open(kek.uniqueIdentifier)}
            isOpen={(kek) => kek.uniqueIdentifier === route.uniqueIdentifier}
            dimmed={list.isPlaceholderData}
          />
        ) : isFiltered(filters) ? (
          <Empty
            title={t("empty.noMatch")}
            action={<Button onClick={clear}>{tCommon("clearFilters")}</Button>}
          >
            {t("empty.noMatchBody")}
          </Empty>
        ) : (
          <Empty mark={<Mark className="h-8 w-14" />} title={t("empty.title")}>
            {t("empty.body")}
          </Empty>
        )}
      </Panel>
      <Pager pages={pages} perPage={KEKS_PER_PAGE} label={t("pages")} />
      {instance.counts.keks > 0 ? (
        <details className="mt-4 text-muted">
          <summary className="w-fit cursor-pointer hover:text-ink">{t("explain.title")}</summary>
          <p className="mt-1.5 max-w-3xl">{t("explain.body")}</p>
        </details>
      ) : null}

      <KekDrawer
        instanceId={instanceId}
        uniqueIdentifier={route.uniqueIdentifier}
        onClose={route.close}
        onAct={(action, kek) => setActing({ action, kek })}
      />
      <RevokeKekDialog
        instanceId={instanceId}
        uniqueIdentifier={acting?.action === "revoke" ? acting.kek.uniqueIdentifier : null}
        onClose={close}
      />
      <RestoreServiceDialog
        instanceId={instanceId}
        kek={acting?.action === "restore" ? acting.kek : null}
        onClose={close}
      />
      <DestroyKekDialog
        instanceId={instanceId}
        kek={acting?.action === "destroy" ? acting.kek : null}
        onClose={close}
      />
    </>
  );
}

function KekFilterBar({
  instanceId,
  filters,
  onChange,
  onClear,
}: Readonly<{
  instanceId: string;
  filters: KekFilters;
  onChange: (filters: Partial<KekFilters>) => void;
  onClear: () => void;
}>) {
  const t = useTranslations("keks");
  const tCommon = useTranslations("common");
  const certificate = useQuery({
    ...query(getClientCertificate, { id: instanceId, certificateId: filters.certificateId ?? "" }),
    enabled: filters.certificateId !== null,
  });

  return (
    <div className="flex flex-wrap items-center gap-2 border-line border-b px-4 py-3">
      <SearchBox
        label={t("search")}
        value={filters.search}
        onSearch={(search) => onChange({ search })}
        className="w-full sm:w-72"
      />
      <FilterMenu
        name={t("filter.state")}
        value={filters.state}
        anyLabel={t("filter.any")}
        options={kekState.options.map((value) => ({ value, label: t(`state.${value}`) }))}
        onChange={(state) => onChange({ state })}
      />
      <FilterMenu
        name={t("filter.usage")}
        value={filters.usage}
        anyLabel={t("filter.any")}
        options={USAGES.map((value) => ({ value, label: t(`usage.${value}`) }))}
        onChange={(usage) => onChange({ usage })}
      />
      {filters.crkVersion ? (
        <FilterChip
          name={t("filter.crk")}
          value={filters.crkVersion.slice(0, 8)}
          onRemove={() => onChange({ crkVersion: null })}
        />
      ) : null}
      {filters.certificateId ? (
        <FilterChip
          name={t("filter.certificate")}
          value={certificate.data?.name ?? filters.certificateId.slice(0, 8)}
          onRemove={() => onChange({ certificateId: null })}
        />
      ) : null}
      {isFiltered(filters) ? (
        <Button variant="ghost" size="small" onClick={onClear}>
          {tCommon("clearFilters")}
        </Button>
      ) : null}
      <div className="sm:ms-auto">
        <FilterMenu
          name={t("filter.sort")}
          value={filters.sort === "-createdAt" ? null : filters.sort}
          anyLabel={t("sort.-createdAt")}
          options={SORTS.filter((sort) => sort !== "-createdAt").map((value) => ({
            value,
            label: t(`sort.${value}`),
          }))}
          onChange={(sort) => onChange({ sort: sort ?? "-createdAt" })}
        />
      </div>
    </div>
  );
}
