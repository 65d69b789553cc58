import { z } from "zod";
import { displayName, id, page, pageQuery, timestamp } from "../contract/common";

const certificateFinding = z.object({
  severity: z.enum(["error", "warning"]),
  code: z.string(),
  message: z.string(),
  /** The values that `message` names, in a preview. */
  params: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});

const parsedCertificate = z
  .object({
    subject: z.string(),
    issuer: z.string(),
    selfSigned: z.boolean(),
    serialNumber: z.string(),
    notBefore: timestamp,
    notAfter: timestamp,
    keyAlgorithm: z.string(),
    keySize: z.int().nullable(),
    signatureAlgorithm: z.string(),
    subjectAlternativeNames: z.array(z.string()),
    extendedKeyUsage: z.array(z.string()),
    isCertificateAuthority: z.boolean(),
    /** Lower-case hexadecimal without separators. */
    sha256: z.string(),
    sha1: z.string(),
    pem: z.string(),
  })
  .meta({ id: "ParsedCertificate" });

/** PEM text, one or several certificates, or base64 of DER, of PKCS #7 or of a whole file. */
export const certificateText = z.string().min(1).max(65_536);

export const previewRequest = z.object({ pem: certificateText, instanceId: id.optional() });

export const previewResponse = z.object({
  certificates: z.array(parsedCertificate.extend({ findings: z.array(certificateFinding) })),
});

export const createCertificateRequest = z.object({ name: displayName, pem: certificateText });
export const updateCertificateRequest = z.object({ name: displayName });

export const signCertificateRequest = z.object({
  name: displayName,
  csrPem: z.string().min(1).max(65_536),
  validDays: z.int().min(1).max(3650).default(365),
});

export const clientCertificate = z
  .object({
    id,
    name: z.string(),
    sha256: z.string(),
    subject: z.string(),
    issuer: z.string(),
    serialNumber: z.string(),
    notBefore: timestamp,
    notAfter: timestamp,
    keyAlgorithm: z.string(),
    keySize: z.int().nullable(),
    origin: z.enum(["uploaded", "signed"]),
    pem: z.string(),
    findings: z.array(certificateFinding),
    createdAt: timestamp,
    createdBy: z.string(),
    lastSeenAt: timestamp.nullable(),
    lastSeenAddress: z.string().nullable(),
    /** When its clients are refused, by its age and its instance's rule; null if they never are. */
    refusedFrom: timestamp.nullable(),
  })
  .meta({ id: "ClientCertificate" });

export const clientCertificatePage = page(clientCertificate);

const accountCertificate = clientCertificate
  .extend({ instance: z.object({ id, name: z.string() }) })
  .meta({ id: "AccountCertificate" });

export const accountCertificatePage = page(accountCertificate);
export const accountCertificateQuery = pageQuery.extend({
  /** Leaves out those that are valid for longer. */
  endsWithinDays: z.coerce.number().int().min(0).max(3_650).optional(),
});

export type ClientCertificate = z.output<typeof clientCertificate>;
export type AccountCertificate = z.output<typeof accountCertificate>;
export type ParsedCertificate = z.output<typeof parsedCertificate>;
export type CertificateFinding = z.output<typeof certificateFinding>;
