"use client";

import { useTranslations } from "next-intl";
import { useRoleReason } from "@/components/session/use-me";
import { Button } from "@/components/ui/button";
import { CodeBlock } from "@/components/ui/copy";
import { Drawer } from "@/components/ui/dialog";
import { Fact, Facts } from "@/components/ui/panel";
import { Time } from "@/components/ui/time";
import type { ClientCertificate } from "@/lib/api/client-certificates/schemas";
import { CertificateFacts } from "./facts";
import { Findings } from "./findings";
import { saveCertificate } from "./save-certificate";

/** One certificate: what it says, what is odd, when it was last used. */
export function CertificateDrawer({
  certificate,
  onClose,
  onManage,
}: Readonly<{
  certificate: ClientCertificate | undefined;
  onClose: () => void;
  onManage: (what: "rename" | "remove", certificate: ClientCertificate) => void;
}>) {
  const t = useTranslations("certificates");
  const roleReason = useRoleReason()("operator");

  return (
    <Drawer
      open={certificate !== undefined}
      onOpenChange={(open) => {
        if (!open) {
          onClose();
        }
      }}
      title={certificate?.name ?? ""}
      footer={
        certificate ? (
          <>
            <Button
              variant="danger-quiet"
              disabledReason={roleReason}
              onClick={() => onManage("remove", certificate)}
            >
              {t("menu.remove")}
            </Button>
            <Button disabledReason={roleReason} onClick={() => onManage("rename", certificate)}>
              {t("menu.rename")}
            </Button>
            <Button onClick={() => saveCertificate(certificate)}>{t("menu.download")}</Button>
          </>
        ) : undefined
      }
    >
      {certificate ? (
        <div className="flex flex-col gap-5 px-5 py-4">
          <Findings certificate={certificate} />
          <Facts>
            <Fact term={t("detail.lastSeen")}>
              {certificate.lastSeenAt ? (
                <>
                  <Time value={certificate.lastSeenAt} />{" "}
                  {certificate.lastSeenAddress ? t("from", { address: certificate.lastSeenAddress }) : null}
                </>
              ) : (
                t("neverSeen")
              )}
            </Fact>
            <Fact term={t("detail.afterEnd")}>
              {certificate.refusedFrom === null
                ? t("detail.neverRefused")
                : t.rich("detail.refusedFrom", {
                    when: () => <Time key="when" value={certificate.refusedFrom ?? ""} kind="date" />,
                  })}
            </Fact>
            <Fact term={t("detail.origin")}>
              {t(certificate.origin === "signed" ? "detail.originSigned" : "detail.originUploaded", {
                who: certificate.createdBy,
              })}
              {", "}
              <Time value={certificate.createdAt} />
            </Fact>
          </Facts>
          <CertificateFacts certificate={certificate} />
          <CodeBlock code={certificate.pem.trim()} what={t("upload.title")} />
        </div>
      ) : null}
    </Drawer>
  );
}
