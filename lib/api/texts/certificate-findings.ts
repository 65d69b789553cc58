import { fill } from "@/lib/i18n/translate";
import type { Finding } from "@/lib/x509";
import type { CertificateFinding } from "../client-certificates/schemas";
import { english } from "./english";

/** A finding about a certificate as the API shows it. */
export function describeCertificateFinding({ severity, code, params }: Finding): CertificateFinding {
  return { severity, code, message: fill(english, `certificates.findings.${code}`, params) };
}
