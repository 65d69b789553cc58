"use client";

import { Download } from "lucide-react";
import { useTranslations } from "next-intl";
import { Button } from "@/components/ui/button";
import { MonoCopy } from "@/components/ui/copy";
import { Notice } from "@/components/ui/notice";
import { Fact, Facts, Panel } from "@/components/ui/panel";
import { saveText } from "@/components/ui/save-text";
import { Time } from "@/components/ui/time";
import type { Instance } from "@/lib/api/instances/schemas";
import { Fingerprint } from "./fingerprint";

/** Where clients connect, and how they recognise that it is this server. */
export function EndpointsPanel({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("instances.endpoints");

  return (
    <Panel
      flush
      title={t("title")}
      description={
        instance.endpoints.length === 0 ? undefined : (
          <>
            {t("description")} {instance.endpoints.some(({ dedicated }) => dedicated) ? t("dedicated") : null}
          </>
        )
      }
    >
      {instance.endpoints.length === 0 ? (
        <p className="px-4 py-4 text-muted">{t("none")}</p>
      ) : (
        <ul className="divide-y divide-line">
          {instance.endpoints.map((endpoint) => {
            const address = `${endpoint.host}:${endpoint.port}`;
            const { serverCertificate } = endpoint;
            const rsa = endpoint.serverCertificates.find(({ keyType }) => keyType === "rsa");

            return (
              <li key={`${endpoint.zone}-${address}`} className="px-4 py-3">
                <div className="mb-2 flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
                  <span className="flex min-w-0 flex-wrap items-center gap-x-3">
                    <span className="font-medium">{t("zone", { zone: endpoint.zone })}</span>
                    <MonoCopy value={address} what={t("address", { zone: endpoint.zone })} />
                  </span>
                  <DownloadPem
                    name={`kmip-zone-${endpoint.zone}`}
                    pem={serverCertificate.pem}
                    label={t("pem")}
                  />
                </div>
                {endpoint.problem ? (
                  <Notice tone="bad" className="mb-3">
                    {t(`problem.${endpoint.problem}`, { port: String(endpoint.port) })}
                  </Notice>
                ) : null}
                <CertificateFacts certificate={serverCertificate} sha1Note={t("sha1Note")} />
                {rsa ? (
                  <details className="mt-3 text-muted">
                    <summary className="w-fit cursor-pointer hover:text-ink">{t("rsa")}</summary>
                    <div className="mt-1.5 mb-2.5 flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
                      <p>{t("rsaNote")}</p>
                      <DownloadPem
                        name={`kmip-zone-${endpoint.zone}-rsa`}
                        pem={rsa.pem}
                        label={t("rsaPem")}
                      />
                    </div>
                    <CertificateFacts certificate={rsa} />
                  </details>
                ) : null}
              </li>
            );
          })}
        </ul>
      )}
    </Panel>
  );
}

function DownloadPem({ name, pem, label }: Readonly<{ name: string; pem: string; label: string }>) {
  return (
    <Button size="small" onClick={() => saveText(`${name}.pem`, pem, "application/x-pem-file")}>
      <Download aria-hidden="true" />
      {label}
    </Button>
  );
}

function CertificateFacts({
  certificate,
  sha1Note,
}: Readonly<{ certificate: Instance["endpoints"][number]["serverCertificate"]; sha1Note?: string }>) {
  const t = useTranslations("instances.endpoints");

  return (
    <Facts>
      <Fact term={t("sha256")}>
        <Fingerprint hex={certificate.sha256} what={t("sha256")} />
      </Fact>
      <Fact
        term={
          <>
            {t("sha1")}
            {sha1Note ? <span className="block text-label">{sha1Note}</span> : null}
          </>
        }
      >
        <Fingerprint hex={certificate.sha1} what={t("sha1")} />
      </Fact>
      <Fact term={t("expires")}>
        <Time value={certificate.notAfter} kind="date" />{" "}
        <span className="text-muted">
          (<Time value={certificate.notAfter} />)
        </span>
      </Fact>
    </Facts>
  );
}
