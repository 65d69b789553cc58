/**
 * Looks at what somebody wants to upload as a certificate before anything is sent. The server checks again;
 * this is so that a private key never leaves the browser.
 */

/** The API takes no more (schema `certificateText`). */
export const MAX_UPLOAD_BYTES = 65_536;

export type UploadRefusal =
  | "privateKey"
  | "pkcs12"
  | "tooLarge"
  | "empty"
  | "csr"
  | "publicKey"
  | "crl"
  | "unknown";

export type Upload = { ok: true; text: string } | { ok: false; refusal: UploadRefusal };

const PEM_PRIVATE_KEY = /-----\s{0,9}BEGIN[^-]{0,80}?PRIVATE/i;
const PEM_CERTIFICATE = /-----BEGIN ((X509 |TRUSTED )?CERTIFICATE|PKCS ?#?7[A-Z0-9 ]*|CMS)-----/i;
const PEM_REQUEST = /-----BEGIN (NEW )?CERTIFICATE REQUEST-----/i;
const PUBLIC_KEY =
  /-----BEGIN [A-Z0-9 ]*PUBLIC KEY( BLOCK)?-----|BEGIN SSH2 PUBLIC KEY|^(ssh-(rsa|dss|ed25519)|ecdsa-sha2-\S+) AAAA/i;
const PEM_CRL = /-----BEGIN (X509 )?CRL-----/i;

/** Object identifiers as DER: pkcs7-data (the outer content of PKCS#12), and the algorithms of key files. */
const OID_PKCS7_SIGNED_DATA = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const OID_PKCS7_DATA = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

/** What an encoding that was mistaken for another leaves, and what editors put between characters. */
const INVISIBLE = /[\0\u200B-\u200D\u2060\uFEFF\uFFFD]/g;

/** Text from the paste field. */
export function readPastedText(text: string): Upload {
  const trimmed = text.replace(INVISIBLE, "").trim();

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
  if (PUBLIC_KEY.test(trimmed)) {
    return refuse("publicKey");
  }
  if (PEM_CRL.test(trimmed)) {
    return refuse("crl");
  }

  const der = decodeBase64(trimmed);

  return der === null ? refuse("unknown") : readDer(der);
}

/** The text that bytes are, in UTF-8 or, with its byte order mark, in UTF-16 (how PowerShell writes files). */
function textOf(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";

  return new TextDecoder(encoding).decode(bytes);
}

/** Bytes of a file: text, or DER (a certificate, or PKCS #7 with several) which is sent as base64. */
export function readUploadedBytes(bytes: Uint8Array): Upload {
  if (bytes.length === 0) {
    return refuse("empty");
  }
  if (bytes.length > MAX_UPLOAD_BYTES) {
    return refuse("tooLarge");
  }

  const text = textOf(bytes).replace(INVISIBLE, "");

  if (/-----BEGIN /i.test(text)) {
    return readPastedText(text);
  }

  // A SEQUENCE: DER of something. Anything else may be base64 without its PEM lines.
  return bytes[0] === 0x30 ? readDer(bytes) : readPastedText(text);
}

function readDer(der: Uint8Array): Upload {
  // A bundle (RFC 2315 §7), also with the indefinite lengths of BER.
  if (der[0] === 0x30 && includesBytes(der.subarray(2, 17), OID_PKCS7_SIGNED_DATA)) {
    return { ok: true, text: encodeBase64(der) };
  }

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

  // EncryptedPrivateKeyInfo (RFC 5958 §3) and SubjectPublicKeyInfo (RFC 5280 §4.1) start with an AlgorithmIdentifier:
  // SEQUENCE { OBJECT IDENTIFIER … }. Then follow the OCTET STRING of the one or the BIT STRING of the other.
  if (inner?.[0] === 0x06) {
    return refuse(afterFirst(outer)?.[0] === 0x03 ? "publicKey" : "privateKey");
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

/** What follows the SEQUENCE at the start; null when there is none. */
function afterFirst(bytes: Uint8Array): Uint8Array | null {
  const content = sequenceContent(bytes);

  return content === null ? null : bytes.subarray(content.byteOffset - bytes.byteOffset + content.byteLength);
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
