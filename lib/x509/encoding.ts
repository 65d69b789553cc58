/**
 * From what people paste, drop or send to DER: PEM in every state that it reaches people in, PEM bundles, PKCS #7
 * bundles, and base64 of DER or of a whole file (how the console sends one that is no text). Private keys are refused
 * wherever they stand.
 */
import "reflect-metadata";
import { createPrivateKey, createPublicKey } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { elementAt } from "./der";
import { CertificateError } from "./errors";
import { fileText, type PemBlock, pemBlocks, readableText } from "./pem";

/** Largest input in characters. A bundle of a dozen certificates fits. */
const MAX_INPUT_LENGTH = 65_536;

// The label may be one that OpenSSL does not know: anything that calls itself a private key is refused.
const PRIVATE_KEY_MARK = /-----\s{0,9}BEGIN[^-]{0,80}?PRIVATE/i;
const SSH_PUBLIC_KEY =
  /^\s*(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-\S{1,20}|sk-\S{1,40}) AAAA|BEGIN SSH2 PUBLIC KEY/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** DER of pkcs7-data, which a PKCS #12 file holds right after its version 3 (RFC 7292 section 4). */
const PKCS7_DATA_OID = Buffer.from("06092a864886f70d010701", "hex");
const VERSION_3 = Buffer.from("020103", "hex");
/** DER of pkcs7-signedData, the first that a PKCS #7 bundle holds (RFC 2315 section 7). */
const SIGNED_DATA_OID = Buffer.from("06092a864886f70d010702", "hex");

/** What DER is, as far as it can be told apart from a certificate. */
type Kind = "certificate" | "pkcs7" | "csr" | "publicKey" | "crl";

export type Encoded = { readonly kind: Kind; readonly der: Buffer };

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

function succeeds(work: () => unknown): boolean {
  try {
    work();

    return true;
  } catch {
    return false;
  }
}

/** Labels say little: Windows writes PKCS #7 under CERTIFICATE, so the bytes decide. Null where they do not tell. */
function kindOf(der: Buffer): Kind | null {
  // After the outer SEQUENCE's header of two to six octets; indefinite lengths (BER) have two.
  if (der[0] === 0x30 && [2, 3, 4, 5, 6].some((at) => der.subarray(at).indexOf(SIGNED_DATA_OID) === 0)) {
    return "pkcs7";
  }

  const bytes = new Uint8Array(der);
  if (succeeds(() => new x509.X509Certificate(bytes))) {
    return "certificate";
  }
  if (succeeds(() => new x509.Pkcs10CertificateRequest(bytes))) {
    return "csr";
  }
  if (
    (["spki", "pkcs1"] as const).some((type) =>
      succeeds(() => createPublicKey({ key: der, format: "der", type })),
    )
  ) {
    return "publicKey";
  }

  return succeeds(() => new x509.X509Crl(bytes)) ? "crl" : null;
}

/** What a label says that the bytes may be too damaged to say. */
function kindOfLabel(label: string): Kind | null {
  if (/\bREQUEST$/.test(label)) {
    return "csr";
  }
  if (/PUBLIC KEY/.test(label)) {
    return "publicKey";
  }
  if (/\bCRL$/.test(label)) {
    return "crl";
  }
  if (/^(PKCS ?#?7|CMS)\b/.test(label)) {
    return "pkcs7";
  }

  return /\bCERTIFICATE$/.test(label) ? "certificate" : null;
}

/** @throws CertificateError PRIVATE_KEY_REFUSED | CERTIFICATE_INVALID */
function decodeBlock({ label, body }: PemBlock): Encoded[] {
  const labelled = kindOfLabel(label);
  const der = decodeBase64(body);
  if (der === null) {
    if (labelled === null) {
      return [];
    }
    if (labelled === "publicKey") {
      // Those of PGP end in a checksum that is no base64.
      return [{ kind: labelled, der: Buffer.alloc(0) }];
    }
    throw invalid("A PEM block is damaged: between its BEGIN and END lines stands more than base64.");
  }
  if (isPrivateKeyDer(der)) {
    throw refusePrivateKey();
  }
  if (labelled === null) {
    return [];
  }

  // OpenSSL writes what it trusts a certificate for behind it.
  const whole = label === "TRUSTED CERTIFICATE" ? der.subarray(0, elementAt(der, 0)?.end) : der;

  return [{ kind: kindOf(whole) ?? labelled, der: whole }];
}

/**
 * Splits input into DER objects, in the order given.
 * @throws CertificateError PRIVATE_KEY_REFUSED | CERTIFICATE_INVALID
 */
export function decodeInput(input: string): Encoded[] {
  if (input.length > MAX_INPUT_LENGTH) {
    throw invalid("This is larger than 64 KiB, which no certificate is.");
  }

  const text = readableText(input);
  if (PRIVATE_KEY_MARK.test(text)) {
    throw refusePrivateKey();
  }

  const blocks = pemBlocks(text).flatMap(decodeBlock);
  if (blocks.length > 0) {
    return blocks;
  }
  if (SSH_PUBLIC_KEY.test(text)) {
    return [{ kind: "publicKey", der: Buffer.alloc(0) }];
  }
  if (/-----BEGIN/i.test(text)) {
    throw invalid(
      "No whole PEM block was found: it begins with -----BEGIN CERTIFICATE----- and ends with -----END CERTIFICATE-----.",
    );
  }

  const der = decodeBase64(text);
  if (der === null || der.length < 2) {
    throw invalid("This is no certificate in PEM or DER form.");
  }

  const file = fileText(der);
  if (file !== null) {
    // Shorter by a quarter each time: it ends.
    return decodeInput(file);
  }
  if (isPrivateKeyDer(der)) {
    throw refusePrivateKey();
  }

  return [{ kind: kindOf(der) ?? "certificate", der }];
}
