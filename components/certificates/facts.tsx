"use client";

import { useTranslations } from "next-intl";
import { Fingerprint } from "@/components/instances/fingerprint";
import { Badge } from "@/components/ui/badge";
import { Fact, Facts } from "@/components/ui/panel";
import { Time } from "@/components/ui/time";
import type { ClientCertificate, ParsedCertificate } from "@/lib/api/client-certificates/schemas";
import { Expiry } from "./expiry";

type Common = Pick<
  ClientCertificate,
  "subject" | "issuer" | "serialNumber" | "sha256" | "notBefore" | "notAfter" | "keyAlgorithm" | "keySize"
>;

/** What a certificate says, parsed. */
export function CertificateFacts({
  certificate,
}: Readonly<{ certificate: Common & Partial<ParsedCertificate> }>) {
  const t = useTranslations("certificates.detail");
  const tCommon = useTranslations("common");
  const selfSigned = certificate.selfSigned ?? certificate.subject === certificate.issuer;

  return (
    <Facts>
      <Fact term={t("subject")}>
        <span className="whitespace-pre-line">{certificate.subject || tCommon("none")}</span>
      </Fact>
      <Fact term={t("issuer")}>
        {selfSigned ? (
          <Badge>{t("selfSigned")}</Badge>
        ) : (
          <span className="whitespace-pre-line">{certificate.issuer}</span>
        )}
      </Fact>
      <Fact term={t("validity")}>
        {t.rich("validRange", {
          from: () => <Time key="from" value={certificate.notBefore} kind="date" />,
          to: () => <Time key="to" value={certificate.notAfter} kind="date" />,
        })}
        {" · "}
        <Expiry notAfter={certificate.notAfter} withDate={false} />
      </Fact>
      <Fact term={t("sha256")}>
        <Fingerprint hex={certificate.sha256} what={t("sha256")} />
      </Fact>
      {certificate.sha1 ? (
        <Fact
          term={
            <>
              {t("sha1")} <span className="text-label">({t("legacy")})</span>
            </>
          }
        >
          <Fingerprint hex={certificate.sha1} what={t("sha1")} />
        </Fact>
      ) : null}
      <Fact term={t("key")}>
        {certificate.keySize === null
          ? certificate.keyAlgorithm
          : t("keyValue", { algorithm: certificate.keyAlgorithm, size: String(certificate.keySize) })}
      </Fact>
      {certificate.signatureAlgorithm ? (
        <Fact term={t("signature")}>{certificate.signatureAlgorithm}</Fact>
      ) : null}
      {certificate.subjectAlternativeNames && certificate.subjectAlternativeNames.length > 0 ? (
        <Fact term={t("names")}>{certificate.subjectAlternativeNames.join(", ")}</Fact>
      ) : null}
      {certificate.extendedKeyUsage && certificate.extendedKeyUsage.length > 0 ? (
        <Fact term={t("usage")}>{certificate.extendedKeyUsage.join(", ")}</Fact>
      ) : null}
      {certificate.isCertificateAuthority ? <Fact term={t("ca")}>{tCommon("yes")}</Fact> : null}
      <Fact term={t("serial")}>
        <span className="break-all font-mono text-code">{certificate.serialNumber}</span>
      </Fact>
    </Facts>
  );
}
