"use client";

import { Download } from "lucide-react";
import Link from "next/link";
import { useTranslations } from "next-intl";
import { parseAsStringLiteral, useQueryState } from "nuqs";
import { type ReactNode, useSyncExternalStore } from "react";
import { Fingerprint } from "@/components/instances/fingerprint";
import { useInstance } from "@/components/instances/use-instance";
import { useRoleReason } from "@/components/session/use-me";
import { ShapeMark } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Segmented } from "@/components/ui/choice";
import { CodeBlock, MonoCopy } from "@/components/ui/copy";
import { Notice } from "@/components/ui/notice";
import { Fact, Facts, Panel } from "@/components/ui/panel";
import { saveText } from "@/components/ui/save-text";
import { Time } from "@/components/ui/time";
import type { Instance } from "@/lib/api/instances/schemas";
import { ConnectionTest } from "./connection-test";
import { connectSnippets } from "./snippets";

const noSubscription = () => () => undefined;

/** How to point vCenter at this instance, with its real values, by clicking or by commands. */
export function ConnectGuide({ instanceId }: Readonly<{ instanceId: string }>) {
  const t = useTranslations("connect");
  const instance = useInstance(instanceId);
  const [way, setWay] = useQueryState(
    "way",
    parseAsStringLiteral(["client", "powercli"] as const).withDefault("client"),
  );

  if (instance.keyManager === null) {
    return <Notice tone="accent">{t("notYet")}</Notice>;
  }

  return (
    <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_300px]">
      <div className="flex min-w-0 flex-col gap-4">
        <ConnectionTest instance={instance} />
        <div className="flex flex-wrap items-center justify-between gap-3">
          <p className="text-muted">{t("lead")}</p>
          <Segmented
            label={t("way")}
            value={way}
            onValueChange={(next) => void setWay(next)}
            options={[
              { value: "client", label: t("wayClient") },
              { value: "powercli", label: t("wayPowercli") },
            ]}
          />
        </div>
        {instance.endpoints.length === 0 ? <Notice tone="warn">{t("noEndpoints")}</Notice> : null}
        <ol className="flex flex-col gap-4">
          <Steps instance={instance} powercli={way === "powercli"} />
        </ol>
      </div>
      <Panel title={t("notes.title")}>
        <ul className="flex flex-col gap-3 text-muted">
          {(["vsan", "circle", "health", "backup"] as const).map((note) => (
            <li key={note}>{t(`notes.${note}`)}</li>
          ))}
        </ul>
      </Panel>
    </div>
  );
}

function Step({
  number,
  title,
  done,
  children,
}: Readonly<{
  number: number;
  title: ReactNode;
  /** Null when nobody here can know it. */
  done: boolean | null;
  children: ReactNode;
}>) {
  const t = useTranslations("connect");

  return (
    <li>
      <Panel
        flush
        title={
          <span className="flex items-center gap-2.5">
            <span
              aria-hidden="true"
              className="tabular flex size-6 items-center justify-center rounded-full border border-line-strong font-medium text-label text-muted"
            >
              {number}
            </span>
            {title}
          </span>
        }
        actions={
          done === null ? undefined : (
            <span className="flex items-center gap-1.5 pt-0.5 text-label text-muted">
              <ShapeMark shape={done ? "ok" : "idle"} tone={done ? "ok" : "idle"} />
              {t(done ? "done" : "open")}
            </span>
          )
        }
      >
        <div className="flex flex-col gap-3 px-4 py-3.5">{children}</div>
      </Panel>
    </li>
  );
}

function Steps({ instance, powercli }: Readonly<{ instance: Instance; powercli: boolean }>) {
  const t = useTranslations("connect");
  const roleReason = useRoleReason()("operator");
  const origin = useSyncExternalStore(
    noSubscription,
    () => window.location.origin,
    () => "",
  );
  const snippets = connectSnippets(instance, origin);
  const { counts, lastKmipAt } = instance;
  const connected = lastKmipAt !== null;
  const certificates = counts.clientCertificates;

  return (
    <>
      <Step number={1} title={t("step1.title")} done={connected ? null : false}>
        {connected ? <p className="text-muted">{t("step1.both")}</p> : null}
        {powercli ? (
          <CodeBlock wrap code={snippets.add} what={t("step1.title")} />
        ) : (
          <>
            <p>{t("step1.body")}</p>
            <Facts>
              <Fact term={t("step1.name")}>
                <MonoCopy value={instance.name} what={t("step1.name")} />
              </Fact>
              {instance.endpoints.map((endpoint) => (
                <Fact key={endpoint.zone} term={t("step1.server", { zone: endpoint.zone })}>
                  <span className="flex flex-wrap gap-x-6">
                    <span className="inline-flex items-center gap-2">
                      <span className="text-muted">{t("step1.address")}</span>
                      <MonoCopy value={endpoint.host} what={t("step1.address")} />
                    </span>
                    <span className="inline-flex items-center gap-2">
                      <span className="text-muted">{t("step1.port")}</span>
                      <MonoCopy value={String(endpoint.port)} what={t("step1.port")} />
                    </span>
                  </span>
                </Fact>
              ))}
            </Facts>
          </>
        )}
      </Step>
      <Step number={2} title={t("step2.title")} done={connected}>
        <p>{t(powercli ? "step2.powercli" : "step2.body")}</p>
        {powercli ? <CodeBlock wrap code={snippets.compare} what={t("step2.title")} /> : null}
        {instance.endpoints.map((endpoint) => (
          <TrustFacts key={endpoint.zone} endpoint={endpoint} />
        ))}
      </Step>
      <Step number={3} title={t("step3.title")} done={certificates > 0}>
        <p>{t(powercli ? "step3.powercli" : "step3.body")}</p>
        {powercli ? (
          <CodeBlock wrap code={snippets.certificate} what={t("step3.title")} />
        ) : (
          <p className="text-muted">{t("step3.csr")}</p>
        )}
      </Step>
      <Step number={4} title={t("step4.title")} done={certificates > 0}>
        <p>{t("step4.body")}</p>
        {certificates > 0 ? <p className="text-muted">{t("step4.have", { count: certificates })}</p> : null}
        <div>
          <Button asChild variant={certificates > 0 ? "secondary" : "primary"} disabledReason={roleReason}>
            <Link href={`/instances/${instance.id}/certificates?add=upload`}>{t("step4.button")}</Link>
          </Button>
        </div>
        {powercli ? (
          <>
            <p>{t("step4.powercli")}</p>
            <CodeBlock wrap code={snippets.upload} what={t("step4.powercli")} />
            <p>{t("step4.powercliSet")}</p>
            <CodeBlock wrap code={snippets.use} what={t("step4.powercliSet")} />
          </>
        ) : null}
      </Step>
      <Step number={5} title={t("step5.title")} done={connected}>
        <p>{t("step5.body")}</p>
        {powercli ? (
          <>
            <p>{t("step5.powercli")}</p>
            <CodeBlock wrap code={snippets.check} what={t("step5.powercli")} />
          </>
        ) : null}
        <p role="status" className="flex items-center gap-2">
          <ShapeMark shape={connected ? "ok" : "idle"} tone={connected ? "ok" : "accent"} />
          <span>
            {lastKmipAt
              ? t.rich("step5.seen", { when: () => <Time key="when" value={lastKmipAt} /> })
              : t("step5.waiting")}
            {counts.keks > 0 ? (
              <span className="text-muted"> · {t("step5.kek", { count: counts.keks })}</span>
            ) : null}
          </span>
        </p>
      </Step>
    </>
  );
}

function TrustFacts({ endpoint }: Readonly<{ endpoint: Instance["endpoints"][number] }>) {
  const t = useTranslations("connect.step2");
  const tEndpoints = useTranslations("instances.endpoints");
  const { serverCertificate, zone } = endpoint;

  return (
    <div className="rounded-control border border-line bg-sunk px-3 py-2.5">
      <p className="mb-1.5 flex flex-wrap items-center justify-between gap-2">
        <span className="font-medium">{t("zone", { zone })}</span>
        <Button
          size="small"
          onClick={() => saveText(`kmip-zone-${zone}.pem`, serverCertificate.pem, "application/x-pem-file")}
        >
          <Download aria-hidden="true" />
          {t("download", { zone })}
        </Button>
      </p>
      <Facts>
        <Fact term={tEndpoints("sha256")}>
          <Fingerprint hex={serverCertificate.sha256} what={tEndpoints("sha256")} />
        </Fact>
        <Fact term={tEndpoints("sha1")}>
          <Fingerprint hex={serverCertificate.sha1} what={tEndpoints("sha1")} />
        </Fact>
      </Facts>
    </div>
  );
}
