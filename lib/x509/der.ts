/**
 * The few lines of DER (X.690) that reading one OBJECT IDENTIFIER out of a certificate takes. node:crypto does
 * not tell the signature algorithm of a certificate before Node 24.
 */

type Element = { readonly tag: number; readonly start: number; readonly end: number };

/** The element at an offset, or null when its length does not fit. */
export function elementAt(bytes: Uint8Array, offset: number): Element | null {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) {
    return null;
  }

  let length = first;
  let start = offset + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) {
      return null;
    }
    length = 0;
    for (let i = 0; i < count; i++) {
      length = length * 256 + (bytes[start + i] ?? 0);
    }
    start += count;
  }

  const end = start + length;

  return end > bytes.length ? null : { tag, start, end };
}

/** Dotted form of an OBJECT IDENTIFIER's content octets (X.690 8.19). */
function oidText(content: Uint8Array): string {
  const arcs: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(value);
      value = 0;
    }
  }

  const [first = 0, ...rest] = arcs;
  const root = Math.min(2, Math.floor(first / 40));

  return [root, first - root * 40, ...rest].join(".");
}

/** Dotted signatureAlgorithm of a certificate: the second element of its outer SEQUENCE (RFC 5280 4.1). Null if absent. */
export function signatureAlgorithmOid(der: Uint8Array): string | null {
  const outer = elementAt(der, 0);
  const tbs = outer && elementAt(der, outer.start);
  const algorithm = tbs && elementAt(der, tbs.end);
  const oid = algorithm && elementAt(der, algorithm.start);

  return oid?.tag === 0x06 ? oidText(der.subarray(oid.start, oid.end)) : null;
}

/** Names of RFC 4055, 5758, 8410 and 3279. */
const SIGNATURE_ALGORITHMS: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.2": "md2WithRSAEncryption",
  "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
  "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
  "1.2.840.113549.1.1.10": "RSASSA-PSS",
  "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
  "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
  "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
  "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
  "1.2.840.10040.4.3": "dsaWithSHA1",
  "1.2.840.10045.4.1": "ecdsaWithSHA1",
  "1.2.840.10045.4.3.1": "ecdsaWithSHA224",
  "1.2.840.10045.4.3.2": "ecdsaWithSHA256",
  "1.2.840.10045.4.3.3": "ecdsaWithSHA384",
  "1.2.840.10045.4.3.4": "ecdsaWithSHA512",
  "1.3.101.112": "Ed25519",
  "1.3.101.113": "Ed448",
  "1.3.14.3.2.29": "sha1WithRSA",
};

/** The usual name of a signature algorithm, or its dotted identifier. */
export function signatureAlgorithmName(oid: string | null): string {
  return oid === null ? "unknown" : (SIGNATURE_ALGORITHMS[oid] ?? oid);
}
