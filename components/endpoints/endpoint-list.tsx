"use client";

import { useSuspenseQuery } from "@tanstack/react-query";
import { useFormatter, useTranslations } from "next-intl";
import { useMemo } from "react";
import { oneLine } from "@/components/certificates/subject";
import { type Column, DataTable } from "@/components/data-table/data-table";
import { colonHex } from "@/components/instances/fingerprint";
import { StateBadge } from "@/components/ui/badge";
import { CopyButton, MonoCopy } from "@/components/ui/copy";
import { Empty } from "@/components/ui/empty";
import { Notice } from "@/components/ui/notice";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { Time } from "@/components/ui/time";
import { query } from "@/lib/api/contract/query";
import { listEndpoints } from "@/lib/api/endpoints/operations";
import type { EndpointNode } from "@/lib/api/endpoints/schemas";
import { useFailureWords } from "./words";

type Failure = EndpointNode["failedHandshakes"][number] & { key: string };

/** The KMIP listeners: health, load, and whom they turned away. */
export function EndpointList() {
  const t = useTranslations("endpoints");
  const { data } = useSuspenseQuery({ ...query(listEndpoints, {}), refetchInterval: 5_000 });
  const nodes = data.items.toSorted(
    (a, b) =>
      Number(a.instanceId !== null) - Number(b.instanceId !== null) || a.zone - b.zone || a.port - b.port,
  );

  return (
    <>
      <PageHeader title={t("title")} description={t("description")} />
      {nodes.length === 0 ? (
        <Panel>
          <Empty title={t("none")}>{t("noneBody")}</Empty>
        </Panel>
      ) : (
        <div className="flex flex-col gap-4">
          {nodes.map((node) => (
            <EndpointPanel key={node.id} node={node} />
          ))}
        </div>
      )}
    </>
  );
}

function EndpointPanel({ node }: Readonly<{ node: EndpointNode }>) {
  const t = useTranslations("endpoints");
  const format = useFormatter();
  const columns = useColumns();
  const failures = useMemo(
    () =>
      node.failedHandshakes
        .map((failure, index) => ({ ...failure, key: `${failure.at}-${failure.remoteAddress}-${index}` }))
        .sort((a, b) => b.at.localeCompare(a.at)),
    [node.failedHandshakes],
  );
  const address = `${node.host}:${node.port}`;

  return (
    <Panel
      flush
      title={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          {t("zone", { zone: node.zone })}
          {node.instanceName === null ? null : (
            <span className="font-normal text-muted">{t("dedicatedTo", { name: node.instanceName })}</span>
          )}
          <StateBadge tone={node.health === "up" ? "ok" : "bad"}>{t(node.health)}</StateBadge>
          <MonoCopy value={address} what={t("address", { zone: node.zone })} className="font-normal" />
        </span>
      }
    >
      {node.health === "down" ? (
        <Notice tone="bad" className="mx-4 mt-4">
          {t.rich("downBody", { since: () => <Time key="since" value={node.heartbeatAt} /> })}
        </Notice>
      ) : null}
      <dl className="grid grid-cols-2 gap-x-6 gap-y-3 px-4 py-4 md:grid-cols-5">
        <Figure term={t("connections")}>{format.number(node.connections)}</Figure>
        <Figure term={t("requests")}>{format.number(node.requests)}</Figure>
        <Figure term={t("started")}>
          <Time value={node.startedAt} />
        </Figure>
        <Figure term={t("heartbeat")}>
          <Time value={node.heartbeatAt} />
        </Figure>
        <Figure term={t("version")}>{node.version}</Figure>
      </dl>
      <div className="border-line border-t px-4 pt-3 pb-2">
        <h3 className="font-medium">{t("failed")}</h3>
        <p className="text-label text-muted">{failures.length > 0 ? t("failedHint") : t("failedNone")}</p>
      </div>
      {failures.length > 0 ? (
        <DataTable
          label={`${t("failed")}, ${t("zone", { zone: node.zone })}`}
          columns={columns}
          rows={failures}
          rowKey={(failure) => failure.key}
        />
      ) : null}
    </Panel>
  );
}

function Figure({ term, children }: Readonly<{ term: string; children: React.ReactNode }>) {
  return (
    <div className="min-w-0">
      <dt className="text-label text-muted">{term}</dt>
      <dd className="tabular mt-0.5 font-medium">{children}</dd>
    </div>
  );
}

function useColumns(): Column<Failure>[] {
  const t = useTranslations("endpoints");
  const words = useFailureWords();

  // biome-ignore lint/correctness/useExhaustiveDependencies: `words` follows the language, as `t` does
  return useMemo(
    (): Column<Failure>[] => [
      {
        id: "at",
        header: t("column.at"),
        meta: { className: "whitespace-nowrap" },
        cell: ({ row }) => <Time value={row.original.at} />,
      },
      {
        id: "address",
        header: t("column.address"),
        cell: ({ row }) => <span className="font-mono text-code">{row.original.remoteAddress}</span>,
      },
      {
        id: "reason",
        header: t("column.reason"),
        meta: { className: "whitespace-normal" },
        cell: ({ row: { original: failure } }) => (
          <span>
            {words(failure)}{" "}
            {failure.reason === "tls-error" ? (
              <span lang="en" className="break-anywhere text-muted">
                {failure.detail}
              </span>
            ) : null}
          </span>
        ),
      },
      {
        id: "certificate",
        header: t("column.certificate"),
        meta: { className: "max-md:hidden" },
        cell: ({ row: { original: failure } }) =>
          failure.certificateSha256 ? (
            <span className="flex items-center gap-1">
              <span className="max-w-72 truncate" title={failure.subject ?? ""}>
                {failure.subject ? oneLine(failure.subject) : null}
              </span>
              <span className="font-mono text-code text-muted" title={colonHex(failure.certificateSha256)}>
                {failure.certificateSha256.slice(0, 12)}…
              </span>
              <CopyButton value={failure.certificateSha256} what={t("column.certificate")} />
            </span>
          ) : (
            <span className="text-muted">{t("noCertificate")}</span>
          ),
      },
    ],
    [t],
  );
}
