"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { useFormatter, useTranslations } from "next-intl";
import { useMemo } from "react";
import type { Column } from "@/components/data-table/data-table";
import { ResourceList } from "@/components/data-table/resource-list";
import { useFilters } from "@/components/data-table/use-filters";
import { KindName } from "@/components/key-managers/kind-name";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { Mark } from "@/components/ui/mark";
import { Time } from "@/components/ui/time";
import { query } from "@/lib/api/contract/query";
import { listInstances } from "@/lib/api/instances/operations";
import { type Instance, instanceStatus } from "@/lib/api/instances/schemas";
import { DeletedInstances } from "./deleted-instances";
import { instanceFilters, instanceListQuery, PER_PAGE } from "./filters";
import { StatusBadge } from "./status";

/** All instances of the account: search, status, pages. */
export function InstanceList() {
  const t = useTranslations("instances");
  const router = useRouter();
  const filters = useFilters(instanceFilters);
  const list = useInfiniteQuery({
    ...query(listInstances, instanceListQuery(filters.values)),
    placeholderData: (previous) => previous,
    refetchInterval: 30_000,
  });
  const columns = useColumns();

  return (
    <>
      <ResourceList
        heading={{ title: t("title"), description: t("description"), actions: <OrderButton /> }}
        filters={filters}
        fields={[
          { kind: "search", name: "search", label: t("search") },
          {
            kind: "menu",
            name: "status",
            label: t("column.status"),
            any: t("any"),
            options: instanceStatus.options.map((value) => ({ value, label: t(`status.${value}`) })),
          },
        ]}
        list={list}
        paging={{ perPage: PER_PAGE, label: t("pages") }}
        table={{
          label: t("list"),
          columns,
          rowKey: (instance) => instance.id,
          onOpen: (instance) => router.push(`/instances/${instance.id}/overview`),
        }}
        noMatch={{ title: t("empty.noMatch"), body: t("empty.noMatchBody") }}
        empty={
          <Empty mark={<Mark className="h-8 w-14" />} title={t("empty.title")} action={<OrderButton />}>
            {t("empty.body")}
          </Empty>
        }
      />
      <DeletedInstances />
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
              <KindName kind={instance.keyManager.kind} />{" "}
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
    [t, tCommon, format],
  );
}
