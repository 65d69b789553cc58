"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { useFormatter, useTranslations } from "next-intl";
import { useMemo, useState } from "react";
import { type Column, DataTable } from "@/components/data-table/data-table";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { Time } from "@/components/ui/time";
import { query } from "@/lib/api/contract/query";
import { listInstances } from "@/lib/api/instances/operations";
import type { Instance } from "@/lib/api/instances/schemas";
import { DELETED_INSTANCES } from "./filters";
import { RestoreDialog } from "./restore-dialog";

const DAY_MS = 86_400_000;

/** Deleted instances with the days in which each can still be restored; nothing where there are none. */
export function DeletedInstances() {
  const t = useTranslations("instances.deleted");
  const list = useInfiniteQuery({ ...query(listInstances, DELETED_INSTANCES), refetchInterval: 60_000 });
  const [asked, setAsked] = useState<Instance | null>(null);
  const columns = useColumns(setAsked);
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);

  return (
    <>
      {rows.length > 0 ? (
        <Panel flush title={t("title")} description={t("description")} className="mt-6">
          <DataTable label={t("title")} columns={columns} rows={rows} rowKey={(instance) => instance.id} />
          {list.hasNextPage ? (
            <div className="flex justify-center p-3">
              <Button pending={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
                {t("more")}
              </Button>
            </div>
          ) : null}
        </Panel>
      ) : null}
      {asked ? <RestoreDialog instance={asked} onClose={() => setAsked(null)} /> : null}
    </>
  );
}

function useColumns(onRestore: (instance: Instance) => void): Column<Instance>[] {
  const t = useTranslations("instances.deleted");
  const tList = useTranslations("instances.column");
  const format = useFormatter();
  const reason = useRoleReason()("administrator");

  return useMemo(
    (): Column<Instance>[] => [
      {
        id: "name",
        header: tList("name"),
        cell: ({ row }) => <span className="break-anywhere font-medium">{row.original.name}</span>,
      },
      {
        id: "deleted",
        header: t("column.deleted"),
        meta: { className: "max-sm:hidden whitespace-nowrap" },
        cell: ({ row }) => <Time value={row.original.deletion?.deletedAt ?? ""} />,
      },
      {
        id: "by",
        header: t("column.by"),
        meta: { className: "max-md:hidden" },
        cell: ({ row }) => row.original.deletion?.deletedBy,
      },
      {
        id: "keks",
        header: tList("keks"),
        meta: { className: "max-sm:hidden text-end tabular" },
        cell: ({ row }) => format.number(row.original.counts.keks),
      },
      {
        id: "left",
        header: t("column.left"),
        meta: { className: "whitespace-nowrap" },
        cell: ({ row }) => (
          <time dateTime={row.original.deletion?.purgeAt}>{t("left", { days: daysLeft(row.original) })}</time>
        ),
      },
      {
        id: "restore",
        header: t("restore"),
        meta: { className: "text-end" },
        cell: ({ row }) => (
          <Button
            size="small"
            disabledReason={reason}
            aria-label={t("dialogTitle", { name: row.original.name })}
            onClick={() => onRestore(row.original)}
          >
            {t("restore")}
          </Button>
        ),
      },
    ],
    [t, tList, format, reason, onRestore],
  );
}

/** Days until it is forgotten, the one that has begun among them. */
function daysLeft({ deletion }: Instance): number {
  const end = deletion === null ? 0 : new Date(deletion.purgeAt).getTime();

  return Math.max(0, Math.ceil((end - Date.now()) / DAY_MS));
}
