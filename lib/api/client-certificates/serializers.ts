import type { CertificatePreview, ClientCertificateView } from "@/lib/core/client-certificates";
import { certificateFindings } from "@/lib/core/client-certificates";
import { describeCertificateFinding } from "../texts/certificate-findings";
import type { ClientCertificate } from "./schemas";

/** Client certificate as the API shows it, with what is wrong with it today. */
export function serializeClientCertificate(row: ClientCertificateView): ClientCertificate {
  return {
    id: row.id,
    name: row.name,
    sha256: row.sha256,
    subject: row.subject,
    issuer: row.issuer,
    serialNumber: row.serialNumber,
    notBefore: row.notBefore.toISOString(),
    notAfter: row.notAfter.toISOString(),
    keyAlgorithm: row.keyAlgorithm,
    keySize: row.keySize,
    origin: row.origin === "signed" ? "signed" : "uploaded",
    pem: row.pem,
    findings: certificateFindings(row).map(describeCertificateFinding),
    createdAt: row.createdAt.toISOString(),
    createdBy: row.createdBy,
    lastSeenAt: row.lastSeenAt?.toISOString() ?? null,
    lastSeenAddress: row.lastSeenAddress,
  };
}

/** Parsed certificate with findings, as the preview shows it. */
export function serializePreview(preview: CertificatePreview) {
  return {
    ...preview,
    notBefore: preview.notBefore.toISOString(),
    notAfter: preview.notAfter.toISOString(),
    subjectAlternativeNames: [...preview.subjectAlternativeNames],
    extendedKeyUsage: [...preview.extendedKeyUsage],
    findings: preview.findings.map(describeCertificateFinding),
  };
}
