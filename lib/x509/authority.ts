import "reflect-metadata";
import { createHash, createPublicKey, randomBytes, webcrypto, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";
import { describeKey } from "./certificate";
import { decodeInput } from "./encoding";
import { CertificateError } from "./errors";
import { keyFinding } from "./findings";

/** A certificate with its private key (PKCS #8 PEM). Whoever holds one seals the key before it is stored. */
export type CertificateWithKey = { readonly certificatePem: string; readonly privateKeyPem: string };

const DAY_MS = 86_400_000;
/** Clocks of clients may be behind. */
const BACKDATE_MS = 3_600_000;
const ECDSA_P256 = { name: "ECDSA", namedCurve: "P-256" } as const;
const ECDSA_SHA256 = { name: "ECDSA", hash: "SHA-256" } as const;
const RSA_SHA256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } as const;
const RSA_EXPONENT = new Uint8Array([1, 0, 1]);
/** An authority lasts ten years; a server's key signs every handshake of a client without ECDSA and lasts five. */
const RSA_AUTHORITY_BITS = 3072;
const RSA_SERVER_BITS = 2048;

/** Kind of a key: ECDSA P-256, or RSA for clients that know nothing else. */
export type KeyType = "ec" | "rsa";

const COMMON_NAME_OID = "2.5.4.3";

/** Positive, 127 random bits: RFC 5280 section 4.1.2.2 allows up to 20 octets. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;

  return bytes.toString("hex");
}

function toPem(label: string, der: ArrayBuffer): string {
  const base64 = Buffer.from(der)
    .toString("base64")
    .replace(/(.{64})(?=.)/g, "$1\n");

  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
}

async function makeKeys(
  keyType: KeyType = "ec",
  rsaBits = RSA_SERVER_BITS,
): Promise<{ keys: CryptoKeyPair; privateKeyPem: string }> {
  const algorithm =
    keyType === "ec" ? ECDSA_P256 : { ...RSA_SHA256, modulusLength: rsaBits, publicExponent: RSA_EXPONENT };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;

  return {
    keys,
    privateKeyPem: toPem("PRIVATE KEY", await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)),
  };
}

/** The key of an authority, and how it signs. */
async function signerOf({ certificatePem, privateKeyPem }: CertificateWithKey): Promise<{
  signingKey: CryptoKey;
  signingAlgorithm: typeof ECDSA_SHA256 | typeof RSA_SHA256;
}> {
  const isRsa = new X509Certificate(certificatePem).publicKey.asymmetricKeyType === "rsa";
  const der = Buffer.from(privateKeyPem.replace(/-----[^-]+-----|\s+/g, ""), "base64");
  try {
    const signingKey = (await webcrypto.subtle.importKey(
      "pkcs8",
      der,
      isRsa ? RSA_SHA256 : ECDSA_P256,
      false,
      ["sign"],
    )) as CryptoKey;

    return { signingKey, signingAlgorithm: isRsa ? RSA_SHA256 : ECDSA_SHA256 };
  } finally {
    der.fill(0);
  }
}

function pemOf(certificate: x509.X509Certificate): string {
  return toPem("CERTIFICATE", certificate.rawData);
}

/** Ends no later than its issuer: a certificate that outlives its authority is refused by strict clients. */
function validity(days: number, issuer?: x509.X509Certificate): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  const end = Math.min(now + days * DAY_MS, issuer?.notAfter.getTime() ?? Number.POSITIVE_INFINITY);

  return { notBefore: new Date(now - BACKDATE_MS), notAfter: new Date(end) };
}

/**
 * Makes a certificate authority that may sign end certificates only.
 * @param options.days validity, default ten years
 * @param options.keyType default ECDSA P-256
 */
export async function createAuthority(
  options: { commonName?: string; days?: number; keyType?: KeyType } = {},
): Promise<CertificateWithKey> {
  const { keyType = "ec" } = options;
  const { keys, privateKeyPem } = await makeKeys(keyType, RSA_AUTHORITY_BITS);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [options.commonName ?? `KMIP Console authority${keyType === "rsa" ? " RSA" : ""}`] }],
    ...validity(options.days ?? 3650),
    signingAlgorithm: keyType === "ec" ? ECDSA_SHA256 : RSA_SHA256,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });

  return { certificatePem: pemOf(certificate), privateKeyPem };
}

/**
 * Makes a TLS client for a moment: a new key and a certificate signed by itself. The key exists here alone, and nothing
 * but its owner's memory ever holds it.
 * @param options.seconds validity from now on
 */
export async function createShortLivedClient(options: {
  commonName: string;
  seconds: number;
}): Promise<CertificateWithKey & { readonly sha256: string }> {
  const { keys, privateKeyPem } = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [options.commonName] }],
    notBefore: new Date(Date.now() - BACKDATE_MS),
    notAfter: new Date(Date.now() + options.seconds * 1_000),
    signingAlgorithm: ECDSA_SHA256,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ],
  });
  const sha256 = createHash("sha256").update(Buffer.from(certificate.rawData)).digest("hex");

  return { certificatePem: pemOf(certificate), privateKeyPem, sha256 };
}

/** True when this certificate is the authority's, by its signature. */
export async function isIssuedBy(certificatePem: string, authorityPem: string): Promise<boolean> {
  return new x509.X509Certificate(certificatePem).verify({
    publicKey: new x509.X509Certificate(authorityPem).publicKey,
    signatureOnly: true,
  });
}

/**
 * Makes the server certificate of a KMIP endpoint.
 * @param options.hosts host names and IP addresses that clients connect to; the first is the common name
 * @param options.days validity, default five years: vCenter pins the certificate itself, so each change is work there
 * @param options.keyType default ECDSA P-256
 */
export async function issueServerCertificate(options: {
  authority: CertificateWithKey;
  hosts: readonly string[];
  days?: number;
  keyType?: KeyType;
}): Promise<CertificateWithKey & { readonly notAfter: Date }> {
  const [commonName] = options.hosts;
  if (commonName === undefined) {
    throw new Error("A server certificate names at least one host.");
  }

  const issuer = new x509.X509Certificate(options.authority.certificatePem);
  const { keyType = "ec" } = options;
  const { keys, privateKeyPem } = await makeKeys(keyType);
  // RSA without Diffie-Hellman is a legacy suite, but where it is allowed the certificate must allow it too.
  const usage =
    keyType === "ec"
      ? x509.KeyUsageFlags.digitalSignature
      : x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [commonName.slice(0, 64)] }],
    issuer: issuer.subjectName,
    ...validity(options.days ?? 1825, issuer),
    publicKey: keys.publicKey,
    ...(await signerOf(options.authority)),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(usage, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        [...new Set(options.hosts)].map((host) => ({
          type: isIP(host) ? ("ip" as const) : ("dns" as const),
          value: host,
        })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });

  return { certificatePem: pemOf(certificate), privateKeyPem, notAfter: certificate.notAfter };
}

function invalid(message: string, cause?: unknown): CertificateError {
  return new CertificateError("CERTIFICATE_INVALID", message, { cause });
}

function parseCsr(text: string): x509.Pkcs10CertificateRequest {
  const requests = decodeInput(text).filter(({ kind }) => kind === "csr");
  const [request] = requests;
  if (request === undefined || requests.length > 1) {
    throw invalid("This is not one certificate signing request in PEM form.");
  }
  try {
    return new x509.Pkcs10CertificateRequest(new Uint8Array(request.der));
  } catch (error) {
    throw invalid("The certificate signing request is damaged.", error);
  }
}

function requireStrongKey(spki: ArrayBuffer): void {
  let described: ReturnType<typeof describeKey>;
  try {
    described = describeKey(createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" }));
  } catch (error) {
    throw invalid("The public key of the request cannot be read.", error);
  }

  const finding = keyFinding(described);
  const { keyAlgorithm, keySize } = described;
  if (finding?.code === "WEAK_KEY") {
    throw invalid(
      `The key of the request has ${keySize} bits; at least ${finding.params.minimum} are needed.`,
    );
  }
  if (finding !== null) {
    throw invalid(`${keyAlgorithm} keys cannot be used for TLS.`);
  }
}

async function requireOwnSignature(request: x509.Pkcs10CertificateRequest): Promise<void> {
  let verified = false;
  try {
    verified = await request.verify();
  } catch (error) {
    throw invalid("The signature of the request cannot be checked.", error);
  }
  if (!verified) {
    throw invalid("The signature of the request is wrong: it was changed, or not made with its own key.");
  }
}

/**
 * Signs a client's CSR (RFC 2986). Its signature proves that the sender has the private key; its subject is kept,
 * its other wishes (extensions) are not: every certificate made here is for TLS clients only.
 * @throws CertificateError PRIVATE_KEY_REFUSED | CERTIFICATE_INVALID
 */
export async function signCsr(options: {
  authority: CertificateWithKey;
  csrPem: string;
  days: number;
}): Promise<{ readonly certificatePem: string }> {
  const request = parseCsr(options.csrPem);
  requireStrongKey(request.publicKey.rawData);
  await requireOwnSignature(request);

  const commonName = request.subjectName.getField(COMMON_NAME_OID)[0] ?? "";
  if (commonName.trim() === "") {
    throw invalid("The request names no common name (CN).");
  }

  const issuer = new x509.X509Certificate(options.authority.certificatePem);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: request.subjectName,
    issuer: issuer.subjectName,
    ...validity(options.days, issuer),
    publicKey: request.publicKey,
    ...(await signerOf(options.authority)),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      await x509.SubjectKeyIdentifierExtension.create(request.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });

  return { certificatePem: pemOf(certificate) };
}
