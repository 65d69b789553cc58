import "reflect-metadata";
import { type KeyObject, X509Certificate } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { signatureAlgorithmName, signatureAlgorithmOid } from "./der";
import { decodeInput } from "./encoding";
import { CertificateError } from "./errors";

/** What the house knows of a certificate. */
export type Certificate = {
  /** RFC 4514 text; control characters are shown as U+FFFD. */
  readonly subject: string;
  readonly issuer: string;
  /** Issuer and subject are one, and its own key verifies its signature. */
  readonly selfSigned: boolean;
  /** Hexadecimal, lower case. */
  readonly serialNumber: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** `RSA`, `EC P-256`, `Ed25519` … */
  readonly keyAlgorithm: string;
  /** Bits. */
  readonly keySize: number | null;
  readonly signatureAlgorithm: string;
  readonly subjectAlternativeNames: readonly string[];
  /** Dotted identifiers. */
  readonly extendedKeyUsage: readonly string[];
  readonly isCertificateAuthority: boolean;
  /** Fingerprints of the DER: hexadecimal, lower case, without separators. */
  readonly sha256: string;
  readonly sha1: string;
  /** Normal form: 64 characters a line, no text around it. */
  readonly pem: string;
};

/** No bundle that people send has more; each costs a few signature checks. */
const MAX_CERTIFICATES = 50;
const MAX_TEXT = 1_000;

/** Curves by OpenSSL's names. */
const CURVES: Readonly<Record<string, { name: string; bits: number }>> = {
  prime192v1: { name: "P-192", bits: 192 },
  secp224r1: { name: "P-224", bits: 224 },
  prime256v1: { name: "P-256", bits: 256 },
  secp256k1: { name: "secp256k1", bits: 256 },
  secp384r1: { name: "P-384", bits: 384 },
  secp521r1: { name: "P-521", bits: 521 },
};

function invalid(message: string, cause?: unknown): CertificateError {
  return new CertificateError("CERTIFICATE_INVALID", message, { cause });
}

/** Text of a certificate as it may be shown and stored: PostgreSQL takes no NUL, people see no controls. */
function readable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}]/gu, "\uFFFD").slice(0, MAX_TEXT);
}

/** Kind and strength of a public key. */
export function describeKey(key: KeyObject): { keyAlgorithm: string; keySize: number | null } {
  const type = key.asymmetricKeyType ?? "unknown";
  const details = key.asymmetricKeyDetails;

  if (type === "ec") {
    const curve = CURVES[details?.namedCurve ?? ""];

    return { keyAlgorithm: `EC ${curve?.name ?? details?.namedCurve ?? "?"}`, keySize: curve?.bits ?? null };
  }
  if (type === "ed25519") {
    return { keyAlgorithm: "Ed25519", keySize: 256 };
  }
  if (type === "ed448") {
    return { keyAlgorithm: "Ed448", keySize: 456 };
  }
  if (type === "rsa-pss") {
    return { keyAlgorithm: "RSA-PSS", keySize: details?.modulusLength ?? null };
  }

  return { keyAlgorithm: type.toUpperCase(), keySize: details?.modulusLength ?? null };
}

/** SHA-256 fingerprint as hexadecimal without separators, from OpenSSL's colon form. */
function plainFingerprint(text: string): string {
  return text.replaceAll(":", "").toLowerCase();
}

/** Alternative names as `dns:…`, `ip:…`, `url:…`, `email:…` and so on. */
function alternativeNames(certificate: x509.X509Certificate): string[] {
  const extension = certificate.getExtension(x509.SubjectAlternativeNameExtension);

  return (extension?.names.toJSON() ?? []).map((name) => readable(`${name.type}:${name.value}`));
}

function isSelfSigned(certificate: X509Certificate): boolean {
  if (certificate.subject !== certificate.issuer) {
    return false;
  }
  try {
    return certificate.verify(certificate.publicKey);
  } catch {
    // OpenSSL knows no such signature algorithm: it cannot be said to verify.
    return false;
  }
}

function readCertificate(der: Buffer): Certificate {
  const openssl = new X509Certificate(der);
  const parsed = new x509.X509Certificate(new Uint8Array(openssl.raw));
  const usage = parsed.getExtension(x509.ExtendedKeyUsageExtension);
  const base64 = openssl.raw.toString("base64").replace(/(.{64})(?=.)/g, "$1\n");

  return {
    subject: readable(parsed.subject),
    issuer: readable(parsed.issuer),
    selfSigned: isSelfSigned(openssl),
    serialNumber: openssl.serialNumber.toLowerCase(),
    notBefore: parsed.notBefore,
    notAfter: parsed.notAfter,
    ...describeKey(openssl.publicKey),
    signatureAlgorithm: signatureAlgorithmName(signatureAlgorithmOid(openssl.raw)),
    subjectAlternativeNames: alternativeNames(parsed),
    extendedKeyUsage: (usage?.usages ?? []).map(String),
    isCertificateAuthority: openssl.ca,
    sha256: plainFingerprint(openssl.fingerprint256),
    sha1: plainFingerprint(openssl.fingerprint),
    pem: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
  };
}

/**
 * Reads one certificate from DER.
 * @throws CertificateError CERTIFICATE_INVALID
 */
function parseDer(der: Buffer): Certificate {
  let certificate: Certificate;
  try {
    certificate = readCertificate(der);
  } catch (error) {
    throw invalid("This is no certificate, or it is damaged.", error);
  }

  if (Number.isNaN(certificate.notBefore.getTime()) || Number.isNaN(certificate.notAfter.getTime())) {
    throw invalid("The certificate has a validity that cannot be read.");
  }

  return certificate;
}

function certificatesOfPkcs7(der: Buffer): Buffer[] {
  try {
    return [...new x509.X509Certificates(new Uint8Array(der))].map((item) => Buffer.from(item.rawData));
  } catch (error) {
    throw invalid("The PKCS #7 bundle cannot be read.", error);
  }
}

/** What somebody sent in the place of a certificate. */
const MISTAKEN = {
  csr: "This is a certificate signing request. A certificate is needed, or sign the request here.",
  publicKey: "This is a public key alone. The certificate that holds it is needed.",
  crl: "This is a list of revoked certificates (CRL). The client's certificate is needed.",
  pkcs7: "This is PKCS #7 without a certificate in it.",
  certificate: "There is no certificate in this.",
} as const;

/**
 * Reads every certificate of PEM, a PEM or PKCS #7 bundle, or base64 of DER or of a file, in the order given, each once.
 * What stands beside certificates (requests, public keys) is left alone.
 * @throws CertificateError PRIVATE_KEY_REFUSED | CERTIFICATE_INVALID; never anything else, whatever the input
 */
export function parseCertificates(text: string): Certificate[] {
  const encoded = decodeInput(text);
  const ders = encoded.flatMap(({ kind, der }) => {
    if (kind === "pkcs7") {
      return certificatesOfPkcs7(der);
    }

    return kind === "certificate" ? [der] : [];
  });

  if (ders.length === 0) {
    throw invalid(MISTAKEN[encoded[0]?.kind ?? "certificate"]);
  }
  if (ders.length > MAX_CERTIFICATES) {
    throw invalid(`This holds more than ${MAX_CERTIFICATES} certificates.`);
  }

  const certificates = ders.map(parseDer);

  return [...new Map(certificates.map((certificate) => [certificate.sha256, certificate])).values()];
}

/**
 * The one certificate of a client in what was sent: the only one, or the end of a chain whose other members are
 * its issuers.
 * @throws CertificateError as parseCertificates, and CERTIFICATE_INVALID when it holds several clients' certificates
 */
export function parseClientCertificate(text: string): Certificate {
  const certificates = parseCertificates(text);
  const issuers = new Set(certificates.filter((item) => !item.selfSigned).map((item) => item.issuer));
  const ends = certificates.filter((item) => !issuers.has(item.subject));
  const [end] = ends;

  if (end === undefined || ends.length > 1) {
    throw invalid("This holds several certificates that are no chain. Add them one at a time.");
  }

  return end;
}
