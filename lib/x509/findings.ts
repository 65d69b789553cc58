import type { Certificate } from "./certificate";

/**
 * A remark about a certificate; an `error` keeps it from being pinned. What is said of a code stands in the messages,
 * `certificates.findings`; `params` are the values that its text names.
 */
export type Finding = {
  readonly severity: "error" | "warning";
  readonly code: FindingCode;
  readonly params: { readonly [name: string]: string | number };
};

type FindingCode =
  | "EXPIRED"
  | "NOT_YET_VALID"
  | "EXPIRES_SOON"
  | "WEAK_KEY"
  | "UNSUPPORTED_KEY"
  | "NO_CLIENT_AUTH_EKU"
  | "IS_CA"
  | "SHA1_SIGNATURE"
  | "MD5_SIGNATURE"
  | "CERTIFICATE_IN_USE";

const DAY_MS = 86_400_000;
const EXPIRES_SOON_DAYS = 30;
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const ANY_EXTENDED_KEY_USAGE = "2.5.29.37.0";

/** Smallest key in bits that a TLS client may have here (NIST SP 800-57: 112 bits of strength). */
const MINIMUM_BITS = { RSA: 2048, EC: 224 } as const;

function keyFinding({ keyAlgorithm, keySize }: Certificate): Finding | null {
  if (keyAlgorithm.startsWith("Ed")) {
    return null;
  }

  const family = keyAlgorithm.startsWith("RSA") ? "RSA" : keyAlgorithm.startsWith("EC ") ? "EC" : null;
  if (family === null) {
    return { severity: "error", code: "UNSUPPORTED_KEY", params: { algorithm: keyAlgorithm } };
  }

  return keySize !== null && keySize < MINIMUM_BITS[family]
    ? { severity: "error", code: "WEAK_KEY", params: { bits: String(keySize), family } }
    : null;
}

function validityFinding({ notBefore, notAfter }: Certificate, now: Date): Finding | null {
  if (notAfter <= now) {
    return { severity: "error", code: "EXPIRED", params: { notAfter: notAfter.toISOString() } };
  }
  if (notBefore > now) {
    return { severity: "warning", code: "NOT_YET_VALID", params: { notBefore: notBefore.toISOString() } };
  }

  const days = Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS);

  return days < EXPIRES_SOON_DAYS ? { severity: "warning", code: "EXPIRES_SOON", params: { days } } : null;
}

function signatureFinding({ signatureAlgorithm }: Certificate): Finding | null {
  if (/sha-?1(?!\d)/i.test(signatureAlgorithm)) {
    return { severity: "warning", code: "SHA1_SIGNATURE", params: {} };
  }

  return /md[25]/i.test(signatureAlgorithm)
    ? { severity: "warning", code: "MD5_SIGNATURE", params: {} }
    : null;
}

/**
 * What is wrong or unusual with a certificate that shall be pinned to an instance, errors first.
 * vCenter's own self-signed certificates often lack an extended key usage: that is a warning, no error, since the
 * certificate is pinned as it is and no chain is checked.
 */
export function findingsOf(certificate: Certificate, now = new Date()): Finding[] {
  const usages = certificate.extendedKeyUsage;
  const findings: (Finding | null)[] = [
    validityFinding(certificate, now),
    keyFinding(certificate),
    signatureFinding(certificate),
    usages.includes(CLIENT_AUTH) || usages.includes(ANY_EXTENDED_KEY_USAGE)
      ? null
      : { severity: "warning", code: "NO_CLIENT_AUTH_EKU", params: {} },
    certificate.isCertificateAuthority ? { severity: "warning", code: "IS_CA", params: {} } : null,
  ];

  return findings
    .filter((finding) => finding !== null)
    .sort((a, b) => Number(b.severity === "error") - Number(a.severity === "error"));
}
