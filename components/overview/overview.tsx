"use client";

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useNow, useTranslations } from "next-intl";
import type { ReactNode } from "react";
import { Outcome, useActionWords } from "@/components/audit/words";
import { ProblemNotice } from "@/components/errors/problem";
import { OrderButton } from "@/components/instances/instance-list";
import { StatusBadge, useStatusReason } from "@/components/instances/status";
import { replacingError } from "@/components/session/query-client";
import { ShapeMark, StateBadge } from "@/components/ui/badge";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Time } from "@/components/ui/time";
import { listAuditEvents } from "@/lib/api/audit-events/operations";
import type { AuditEvent } from "@/lib/api/audit-events/schemas";
import { listAccountCertificates } from "@/lib/api/client-certificates/operations";
import { query } from "@/lib/api/contract/query";
import { listEndpoints } from "@/lib/api/endpoints/operations";
import { listInstances } from "@/lib/api/instances/operations";
import { type Attention, attentionOf, isGrave } from "./attention";
import { FirstRun } from "./first-run";
import { OVERVIEW_CERTIFICATES, OVERVIEW_EVENTS, OVERVIEW_INSTANCES } from "./queries";

const SHOWN = 8;
const DAY = 86_400_000;

/** What needs attention, and the state of everything at a glance. */
export function Overview() {
  const t = useTranslations("overview");
  const instances = useInfiniteQuery({
    ...query(listInstances, OVERVIEW_INSTANCES),
    refetchInterval: 15_000,
  });
  const endpoints = useQuery({ ...query(listEndpoints, {}), refetchInterval: 15_000 });
  const certificates = useInfiniteQuery({
    ...query(listAccountCertificates, OVERVIEW_CERTIFICATES),
    refetchInterval: 60_000,
  });
  const now = useNow({ updateInterval: 60_000 });
  const all = instances.data?.pages[0]?.items;
  const error = replacingError(instances);

  return (
    <>
      <PageHeader title={t("title")} actions={all && all.length > 0 ? <OrderButton /> : undefined} />
      {error ? (
        <ProblemNotice error={error} onRetry={() => void instances.refetch()} className="mb-4" />
      ) : null}
      {all && all.length === 0 ? (
        <FirstRun />
      ) : all && endpoints.data && certificates.data ? (
        <AttentionPanel
          items={attentionOf(
            {
              instances: all,
              nodes: endpoints.data.items,
              certificates: certificates.data.pages[0]?.items ?? [],
            },
            now,
          )}
        />
      ) : null}
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <div className="flex min-w-0 flex-col gap-4">
          {all && all.length > 0 ? <InstancesPanel /> : null}
          <EventsPanel />
        </div>
        <EndpointsPanel />
      </div>
    </>
  );
}

function AllLink({ href, children }: Readonly<{ href: string; children: ReactNode }>) {
  return (
    <Link href={href} className="text-accent-ink underline-offset-4 hover:underline">
      {children}
    </Link>
  );
}

function AttentionPanel({ items }: Readonly<{ items: readonly Attention[] }>) {
  const t = useTranslations("overview.attention");
  const tOverview = useTranslations("overview");

  return (
    <Panel flush title={t("title")} className="mb-4">
      {items.length === 0 ? (
        <div className="flex gap-3 px-4 py-3">
          <ShapeMark shape="ok" tone="ok" className="mt-[5px] size-2.5" />
          <p>
            {t("none")}. <span className="text-muted">{t("noneBody")}</span>
          </p>
        </div>
      ) : (
        <ul className="divide-y divide-line">
          {items.slice(0, SHOWN).map((item) => (
            <AttentionRow key={keyOf(item)} item={item} />
          ))}
          {items.length > SHOWN ? (
            <li className="px-4 py-2.5 text-muted">{tOverview("more", { count: items.length - SHOWN })}</li>
          ) : null}
        </ul>
      )}
    </Panel>
  );
}

function keyOf(item: Attention): string {
  switch (item.kind) {
    case "endpointNone":
      return item.kind;
    case "endpointDown":
      return item.id;
    case "certificateRefused":
    case "certificateExpired":
    case "certificateSoon":
      return item.certificate.id;
    default:
      return `${item.kind}-${item.instance.id}`;
  }
}

function AttentionRow({ item }: Readonly<{ item: Attention }>) {
  const t = useTranslations("overview.attention");
  const statusReason = useStatusReason();
  const now = useNow({ updateInterval: 60_000 });
  const warns = item.kind === "instance" || item.kind === "certificateSoon";
  const shape = isGrave(item) ? "bad" : warns ? "warn" : "idle";

  const { href, words } = ((): { href: string; words: string } => {
    switch (item.kind) {
      case "endpointNone":
        return { href: "/endpoints", words: t("endpointNone") };
      case "endpointDown":
        return { href: "/endpoints", words: t("endpointDown", { zone: item.zone, address: item.address }) };
      case "certificateRefused":
      case "certificateExpired":
      case "certificateSoon": {
        const { id, name, instance, notAfter } = item.certificate;

        return {
          href: `/instances/${instance.id}/certificates?certificate=${id}`,
          words: t(item.kind, {
            name: instance.name,
            certificate: name,
            days: Math.abs(Math.trunc((new Date(notAfter).getTime() - now.getTime()) / DAY)),
          }),
        };
      }
      case "inactive":
        return {
          href: `/instances/${item.instance.id}/overview`,
          words: t("inactive", { name: item.instance.name }),
        };
      case "noCertificate":
        return {
          href: `/instances/${item.instance.id}/certificates`,
          words: t("noCertificate", { name: item.instance.name }),
        };
      case "instance": {
        const { name } = item.instance;
        const reason = statusReason(item.instance);

        return {
          href: `/instances/${item.instance.id}/overview`,
          words: reason ? t("instance", { name, reason }) : t("instanceNoReason", { name }),
        };
      }
    }
  })();

  return (
    <li>
      <Link href={href} className="flex gap-3 px-4 py-2.5 hover:bg-hover focus-visible:-outline-offset-2">
        <ShapeMark shape={shape} tone={shape} className="mt-[5px] size-2.5" />
        <span className="min-w-0 break-anywhere">{words}</span>
      </Link>
    </li>
  );
}

function InstancesPanel() {
  const t = useTranslations("overview");
  const { data } = useInfiniteQuery(query(listInstances, OVERVIEW_INSTANCES));
  const items = data?.pages[0]?.items ?? [];

  return (
    <Panel flush title={t("instances")} actions={<AllLink href="/instances">{t("allInstances")}</AllLink>}>
      <ul className="divide-y divide-line">
        {items.slice(0, SHOWN).map((instance) => (
          <li key={instance.id}>
            <Link
              href={`/instances/${instance.id}/overview`}
              className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 px-4 py-2 hover:bg-hover focus-visible:-outline-offset-2 sm:grid-cols-[minmax(0,1fr)_8rem_8rem]"
            >
              <span className="min-w-0 truncate">
                <span className="font-medium">{instance.name}</span>{" "}
                <span className="text-muted">{instance.region}</span>
              </span>
              <span className="tabular text-muted max-sm:hidden">
                {t("keks", { count: instance.counts.keks })}
              </span>
              <span className="justify-self-end">
                <StatusBadge status={instance.status} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function EndpointsPanel() {
  const t = useTranslations("overview");
  const tEndpoints = useTranslations("endpoints");
  const endpoints = useQuery(query(listEndpoints, {}));
  const error = replacingError(endpoints);

  return (
    <Panel flush title={t("endpoints")} actions={<AllLink href="/endpoints">{t("allEndpoints")}</AllLink>}>
      {error ? (
        <ProblemNotice error={error} className="m-4" />
      ) : endpoints.data === undefined ? (
        <SkeletonRows rows={2} />
      ) : endpoints.data.items.length === 0 ? (
        <p className="px-4 py-3 text-muted">{tEndpoints("none")}</p>
      ) : (
        <ul className="divide-y divide-line">
          {endpoints.data.items
            .filter(({ instanceId }) => instanceId === null)
            .toSorted((a, b) => a.zone - b.zone)
            .map((node) => (
              <li key={node.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2">
                <span className="min-w-0 flex-1">
                  <span className="font-medium">{t("zone", { zone: node.zone })}</span>{" "}
                  <span className="font-mono text-code text-muted">
                    {node.host}:{node.port}
                  </span>
                </span>
                <span className="tabular text-muted">{t("connections", { count: node.connections })}</span>
                <StateBadge tone={node.health === "up" ? "ok" : "bad"}>{tEndpoints(node.health)}</StateBadge>
              </li>
            ))}
        </ul>
      )}
    </Panel>
  );
}

/** What an event was about, and who did it; one of them when they are the same. */
function aboutOf({ instanceName, target, initiator }: AuditEvent): string[] {
  const about = instanceName ?? target.name;

  return about === null || about === initiator.name ? [initiator.name] : [about, initiator.name];
}

function EventsPanel() {
  const t = useTranslations("overview");
  const words = useActionWords();
  const events = useInfiniteQuery({ ...query(listAuditEvents, OVERVIEW_EVENTS), refetchInterval: 15_000 });
  const items = events.data?.pages[0]?.items ?? [];
  const error = replacingError(events);

  return (
    <Panel flush title={t("events")} actions={<AllLink href="/audit">{t("allEvents")}</AllLink>}>
      {events.isPending ? (
        <SkeletonRows rows={6} />
      ) : error ? (
        <ProblemNotice error={error} onRetry={() => void events.refetch()} className="m-4" />
      ) : items.length === 0 ? (
        <p className="px-4 py-3 text-muted">{t("eventsNone")}</p>
      ) : (
        <ul className="divide-y divide-line">
          {items.map((event) => (
            <li key={event.id}>
              <Link
                href={`/audit?range=all&event=${event.id}`}
                className="grid grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 px-4 py-2 hover:bg-hover focus-visible:-outline-offset-2 sm:grid-cols-[minmax(0,1fr)_5.5rem_8rem]"
              >
                <span className="min-w-0 truncate">
                  {words(event.action)} <span className="text-muted">{aboutOf(event).join(" · ")}</span>
                </span>
                <span className="max-sm:hidden">
                  <Outcome outcome={event.outcome} />
                </span>
                <span className="text-end text-muted">
                  <Time value={event.eventTime} />
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
