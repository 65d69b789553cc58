"use client";

import { Download } from "lucide-react";
import { useTranslations } from "next-intl";
import { Button } from "@/components/ui/button";
import { MonoCopy } from "@/components/ui/copy";
import { Fact, Facts, Panel } from "@/components/ui/panel";
import { saveText } from "@/components/ui/save-text";
import { Time } from "@/components/ui/time";
import type { Instance } from "@/lib/api/schemas/instances";
import { Fingerprint } from "./fingerprint";

/** Where clients connect, and how they recognise that it is this server. */
export function EndpointsPanel({ instance }: Readonly<{ instance: Instance }>) {
  const t = useTranslations("instances.endpoints");

  return (
    <Panel
      flush
      title={t("title")}
      description={instance.endpoints.length > 0 ? t("description") : undefined}
    >
      {instance.endpoints.length === 0 ? (
        <p className="px-4 py-4 text-muted">{t("none")}</p>
      ) : (
        <ul className="divide-y divide-line">
          {instance.endpoints.map((endpoint) => {
            const address = `${endpoint.host}:${endpoint.port}`;
            const { serverCertificate } = endpoint;

            return (
              <li key={`${endpoint.zone}-${address}`} className="px-4 py-3">
                <div className="mb-2 flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
                  <span className="flex min-w-0 flex-wrap items-center gap-x-3">
                    <span className="font-medium">{t("zone", { zone: endpoint.zone })}</span>
                    <MonoCopy value={address} what={t("address", { zone: endpoint.zone })} />
                  </span>
                  <Button
                    size="small"
                    onClick={() =>
                      saveText(
                        `kmip-zone-${endpoint.zone}.pem`,
                        serverCertificate.pem,
                        "application/x-pem-file",
                      )
                    }
                  >
                    <Download aria-hidden="true" />
                    {t("pem")}
                  </Button>
                </div>
                <Facts>
                  <Fact term={t("sha256")}>
                    <Fingerprint hex={serverCertificate.sha256} what={t("sha256")} />
                  </Fact>
                  <Fact
                    term={
                      <>
                        {t("sha1")}
                        <span className="block text-label">{t("sha1Note")}</span>
                      </>
                    }
                  >
                    <Fingerprint hex={serverCertificate.sha1} what={t("sha1")} />
                  </Fact>
                  <Fact term={t("expires")}>
                    <Time value={serverCertificate.notAfter} kind="date" />{" "}
                    <span className="text-muted">
                      (<Time value={serverCertificate.notAfter} />)
                    </span>
                  </Fact>
                </Facts>
              </li>
            );
          })}
        </ul>
      )}
    </Panel>
  );
}
