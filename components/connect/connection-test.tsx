"use client";

import { ChevronRight } from "lucide-react";
import { useTranslations } from "next-intl";
import { ReportBadge, ReportChecks, ReportRunning } from "@/components/permissions/report";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { Time } from "@/components/ui/time";
import type { EndpointConnection, Instance } from "@/lib/api/instances/schemas";
import { useConnectionTest } from "./use-connection-test";

/** Tests whether every endpoint serves the instance, and shows what was found at each. */
export function ConnectionTest({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("connect.test");
  const roleReason = useRoleReason()("operator");
  const { report, running, run } = useConnectionTest(instance.id);
  const served = instance.status === "installed" || instance.status === "attention";
  const shown = running ? undefined : report;

  return (
    <Panel
      flush
      id="connection-test"
      title={
        <span className="flex flex-wrap items-center gap-2">
          {t("title")}
          {shown && shown.endpoints.length > 0 ? (
            <ReportBadge report={{ checks: shown.endpoints.flatMap(({ checks }) => checks) }} />
          ) : null}
        </span>
      }
      description={shown ? t.rich("testedAt", { when: () => <Time value={shown.checkedAt} /> }) : undefined}
      actions={
        <Button
          size="small"
          pending={running}
          disabledReason={roleReason ?? (served ? undefined : t("notServed"))}
          onClick={run}
        >
          {report ? t("again") : t("button")}
        </Button>
      }
    >
      {running ? (
        <ReportRunning title={t("running")} hint={t("runningHint")} />
      ) : shown === undefined ? (
        <p className="px-4 py-3.5 text-muted">{t("lead")}</p>
      ) : shown.endpoints.length === 0 ? (
        <p className="px-4 py-3.5 text-muted">{t("none")}</p>
      ) : (
        <ul className="divide-y divide-line">
          {shown.endpoints.map((endpoint) => (
            <EndpointResult key={`${endpoint.zone} ${shown.checkedAt}`} endpoint={endpoint} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** What was found at one endpoint: folded while all is well. */
function EndpointResult({ endpoint }: Readonly<{ endpoint: EndpointConnection }>) {
  const t = useTranslations("connect.test");
  const tCommon = useTranslations("common");
  const { zone, host, port, checks, tlsProtocol, kmipVersions, milliseconds } = endpoint;
  const wellDone = checks.every(({ status }) => status === "pass");
  const facts = [
    tlsProtocol?.replace("TLSv", "TLS "),
    kmipVersions.length > 0 ? t("kmip", { versions: kmipVersions.join(", ") }) : undefined,
    tCommon("ms", { value: Math.max(1, Math.round(milliseconds)) }),
  ].filter((fact) => fact !== undefined);

  return (
    <li>
      <details className="group" open={!wellDone} data-zone={zone}>
        <summary className="flex cursor-pointer list-none items-start gap-2 px-4 py-2.5 hover:bg-hover focus-visible:-outline-offset-2 [&::-webkit-details-marker]:hidden">
          <ChevronRight
            aria-hidden="true"
            className="mt-0.5 size-4 shrink-0 text-muted transition-transform duration-[120ms] group-open:rotate-90 motion-reduce:transition-none"
          />
          <span className="flex min-w-0 flex-1 flex-wrap items-center gap-x-3 gap-y-1">
            <span className="font-medium">{t("zone", { zone })}</span>
            <span className="break-anywhere font-mono text-code">{`${host}:${port}`}</span>
            <ReportBadge report={endpoint} />
            <span className="tabular w-full text-label text-muted">{facts.join(" · ")}</span>
          </span>
        </summary>
        <div className="border-line border-t">
          <ReportChecks checks={checks} />
        </div>
      </details>
    </li>
  );
}
