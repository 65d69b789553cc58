/**
 * From what people paste or drop to DER: PEM with any text around it, PEM bundles, PKCS #7 bundles and base64
 * of DER (how the console sends a .cer or .der file). Private keys are refused wherever they stand.
 */
import { createPrivateKey } from "node:crypto";
import { CertificateError } from "./errors";

/** Largest input in characters. A bundle of a dozen certificates fits. */
const MAX_INPUT_LENGTH = 65_536;

// The label may be one that OpenSSL does not know: anything that calls itself a private key is refused.
const PRIVATE_KEY_MARK = /-----\s{0,9}BEGIN[^-]{0,80}?PRIVATE/i;
const PEM_BLOCK = /-----BEGIN ([A-Z0-9 #]+)-----([^-]*)-----END \1-----/g;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

const CERTIFICATE_LABELS = new Set(["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"]);
const PKCS7_LABELS = new Set(["PKCS7", "PKCS #7 SIGNED DATA", "CMS"]);
const CSR_LABELS = new Set(["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"]);

/** DER of pkcs7-data, which a PKCS #12 file holds right after its version 3 (RFC 7292 section 4). */
const PKCS7_DATA_OID = Buffer.from("06092a864886f70d010701", "hex");
const VERSION_3 = Buffer.from("020103", "hex");

export type Encoded = { readonly kind: "certificate" | "pkcs7" | "csr"; readonly der: Buffer };

function invalid(message: string): CertificateError {
  return new CertificateError("CERTIFICATE_INVALID", message);
}

function refusePrivateKey(): CertificateError {
  return new CertificateError(
    "PRIVATE_KEY_REFUSED",
    "This holds a private key. It was not kept. Send the certificate alone, and treat the key as exposed if it left its machine on the way here.",
  );
}

function decodeBase64(text: string): Buffer | null {
  const compact = text.replace(/\s+/g, "");

  return compact.length > 0 && BASE64.test(compact) ? Buffer.from(compact, "base64") : null;
}

/** True for DER of a private key in any of its three forms, or of a PKCS #12 file. */
function isPrivateKeyDer(der: Buffer): boolean {
  if (der.indexOf(PKCS7_DATA_OID) > 0 && [2, 3, 4, 5].some((at) => der.indexOf(VERSION_3) === at)) {
    return true;
  }

  return (["pkcs8", "pkcs1", "sec1"] as const).some((type) => {
    try {
      createPrivateKey({ key: der, format: "der", type });

      return true;
    } catch (error) {
      // An encrypted key is a key too: OpenSSL asks for the passphrase.
      return (error as { code?: unknown }).code === "ERR_MISSING_PASSPHRASE";
    }
  });
}

function fromPem(text: string): Encoded[] {
  const found: Encoded[] = [];

  for (const [, label = "", body = ""] of text.matchAll(PEM_BLOCK)) {
    const der = decodeBase64(body);
    if (der === null) {
      throw invalid("A PEM block is damaged: between its BEGIN and END lines stands more than base64.");
    }
    if (isPrivateKeyDer(der)) {
      throw refusePrivateKey();
    }
    if (CERTIFICATE_LABELS.has(label)) {
      found.push({ kind: "certificate", der });
    } else if (PKCS7_LABELS.has(label)) {
      found.push({ kind: "pkcs7", der });
    } else if (CSR_LABELS.has(label)) {
      found.push({ kind: "csr", der });
    }
  }

  return found;
}

/**
 * Splits input into DER objects, in the order given.
 * @throws CertificateError PRIVATE_KEY_REFUSED | CERTIFICATE_INVALID
 */
export function decodeInput(text: string): Encoded[] {
  if (text.length > MAX_INPUT_LENGTH) {
    throw invalid("This is larger than 64 KiB, which no certificate is.");
  }
  if (PRIVATE_KEY_MARK.test(text)) {
    throw refusePrivateKey();
  }

  const blocks = fromPem(text);
  if (blocks.length > 0) {
    return blocks;
  }

  if (text.includes("-----BEGIN")) {
    throw invalid(
      "No whole PEM block was found: it begins with -----BEGIN CERTIFICATE----- and ends with -----END CERTIFICATE-----.",
    );
  }

  const der = decodeBase64(text.trim());
  if (der === null || der.length < 2) {
    throw invalid("This is no certificate in PEM or DER form.");
  }
  if (isPrivateKeyDer(der)) {
    throw refusePrivateKey();
  }

  return [{ kind: "certificate", der }];
}
