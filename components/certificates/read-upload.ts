/**
 * Looks at what somebody wants to upload as a certificate before anything is sent. The server checks again;
 * this is so that a private key never leaves the browser.
 */

/** The API takes no more (schema `certificateText`). */
export const MAX_UPLOAD_BYTES = 65_536;

export type UploadRefusal = "privateKey" | "pkcs12" | "tooLarge" | "empty" | "csr" | "unknown";

export type Upload = { ok: true; text: string } | { ok: false; refusal: UploadRefusal };

const PEM_PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----/;
const PEM_CERTIFICATE = /-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/;
const PEM_REQUEST = /-----BEGIN (NEW )?CERTIFICATE REQUEST-----/;

/** Object identifiers as DER: pkcs7-data (the outer content of PKCS#12), and the algorithms of key files. */
const OID_PKCS7_DATA = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

/** Text from the paste field. */
export function readPastedText(text: string): Upload {
  const trimmed = text.trim();

  if (trimmed === "") {
    return refuse("empty");
  }
  if (new TextEncoder().encode(trimmed).length > MAX_UPLOAD_BYTES) {
    return refuse("tooLarge");
  }
  if (PEM_PRIVATE_KEY.test(trimmed)) {
    return refuse("privateKey");
  }
  if (PEM_CERTIFICATE.test(trimmed)) {
    return { ok: true, text: trimmed };
  }
  if (PEM_REQUEST.test(trimmed)) {
    return refuse("csr");
  }

  const der = decodeBase64(trimmed);

  return der === null ? refuse("unknown") : readDer(der);
}

/** Bytes of a file: PEM text, or DER which is sent as base64. */
export function readUploadedBytes(bytes: Uint8Array): Upload {
  if (bytes.length === 0) {
    return refuse("empty");
  }
  if (bytes.length > MAX_UPLOAD_BYTES) {
    return refuse("tooLarge");
  }

  const text = new TextDecoder("utf-8").decode(bytes);

  if (text.includes("-----BEGIN ")) {
    return readPastedText(text);
  }

  // A SEQUENCE: DER of something. Anything else may be base64 without its PEM lines.
  return bytes[0] === 0x30 ? readDer(bytes) : readPastedText(text);
}

function readDer(der: Uint8Array): Upload {
  const outer = sequenceContent(der);

  if (outer === null) {
    return refuse("unknown");
  }

  const first = outer[0];

  // PKCS#12 (RFC 7292 §4): SEQUENCE { INTEGER 3, ContentInfo … }; PKCS#8 and PKCS#1 keys: SEQUENCE { INTEGER 0|1, … }.
  if (first === 0x02) {
    return refuse(includesBytes(der.subarray(0, 64), OID_PKCS7_DATA) ? "pkcs12" : "privateKey");
  }
  if (first !== 0x30) {
    return refuse("unknown");
  }

  const inner = sequenceContent(outer);

  // EncryptedPrivateKeyInfo (RFC 5958 §3) starts with an AlgorithmIdentifier: SEQUENCE { OBJECT IDENTIFIER … }.
  if (inner?.[0] === 0x06) {
    return refuse("privateKey");
  }

  // CertificationRequestInfo (RFC 2986 §4.1) starts with INTEGER 0 and goes on with a Name; a v1 certificate's
  // serial number may be 0 too, but then an AlgorithmIdentifier (SEQUENCE { OID }) follows.
  if (inner?.[0] === 0x02 && inner[1] === 0x01 && inner[2] === 0x00) {
    const afterVersion = sequenceContent(inner.subarray(3));
    if (afterVersion !== null && afterVersion[0] !== 0x06) {
      return refuse("csr");
    }
  }

  return { ok: true, text: encodeBase64(der) };
}

/** Content of the SEQUENCE at the start, null when there is none (X.690 §8.1.3). */
function sequenceContent(bytes: Uint8Array): Uint8Array | null {
  const [tag, length] = bytes;

  if (tag !== 0x30 || length === undefined) {
    return null;
  }
  if (length < 0x80) {
    return bytes.length >= 2 + length ? bytes.subarray(2, 2 + length) : null;
  }

  const size = length & 0x7f;
  if (size === 0 || size > 3 || bytes.length < 2 + size) {
    return null;
  }

  const content = bytes.subarray(2, 2 + size).reduce((value, byte) => value * 256 + byte, 0);

  return bytes.length >= 2 + size + content ? bytes.subarray(2 + size, 2 + size + content) : null;
}

function includesBytes(bytes: Uint8Array, wanted: readonly number[]): boolean {
  return bytes.some((_, start) => wanted.every((byte, index) => bytes[start + index] === byte));
}

function decodeBase64(text: string): Uint8Array | null {
  const compact = text.replace(/\s+/g, "");

  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(compact) || compact.length % 4 !== 0) {
    return null;
  }

  return Uint8Array.from(atob(compact), (character) => character.charCodeAt(0));
}

function encodeBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function refuse(refusal: UploadRefusal): Upload {
  return { ok: false, refusal };
}

/** The common name in a subject such as `CN=vcenter,O=Acme`, for a first suggestion of a name; null without one. */
export function commonNameOf(subject: string): string | null {
  const match = /(?:^|[,\n+/]\s*)CN\s*=\s*("(?:[^"\\]|\\.)*"|(?:[^,\n+\\]|\\.)+)/i.exec(subject);
  const value = match?.[1]?.replace(/^"|"$/g, "").replace(/\\(.)/g, "$1").trim();

  return value ? value.slice(0, 80) : null;
}
