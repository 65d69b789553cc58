"use client";

import { useSuspenseQuery } from "@tanstack/react-query";
import { useFormatter, useTranslations } from "next-intl";
import { Badge } from "@/components/ui/badge";
import { Notice } from "@/components/ui/notice";
import { Panel } from "@/components/ui/panel";
import { Progress } from "@/components/ui/progress";
import { Time } from "@/components/ui/time";
import { query } from "@/lib/api/contract/query";
import { getRewrap } from "@/lib/api/instances/operations";
import type { RewrapStatus } from "@/lib/api/instances/schemas";
import type { Messages } from "@/lib/i18n/messages";

type ErrorCode = keyof Messages["instances"]["rewrap"]["error"];

/** How many KEKs are on which version of the root key, read often while they move. */
function useRewrap(instanceId: string): RewrapStatus {
  return useSuspenseQuery({
    ...query(getRewrap, { id: instanceId }),
    refetchInterval: ({ state }) => (state.data?.state === "idle" ? 20_000 : 2_000),
  }).data;
}

/** KEKs by the version of the root key that wraps them, and how far their move to the latest is. */
export function RewrapPanel({ instanceId }: Readonly<{ instanceId: string }>) {
  const t = useTranslations("instances.rewrap");
  const status = useRewrap(instanceId);

  return (
    <Panel title={t("title")}>
      <div className="flex flex-col gap-3">
        <State status={status} />
        {status.versions.length > 0 ? <Versions status={status} /> : null}
      </div>
    </Panel>
  );
}

function State({ status }: Readonly<{ status: RewrapStatus }>) {
  const t = useTranslations("instances.rewrap");
  const format = useFormatter();
  const { state, total, remaining, crkId, versions } = status;

  if (state === "idle") {
    return <p className="text-muted">{t(total === 0 ? "none" : "idle")}</p>;
  }

  const done = total - remaining;
  const changes = versions.some((version) => version.crkId !== crkId);

  return (
    <div className="flex flex-col gap-2" role="status">
      {state === "blocked" ? (
        <Blocked status={status} />
      ) : (
        <p>{t(changes ? "changing" : "running", { remaining })}</p>
      )}
      <div className="flex items-center gap-3">
        <div className="min-w-0 flex-1">
          <Progress
            label={t("progress")}
            value={done}
            max={total}
            tone={state === "blocked" ? "warn" : "accent"}
          />
        </div>
        <span className="whitespace-nowrap text-label text-muted tabular-nums">
          {t("done", { done: format.number(done), total: format.number(total) })}
        </span>
      </div>
    </div>
  );
}

function Blocked({ status }: Readonly<{ status: RewrapStatus }>) {
  const t = useTranslations("instances.rewrap");
  const { error, remaining } = status;
  const code = (error?.code ?? "") as ErrorCode;

  return (
    <Notice tone="warn" title={t("blocked", { remaining })}>
      <p>{code !== "other" && t.has(`error.${code}`) ? t(`error.${code}`) : t("error.other", { code })}</p>
      {error ? (
        <p className="text-label text-muted">
          {t.rich("since", { when: () => <Time key="when" value={error.since} /> })}
        </p>
      ) : null}
    </Notice>
  );
}

function Versions({ status }: Readonly<{ status: RewrapStatus }>) {
  const t = useTranslations("instances.rewrap");

  return (
    <ul className="divide-y divide-line border-line border-t">
      {status.versions.map(({ crkId, crkVersion, keks, current }) => (
        <li key={`${crkId}/${crkVersion}`} className="flex items-center gap-3 py-1.5">
          <span className="min-w-0 flex-1">
            {crkVersion ? (
              <span className="font-mono text-code" title={crkVersion}>
                {crkVersion.slice(0, 8)}
              </span>
            ) : (
              <span className="text-muted">{t("versionUnknown")}</span>
            )}{" "}
            {current ? (
              <Badge>{t("current")}</Badge>
            ) : (
              <span className="text-label text-muted" title={crkId}>
                {crkId === status.crkId ? t("formerVersion") : t("formerKey", { id: crkId.slice(0, 8) })}
              </span>
            )}
          </span>
          <span className="whitespace-nowrap tabular-nums">{t("keks", { count: keks })}</span>
        </li>
      ))}
    </ul>
  );
}
