"use client";

import { useLocale, useTranslations } from "next-intl";
import { useMemo } from "react";
import type { Column } from "@/components/data-table/data-table";
import type { Zone } from "@/components/ui/moments";
import { Time } from "@/components/ui/time";
import type { AuditEvent } from "@/lib/api/audit-events/schemas";
import { Outcome, shortAction, useActionWords } from "./words";

type Options = { zone: Zone; withInstance: boolean; onOpen: (id: string) => void };

/** Columns of the table of audit events. */
export function useAuditColumns({ zone, withInstance, onOpen }: Options): Column<AuditEvent>[] {
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
