"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTranslations } from "next-intl";
import { useKindNames } from "@/components/key-managers/words";
import { PermissionPanel } from "@/components/permissions/panel";
import { RewrapPanel } from "@/components/root-key/rewrap-panel";
import { ShapeMark } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { MonoCopy } from "@/components/ui/copy";
import { Fact, Facts, Panel } from "@/components/ui/panel";
import { Time } from "@/components/ui/time";
import { query } from "@/lib/api/contract/query";
import { listEndpoints } from "@/lib/api/endpoints/operations";
import type { Instance } from "@/lib/api/instances/schemas";
import { useFailureWords } from "../endpoints/words";
import { ChainOfKeys } from "./chain";
import { EndpointsPanel } from "./endpoints-panel";
import { useInstance } from "./use-instance";

/** Everything about an instance at a glance. */
export function InstanceOverview({ id }: Readonly<{ id: string }>) {
  const t = useTranslations("instances");
  const instance = useInstance(id);

  return (
    <div className="flex flex-col gap-4">
      <Panel title={t("chain.title")}>
        <ChainOfKeys instance={instance} />
      </Panel>
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <div className="flex min-w-0 flex-col gap-4">
          <EndpointsPanel instance={instance} />
          {instance.keyManager ? <PermissionPanel instanceId={id} /> : null}
        </div>
        <div className="flex min-w-0 flex-col gap-4 max-xl:order-first">
          {instance.keyManager ? <FirstConnection instance={instance} /> : null}
          {instance.crk ? <RewrapPanel instanceId={id} /> : null}
          <KeyManagerPanel instance={instance} />
        </div>
      </div>
    </div>
  );
}

function KeyManagerPanel({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("instances.keyManager");
  const tCommon = useTranslations("common");
  const names = useKindNames();
  const { keyManager, crk } = instance;

  return (
    <Panel title={t("title")}>
      <Facts>
        {keyManager ? (
          <>
            <Fact term={t("kind")}>{names(keyManager.kind).title}</Fact>
            <Fact term={t("name")}>{keyManager.name ?? tCommon("notKnownYet")}</Fact>
            <Fact term={t("endpoint")}>
              {keyManager.endpoint ? (
                <>
                  <span className="font-mono text-code">{keyManager.endpoint}</span>
                  {keyManager.endpointGiven ? (
                    <span className="text-muted"> · {t("endpointGiven")}</span>
                  ) : null}
                </>
              ) : (
                tCommon("notKnownYet")
              )}
            </Fact>
            <Fact term={t("keyRing")}>{keyManager.keyRing ?? t("defaultKeyRing")}</Fact>
            <Fact term={t("crn")}>
              <MonoCopy value={keyManager.crn} what={t("crn")} />
            </Fact>
            <Fact term={t("serviceId")}>
              {keyManager.serviceIdName ?? keyManager.serviceId ?? tCommon("notKnownYet")}
              {keyManager.serviceIdName && keyManager.serviceId ? (
                <span className="block">
                  <MonoCopy value={keyManager.serviceId} what={t("serviceId")} className="text-muted" />
                </span>
              ) : null}
            </Fact>
          </>
        ) : null}
        {crk ? (
          <Fact term={t("crk")}>
            {crk.name}
            <span className="block">
              <MonoCopy value={crk.id} what={t("crk")} className="text-muted" />
            </span>
          </Fact>
        ) : null}
        <Fact term={t("region")}>{instance.region}</Fact>
        {instance.resourceGroup ? <Fact term={t("resourceGroup")}>{instance.resourceGroup}</Fact> : null}
        <Fact term={t("cache")}>
          {t("cacheValue", {
            ttl: instance.cachePolicy.cacheTtlSeconds,
            grace: instance.cachePolicy.outageGraceSeconds,
          })}
        </Fact>
        <Fact term={t("ordered")}>
          {t.rich("orderedBy", {
            when: () => <Time key="when" value={instance.createdAt} />,
            who: instance.createdBy,
          })}
        </Fact>
      </Facts>
    </Panel>
  );
}

/** Whether a client has connected, and if none has, why the last one was turned away. */
function FirstConnection({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("instances.first");
  const base = `/instances/${instance.id}`;

  if (instance.lastKmipAt) {
    return (
      <Panel>
        <div className="flex gap-3">
          <ShapeMark shape="ok" tone="ok" className="mt-[5px] size-2.5" />
          <div className="min-w-0">
            <p className="font-medium">
              {t.rich("seen", { when: () => <Time key="when" value={instance.lastKmipAt ?? ""} /> })}
            </p>
            <p className="text-muted">{t(instance.counts.keks > 0 ? "seenKeks" : "seenNoKek")}</p>
          </div>
        </div>
      </Panel>
    );
  }

  const hasCertificate = instance.counts.clientCertificates > 0;

  return (
    <Panel>
      <div className="flex gap-3" role="status">
        <ShapeMark shape="idle" tone="accent" className="mt-[5px] size-2.5 animate-pulse" />
        <div className="min-w-0 flex-1">
          <p className="font-medium">{t(hasCertificate ? "waiting" : "noCertificate")}</p>
          <p className="text-muted">{t(hasCertificate ? "waitingBody" : "noCertificateBody")}</p>
          {hasCertificate ? <LastRefusal /> : null}
          <div className="mt-3 flex flex-wrap gap-2">
            {hasCertificate ? null : (
              <Button size="small" asChild>
                <Link href={`${base}/certificates?add=upload`}>{t("addCertificate")}</Link>
              </Button>
            )}
            <Button size="small" asChild>
              <Link href={`${base}/connect`}>{t("guide")}</Link>
            </Button>
          </div>
        </div>
      </div>
    </Panel>
  );
}

/** The last handshake that any endpoint refused: it is most often the one that is waited for. */
function LastRefusal() {
  const t = useTranslations("instances.first");
  const failureWords = useFailureWords();
  const { data } = useQuery({ ...query(listEndpoints, {}), refetchInterval: 4_000 });
  const last = data?.items
    .flatMap((node) => node.failedHandshakes)
    .sort((a, b) => b.at.localeCompare(a.at))[0];

  if (!last) {
    return null;
  }

  return (
    <p className="mt-2 break-anywhere rounded-control border border-line bg-sunk px-2.5 py-2 text-label">
      {t("refused", { reason: failureWords(last) })}
      <span className="block text-muted">
        {t.rich("refusedFrom", {
          address: last.remoteAddress,
          when: () => <Time key="when" value={last.at} />,
        })}
      </span>
    </p>
  );
}
