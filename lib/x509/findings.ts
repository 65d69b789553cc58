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

/** OpenSSL checks no signature of a longer RSA key. */
const MAXIMUM_RSA_BITS = 16_384;

/** Curves that the endpoints' TLS takes from a client: those of their groups (RFC 8446 4.2.3, RFC 8422 5.1.1). */
const TLS_CURVES: ReadonlySet<string> = new Set(["EC P-256", "EC P-384", "EC P-521"]);

/** What keeps a key from being a TLS client's here; null if nothing does. */
export function keyFinding({
  keyAlgorithm,
  keySize,
}: Pick<Certificate, "keyAlgorithm" | "keySize">): Finding | null {
  const unsupported = (algorithm: string): Finding => ({
    severity: "error",
    code: "UNSUPPORTED_KEY",
    params: { algorithm },
  });
  if (keyAlgorithm.startsWith("Ed")) {
    return null;
  }

  const family = keyAlgorithm.startsWith("RSA") ? "RSA" : keyAlgorithm.startsWith("EC ") ? "EC" : null;
  if (family === null) {
    return unsupported(keyAlgorithm);
  }
  if (keySize !== null && keySize < MINIMUM_BITS[family]) {
    const minimum = MINIMUM_BITS[family];

    return { severity: "error", code: "WEAK_KEY", params: { bits: String(keySize), family, minimum } };
  }
  if (family === "EC") {
    return TLS_CURVES.has(keyAlgorithm) ? null : unsupported(keyAlgorithm);
  }

  return keySize !== null && keySize > MAXIMUM_RSA_BITS ? unsupported(`${keyAlgorithm} ${keySize}`) : null;
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

/** How vCenter names the certificates that it makes for its KMIP client: `kmipClient20260301…`. */
const VCENTER_COMMON_NAME = /(?:^|,\s*)CN=kmipClient/;

/** True for a certificate that vCenter makes for itself. It is an authority by its extensions, and of nobody. */
function isMadeByVcenter({ selfSigned, subject, subjectAlternativeNames }: Certificate): boolean {
  return selfSigned && subjectAlternativeNames.length === 0 && VCENTER_COMMON_NAME.test(subject);
}

/** One remark at most about what a certificate is for: whoever reads two on every ordinary one reads none. */
function purposeFinding(certificate: Certificate): Finding | null {
  const { extendedKeyUsage: usages, isCertificateAuthority } = certificate;
  const namesClients = usages.includes(CLIENT_AUTH) || usages.includes(ANY_EXTENDED_KEY_USAGE);
  if (usages.length > 0 && !namesClients) {
    return { severity: "warning", code: "NO_CLIENT_AUTH_EKU", params: {} };
  }
  if (isMadeByVcenter(certificate)) {
    return null;
  }
  if (isCertificateAuthority) {
    return { severity: "warning", code: "IS_CA", params: {} };
  }

  return namesClients ? null : { severity: "warning", code: "NO_CLIENT_AUTH_EKU", params: {} };
}

/**
 * What is wrong or unusual with a certificate that shall be pinned to an instance, errors first. A missing extended key
 * usage is no error, since the certificate is pinned as it is and no chain is checked.
 */
export function findingsOf(certificate: Certificate, now = new Date()): Finding[] {
  const findings: (Finding | null)[] = [
    validityFinding(certificate, now),
    keyFinding(certificate),
    signatureFinding(certificate),
    purposeFinding(certificate),
  ];

  return findings
    .filter((finding) => finding !== null)
    .sort((a, b) => Number(b.severity === "error") - Number(a.severity === "error"));
}
