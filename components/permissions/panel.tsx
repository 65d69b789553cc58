"use client";

import { useInfiniteQuery, useIsMutating } from "@tanstack/react-query";
import { useTranslations } from "next-intl";
import { useState } from "react";
import { ProblemNotice } from "@/components/errors/problem";
import { replacingError } from "@/components/session/query-client";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { SkeletonRows } from "@/components/ui/skeleton";
import { Time } from "@/components/ui/time";
import { query } from "@/lib/api/contract/query";
import { listPermissionChecks } from "@/lib/api/instances/operations";
import type { PermissionCheck } from "@/lib/api/instances/schemas";
import type { Messages } from "@/lib/i18n/messages";
import { ReportBadge, ReportChecks, ReportRunning } from "./report";
import { usePermissionCheck } from "./use-check";
import { useCheckTexts } from "./use-check-texts";

/** An instance's latest permission report, the button that checks now, and the checks before. */
export function PermissionPanel({ instanceId }: Readonly<{ instanceId: string }>) {
  const t = useTranslations("permissions");
  const roleReason = useRoleReason();
  const check = usePermissionCheck(instanceId);
  const running = useIsMutating({ mutationKey: ["permission-check", instanceId] }) > 0;
  const list = useInfiniteQuery(query(listPermissionChecks, { id: instanceId, limit: 10 }));
  const checks = list.data?.pages.flatMap((page) => page.items) ?? [];
  const latest = checks[0];
  const error = replacingError(list);

  return (
    <Panel
      flush
      id="permissions"
      title={
        <span className="flex flex-wrap items-center gap-2">
          {t("title")}
          {latest && !running ? <ReportBadge report={latest} /> : null}
        </span>
      }
      description={
        latest ? t.rich("checkedAt", { when: () => <Time value={latest.checkedAt} /> }) : undefined
      }
      actions={
        <Button
          size="small"
          pending={running}
          disabledReason={roleReason("operator")}
          onClick={() => check.mutate()}
        >
          {latest ? t("checkAgain") : t("check")}
        </Button>
      }
    >
      {running ? (
        <ReportRunning />
      ) : list.isPending ? (
        <SkeletonRows rows={6} />
      ) : error ? (
        <ProblemNotice error={error} onRetry={() => void list.refetch()} className="m-4" />
      ) : latest ? (
        <ReportChecks checks={latest.checks} />
      ) : (
        <p className="px-4 py-4 text-muted">{t("historyNone")}</p>
      )}
      {checks.length > 1 ? (
        <History
          checks={checks.slice(1)}
          onMore={list.hasNextPage ? () => void list.fetchNextPage() : undefined}
          loading={list.isFetchingNextPage}
        />
      ) : null}
    </Panel>
  );
}

function History({
  checks,
  onMore,
  loading,
}: Readonly<{ checks: readonly PermissionCheck[]; onMore: (() => void) | undefined; loading: boolean }>) {
  const t = useTranslations("permissions");
  const [open, setOpen] = useState(false);

  return (
    <details
      className="border-line border-t"
      open={open}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary className="cursor-pointer px-4 py-2.5 text-muted hover:text-ink">{t("history")}</summary>
      <ul className="divide-y divide-line border-line border-t">
        {checks.map((entry) => (
          <HistoryRow key={entry.id} entry={entry} />
        ))}
      </ul>
      {onMore ? (
        <div className="border-line border-t px-4 py-2.5">
          <Button size="small" pending={loading} onClick={onMore}>
            {t("older")}
          </Button>
        </div>
      ) : null}
    </details>
  );
}

function HistoryRow({ entry }: Readonly<{ entry: PermissionCheck }>) {
  const t = useTranslations("permissions");
  const words = useCheckTexts();
  const trigger = entry.trigger as keyof Messages["permissions"]["trigger"];
  const failed = entry.checks.filter((check) => check.status === "fail").map((check) => words(check).title);

  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2">
      <ReportBadge report={entry} />
      <span className="text-muted">
        <Time value={entry.checkedAt} />{" "}
        {t.has(`trigger.${trigger}`) ? t(`trigger.${trigger}`) : entry.trigger}
      </span>
      {failed.length > 0 ? (
        <span className="break-anywhere w-full text-label text-muted">
          {t("failedChecks", { names: failed.join(", ") })}
        </span>
      ) : null}
    </li>
  );
}
