"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useFormatter, useTranslations } from "next-intl";
import { useQueryStates } from "nuqs";
import { useMemo } from "react";
import { type Column, DataTable } from "@/components/data-table/data-table";
import { FilterMenu } from "@/components/data-table/filters";
import { Pager } from "@/components/data-table/pager";
import { SearchBox } from "@/components/data-table/search-box";
import { usePages } from "@/components/data-table/use-pages";
import { ProblemNotice } from "@/components/errors/problem";
import { useRoleReason } from "@/components/session/use-me";
import { Mark } from "@/components/shell/mark";
import { Button } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Time } from "@/components/ui/time";
import { type Instance, instanceStatus } from "@/lib/api/instances/schemas";
import { queries } from "@/lib/api/queries";
import { instanceFilters, instanceListQuery, PER_PAGE } from "./filters";
import { useKeyManagerName } from "./key-manager-name";
import { StatusBadge } from "./status";

/** All instances of the account: search, status, pages. */
export function InstanceList() {
  const t = useTranslations("instances");
  const tCommon = useTranslations("common");
  const router = useRouter();
  const [filters, setFilters] = useQueryStates(instanceFilters, { clearOnDefault: true });
  const list = useInfiniteQuery({
    ...queries.instances.list(instanceListQuery(filters)),
    placeholderData: (previous) => previous,
    refetchInterval: 30_000,
  });
  const pages = usePages(list, JSON.stringify(filters));
  const columns = useColumns();
  const filtered = filters.search !== "" || filters.status !== null;
  const clear = () => void setFilters({ search: null, status: null });

  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={<OrderButton />} />
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <SearchBox
          label={t("search")}
          value={filters.search}
          onSearch={(search) => void setFilters({ search: search || null })}
          className="w-full sm:w-72"
        />
        <FilterMenu
          name={t("column.status")}
          value={filters.status}
          anyLabel={t("any")}
          options={instanceStatus.options.map((status) => ({ value: status, label: t(`status.${status}`) }))}
          onChange={(status) => void setFilters({ status })}
        />
        {filtered ? (
          <Button variant="ghost" size="small" onClick={clear}>
            {tCommon("clearFilters")}
          </Button>
        ) : null}
      </div>
      <Panel flush>
        {list.isPending ? (
          <SkeletonRows rows={8} />
        ) : list.isError && !list.data ? (
          <ProblemNotice error={list.error} onRetry={() => void list.refetch()} className="m-4" />
        ) : pages.items.length > 0 ? (
          <DataTable
            label={t("list")}
            columns={columns}
            rows={pages.items}
            rowKey={(instance) => instance.id}
            onOpen={(instance) => router.push(`/instances/${instance.id}/overview`)}
            dimmed={list.isPlaceholderData}
          />
        ) : filtered ? (
          <Empty
            title={t("empty.noMatch")}
            action={<Button onClick={clear}>{tCommon("clearFilters")}</Button>}
          >
            {t("empty.noMatchBody")}
          </Empty>
        ) : (
          <Empty mark={<Mark className="h-8 w-14" />} title={t("empty.title")} action={<OrderButton />}>
            {t("empty.body")}
          </Empty>
        )}
      </Panel>
      <Pager pages={pages} perPage={PER_PAGE} label={t("pages")} />
    </>
  );
}

/** The way to the order wizard; without the right it stays and says why. */
export function OrderButton() {
  const t = useTranslations("instances");
  const reason = useRoleReason()("administrator");

  return (
    <Button variant="primary" asChild disabledReason={reason}>
      <Link href="/instances/new">
        <Plus aria-hidden="true" />
        {t("order")}
      </Link>
    </Button>
  );
}

function useColumns(): Column<Instance>[] {
  const t = useTranslations("instances");
  const nameOf = useKeyManagerName("keyManagerShort");
  const tCommon = useTranslations("common");
  const format = useFormatter();

  return useMemo(
    (): Column<Instance>[] => [
      {
        id: "name",
        header: t("column.name"),
        cell: ({ row: { original: instance } }) => (
          <Link
            href={`/instances/${instance.id}/overview`}
            className="font-medium underline-offset-4 hover:underline"
          >
            {instance.name}
          </Link>
        ),
      },
      {
        id: "status",
        header: t("column.status"),
        cell: ({ row }) => <StatusBadge status={row.original.status} />,
      },
      {
        id: "keyManager",
        header: t("column.keyManager"),
        meta: { className: "max-lg:hidden" },
        cell: ({ row: { original: instance } }) =>
          instance.keyManager ? (
            <span className="whitespace-nowrap">
              {nameOf(instance.keyManager.kind)}{" "}
              <span className="text-muted">{instance.keyManager.name}</span>
            </span>
          ) : (
            <span className="text-muted">{t("noKeyManager")}</span>
          ),
      },
      {
        id: "region",
        header: t("column.region"),
        meta: { className: "max-md:hidden" },
        cell: ({ row }) => row.original.region,
      },
      {
        id: "keks",
        header: t("column.keks"),
        meta: { className: "text-end tabular" },
        cell: ({ row }) => format.number(row.original.counts.keks),
      },
      {
        id: "certificates",
        header: t("column.certificates"),
        meta: { className: "max-sm:hidden text-end tabular" },
        cell: ({ row }) => format.number(row.original.counts.clientCertificates),
      },
      {
        id: "lastKmip",
        header: t("column.lastKmip"),
        meta: { className: "max-xl:hidden whitespace-nowrap" },
        cell: ({ row: { original: instance } }) =>
          instance.lastKmipAt ? (
            <Time value={instance.lastKmipAt} />
          ) : (
            <span className="text-muted">{tCommon("never")}</span>
          ),
      },
      {
        id: "created",
        header: t("column.created"),
        meta: { className: "max-md:hidden whitespace-nowrap" },
        cell: ({ row }) => <Time value={row.original.createdAt} kind="date" />,
      },
    ],
    [t, nameOf, tCommon, format],
  );
}
