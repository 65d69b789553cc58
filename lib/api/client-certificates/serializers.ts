import { type ClientCertificateView, certificateFindings } from "@/lib/core/client-certificates";
import type { Unwritten } from "../contract/handler";
import type { ClientCertificate } from "./schemas";

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
    findings: certificateFindings(row),
    createdAt: row.createdAt,
    createdBy: row.createdBy,
    lastSeenAt: row.lastSeenAt,
    lastSeenAddress: row.lastSeenAddress,
  };
}
