"use client";

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useState } from "react";
import type { FilterField } from "@/components/data-table/filter-bar";
import { ResourceList } from "@/components/data-table/resource-list";
import { useFilters } from "@/components/data-table/use-filters";
import { ChainOfKeys } from "@/components/instances/chain";
import { useInstance } from "@/components/instances/use-instance";
import { Empty } from "@/components/ui/empty";
import { Mark } from "@/components/ui/mark";
import { Panel } from "@/components/ui/panel";
import { getClientCertificate } from "@/lib/api/client-certificates/operations";
import { query } from "@/lib/api/contract/query";
import { listKeks } from "@/lib/api/keks/operations";
import { type Kek, kekState } from "@/lib/api/keks/schemas";
import type { KekAction } from "./actions";
import { BulkBar } from "./bulk-bar";
import { useKekColumns } from "./columns";
import {
  DEFAULT_SORT,
  KEKS_PER_PAGE,
  type KekFilters,
  kekFilters,
  kekListQuery,
  SORTS,
  USAGES,
} from "./filters";
import { KekDrawer } from "./kek-drawer";
import { RevokeKekDialog } from "./revoke-dialog";
import { DestroyKekDialog, RestoreServiceDialog } from "./service-dialogs";
import { useKekRoute } from "./use-kek-route";

/** The KEKs of an instance: chain, filters, table; the drawer of one has its own address. */
export function KekView({ instanceId }: Readonly<{ instanceId: string }>) {
  const t = useTranslations("keks");
  const tChain = useTranslations("instances.chain");
  const instance = useInstance(instanceId);
  const route = useKekRoute(instanceId);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const filters = useFilters(kekFilters, () => setSelected(new Set()));
  const [acting, setActing] = useState<{ action: KekAction; kek: Kek } | null>(null);
  const list = useInfiniteQuery({
    ...query(listKeks, { id: instanceId, ...kekListQuery(filters.values) }),
    placeholderData: (previous) => previous,
    refetchInterval: 10_000,
  });
  const columns = useKekColumns({
    instanceId,
    currentVersion: instance.crk?.currentVersion ?? null,
    sort: filters.values.sort,
    onSort: (sort) => filters.set({ sort }),
    onVersion: (crkVersion) => filters.set({ crkVersion }),
    onAct: (action, kek) => setActing({ action, kek }),
    selected,
    onSelect: setSelected,
  });
  const actingOn = (action: KekAction) => (acting?.action === action ? acting.kek : null);
  const close = () => setActing(null);

  return (
    <>
      <Panel title={tChain("title")} className="mb-4">
        <ChainOfKeys instance={instance} />
      </Panel>
      <ResourceList
        filters={filters}
        fields={useKekFields(instanceId, filters.values)}
        fieldsInside
        bar={
          selected.size > 0 ? (
            <BulkBar instanceId={instanceId} selected={selected} onDone={() => setSelected(new Set())} />
          ) : null
        }
        list={list}
        paging={{ perPage: KEKS_PER_PAGE, label: t("pages") }}
        table={{
          label: t("list"),
          columns,
          rowKey: (kek) => kek.uniqueIdentifier,
          onOpen: (kek) => route.open(kek.uniqueIdentifier),
          isOpen: (kek) => kek.uniqueIdentifier === route.uniqueIdentifier,
        }}
        noMatch={{ title: t("empty.noMatch"), body: t("empty.noMatchBody") }}
        empty={
          <Empty mark={<Mark className="h-8 w-14" />} title={t("empty.title")}>
            {t("empty.body")}
          </Empty>
        }
      />
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
        uniqueIdentifier={actingOn("revoke")?.uniqueIdentifier ?? null}
        onClose={close}
      />
      <RestoreServiceDialog instanceId={instanceId} kek={actingOn("restore")} onClose={close} />
      <DestroyKekDialog instanceId={instanceId} kek={actingOn("destroy")} onClose={close} />
    </>
  );
}

/** The filters of KEKs. A version of the root key and a certificate come from links elsewhere. */
function useKekFields(instanceId: string, values: KekFilters): FilterField<KekFilters>[] {
  const t = useTranslations("keks");
  const { certificateId } = values;
  const certificate = useQuery({
    ...query(getClientCertificate, { id: instanceId, certificateId: certificateId ?? "" }),
    enabled: certificateId !== null,
  });

  return [
    { kind: "search", name: "search", label: t("search") },
    {
      kind: "menu",
      name: "state",
      label: t("filter.state"),
      any: t("filter.any"),
      options: kekState.options.map((value) => ({ value, label: t(`state.${value}`) })),
    },
    {
      kind: "menu",
      name: "usage",
      label: t("filter.usage"),
      any: t("filter.any"),
      options: USAGES.map((value) => ({ value, label: t(`usage.${value}`) })),
    },
    { kind: "chip", names: ["crkVersion"], label: t("filter.crk"), value: values.crkVersion?.slice(0, 8) },
    {
      kind: "chip",
      names: ["certificateId"],
      label: t("filter.certificate"),
      value: certificateId ? (certificate.data?.name ?? certificateId.slice(0, 8)) : null,
    },
    {
      kind: "menu",
      name: "sort",
      label: t("filter.sort"),
      any: t(`sort.${DEFAULT_SORT}`),
      options: SORTS.filter((value) => value !== DEFAULT_SORT).map((value) => ({
        value,
        label: t(`sort.${value}`),
      })),
      atEnd: true,
    },
  ];
}
