"use client";

import { useIsMutating } from "@tanstack/react-query";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { useFormatter, useTranslations } from "next-intl";
import { type ReactNode, useEffect, useRef } from "react";
import { useKindNames } from "@/components/key-managers/words";
import { usePermissionCheck } from "@/components/permissions/use-check";
import { useRoleReason } from "@/components/session/use-me";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { cn } from "@/components/ui/cn";
import { Notice } from "@/components/ui/notice";
import { PageHeader } from "@/components/ui/page-header";
import { Spinner } from "@/components/ui/spinner";
import type { Instance } from "@/lib/api/instances/schemas";
import { StatusBadge, useStatusReason } from "./status";
import { useInstance } from "./use-instance";

/** Head, state and tabs of an instance; the page of the tab stands below. */
export function InstanceFrame({ id, children }: Readonly<{ id: string; children: ReactNode }>) {
  const t = useTranslations("instances");
  const tCommon = useTranslations("common");
  const names = useKindNames();
  const instance = useInstance(id);

  return (
    <>
      <PageHeader
        breadcrumbLabel={tCommon("breadcrumb")}
        breadcrumb={[{ href: "/instances", label: t("title") }, { label: instance.name }]}
        title={instance.name}
        badges={
          <>
            <StatusBadge status={instance.status} />
            <Badge>
              {instance.keyManager ? `${names(instance.keyManager.kind).short} · ` : ""}
              {instance.region}
            </Badge>
          </>
        }
        actions={<HeadActions instance={instance} />}
      />
      <Tabs instance={instance} />
      <StateNotice instance={instance} />
      {children}
    </>
  );
}

function HeadActions({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("instances.head");
  const roleReason = useRoleReason();
  const check = usePermissionCheck(instance.id);
  const checking = useIsMutating({ mutationKey: ["permission-check", instance.id] }) > 0;

  if (instance.status === "inactive") {
    return (
      <Button variant="primary" asChild disabledReason={roleReason("administrator")}>
        <Link href={`/instances/${instance.id}/activate`}>{t("activate")}</Link>
      </Button>
    );
  }

  if (instance.status === "removing" || instance.keyManager === null) {
    return null;
  }

  return (
    <>
      <Button pending={checking} disabledReason={roleReason("operator")} onClick={() => check.mutate()}>
        {t("check")}
      </Button>
      <Button variant="primary" asChild>
        <Link href={`/instances/${instance.id}/connect`}>{t("connect")}</Link>
      </Button>
    </>
  );
}

const TABS = ["overview", "connect", "certificates", "keks", "audit", "settings"] as const;

function Tabs({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("instances.tabs");
  const format = useFormatter();
  const pathname = usePathname();
  const current = useRef<HTMLAnchorElement>(null);
  const tab = pathname.split("/")[3];

  // On narrow screens the row of tabs scrolls; the current one must be in sight.
  useEffect(() => {
    if (tab) {
      current.current?.scrollIntoView({ block: "nearest", inline: "center" });
    }
  }, [tab]);

  const counts: Partial<Record<(typeof TABS)[number], number>> = {
    certificates: instance.counts.clientCertificates,
    keks: instance.counts.keks,
  };

  return (
    <nav aria-label={t("label")} className="mb-4 border-line border-b">
      <ul className="scroll-thin -mb-px flex gap-5 overflow-x-auto">
        {TABS.map((name) => {
          const active = tab === name;
          const count = counts[name];

          return (
            <li key={name}>
              <Link
                ref={active ? current : undefined}
                href={`/instances/${instance.id}/${name}`}
                aria-current={active ? "page" : undefined}
                className={cn(
                  "flex h-9 items-center gap-1.5 whitespace-nowrap border-b-2 focus-visible:-outline-offset-2",
                  active
                    ? "border-accent font-semibold text-ink"
                    : "border-transparent text-muted hover:text-ink",
                )}
              >
                {t(name)}
                {count ? (
                  <span className="tabular font-normal text-muted">{format.number(count)}</span>
                ) : null}
              </Link>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

/** What the state means, when it is not simply installed. */
function StateNotice({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("instances.head");
  const reason = useStatusReason()(instance);

  switch (instance.status) {
    case "installed":
      return null;
    case "inactive":
      return (
        <Notice className="mb-4" tone="accent">
          {t("inactive")}
        </Notice>
      );
    case "attention":
      return (
        <Notice
          className="mb-4"
          tone="warn"
          title={t("attention")}
          actions={
            <Button asChild size="small">
              <Link href={`/instances/${instance.id}/overview#permissions`}>{t("showReport")}</Link>
            </Button>
          }
        >
          {reason}
        </Notice>
      );
    default:
      return (
        <div
          role="status"
          className="mb-4 flex items-center gap-2.5 rounded-control border border-line bg-sunk px-3 py-2.5"
        >
          <Spinner className="text-accent" />
          <span>
            {t(`settling.${instance.status}`)} {reason}
          </span>
        </div>
      );
  }
}
