import type { CertificateFinding } from "@/lib/api/client-certificates/schemas";
import { commonNameOf } from "./read-upload";

export type Chosen<Parsed> = { certificate: Parsed; name: string; included: boolean };

type Parsed = { subject: string; isCertificateAuthority: boolean; findings: readonly CertificateFinding[] };

/** True when a finding keeps the certificate from being pinned. */
export function isBlocked({ findings }: { findings: readonly CertificateFinding[] }): boolean {
  return findings.some((finding) => finding.severity === "error");
}

/**
 * What is proposed for the certificates of an upload: of a bundle only the client's own (the first that is no
 * authority), a single one as it is; never one with an error. The name comes from the common name.
 */
export function propose<P extends Parsed>(certificates: readonly P[]): Chosen<P>[] {
  const leaf = certificates.find((certificate) => !certificate.isCertificateAuthority) ?? certificates[0];

  return certificates.map((certificate) => ({
    certificate,
    name: commonNameOf(certificate.subject) ?? "",
    included: certificate === leaf && !isBlocked(certificate),
  }));
}
