import {
  type AccountCertificateView,
  type CertificatePreview,
  type ClientCertificateView,
  certificateFindings,
} from "@/lib/core/client-certificates";
import type { Unwritten } from "../contract/handler";
import { describeCertificateFinding } from "../texts/certificate-findings";
import type { AccountCertificate, ClientCertificate } from "./schemas";

/** Client certificate as the API shows it, with what is wrong with it today. */
export function serializeClientCertificate(row: ClientCertificateView): Unwritten<ClientCertificate> {
  return {
    id: row.id,
    name: row.name,
    sha256: row.sha256,
    subject: row.subject,
    issuer: row.issuer,
    serialNumber: row.serialNumber,
    notBefore: row.notBefore,
    notAfter: row.notAfter,
    keyAlgorithm: row.keyAlgorithm,
    keySize: row.keySize,
    origin: row.origin === "signed" ? "signed" : "uploaded",
    pem: row.pem,
    findings: certificateFindings(row).map(describeCertificateFinding),
    createdAt: row.createdAt,
    createdBy: row.createdBy,
    lastSeenAt: row.lastSeenAt,
    lastSeenAddress: row.lastSeenAddress,
    refusedFrom: row.refusedFrom,
  };
}

/** The same with its instance, in lists of the whole account. */
export function serializeAccountCertificate(row: AccountCertificateView): Unwritten<AccountCertificate> {
  return { ...serializeClientCertificate(row), instance: row.instance };
}

/** Parsed certificate with findings, as the preview shows it. */
export function serializePreview(preview: CertificatePreview) {
  return {
    ...preview,
    findings: preview.findings.map((finding) => ({
      ...describeCertificateFinding(finding),
      params: { ...finding.params },
    })),
  };
}
