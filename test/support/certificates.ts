/**
 * Certificates for tests, made with node:crypto and the few lines of DER that a self-signed certificate
 * takes, so that tests need neither an openssl binary nor a library.
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIPv4 } from "node:net";

/** A self-signed certificate for tests. */
export type TestCertificate = {
  /** The certificate, PEM. */
  readonly certPem: string;
  /** Its private key, PKCS#8 PEM. */
  readonly keyPem: string;
  /** SHA-256 of the certificate's DER: lower-case hexadecimal, no separators. */
  readonly sha256: string;
};

export type SelfSignedOptions = {
  readonly commonName: string;
  /** Days of validity from now on (it began the day before); negative: it ended that many days ago. Default 365. */
  readonly days?: number;
  /** When it begins, in days from now; default: the day before, or before its end. */
  readonly fromDays?: number;
  /** Subject alternative names. Default none, as in vCenter's own certificates. */
  readonly alternativeNames?: readonly { readonly type: "dns" | "ip"; readonly value: string }[];
  /** Default "ec" (P-256), which is fast to make; "rsa" for clients that insist. */
  readonly keyType?: "ec" | "rsa";
  /** Curve of an "ec" key by OpenSSL's name. Default P-256. */
  readonly curve?: string;
  /** With basic constraints of an authority. */
  readonly authority?: boolean;
  /** Extended key usages as DER of their OBJECT IDENTIFIERs, hexadecimal. Default: no such extension. */
  readonly usages?: readonly string[];
};

const DAY = 86_400_000;

/** One DER element: identifier octet, definite length, contents. */
function der(tag: number, ...contents: Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) {
    return Buffer.concat([Buffer.from([tag, body.length]), body]);
  }
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

const sequence = (...items: Uint8Array[]) => der(0x30, ...items);
const bitString = (bytes: Uint8Array) => der(0x03, Buffer.from([0]), bytes);

/** OBJECT IDENTIFIERs, already encoded (X.690 8.19). */
const OID = {
  commonName: Buffer.from("0603550403", "hex"),
  subjectAltName: Buffer.from("0603551d11", "hex"),
  basicConstraints: Buffer.from("0603551d13", "hex"),
  extendedKeyUsage: Buffer.from("0603551d25", "hex"),
  ecdsaWithSha256: Buffer.from("06082a8648ce3d040302", "hex"),
  rsaWithSha256: Buffer.from("06092a864886f70d01010b", "hex"),
} as const;

/** UTCTime up to 2049, GeneralizedTime after (RFC 5280 4.1.2.5). */
function time(at: Date): Buffer {
  const digits = at.toISOString().replace(/[-:T]|\.\d+/g, "");
  return at.getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(digits.slice(2)))
    : der(0x18, Buffer.from(digits));
}

function subjectAltName(names: NonNullable<SelfSignedOptions["alternativeNames"]>): Buffer {
  const encoded = names.map(({ type, value }) => {
    if (type === "dns") {
      return der(0x82, Buffer.from(value));
    }
    if (!isIPv4(value)) {
      throw new Error(`only IPv4 addresses are supported here: ${value}`);
    }
    return der(0x87, Buffer.from(value.split(".").map(Number)));
  });
  return sequence(OID.subjectAltName, der(0x04, sequence(...encoded)));
}

function makeKeys({ keyType = "ec", curve = "P-256" }: SelfSignedOptions): {
  publicKey: KeyObject;
  privateKey: KeyObject;
} {
  return keyType === "ec"
    ? generateKeyPairSync("ec", { namedCurve: curve })
    : generateKeyPairSync("rsa", { modulusLength: 2048 });
}

/** The extensions of RFC 5280 4.2 that are asked for, each as DER. */
function extensionsOf({
  alternativeNames = [],
  authority = false,
  usages = [],
}: SelfSignedOptions): Buffer[] {
  return [
    ...(alternativeNames.length > 0 ? [subjectAltName(alternativeNames)] : []),
    ...(authority
      ? [sequence(OID.basicConstraints, der(0x04, sequence(der(0x01, Buffer.from([0xff])))))]
      : []),
    ...(usages.length > 0
      ? [
          sequence(
            OID.extendedKeyUsage,
            der(0x04, sequence(...usages.map((usage) => Buffer.from(usage, "hex")))),
          ),
        ]
      : []),
  ];
}

/** Makes a key pair and a certificate signed by itself, like those that vCenter makes for its KMIP client. */
export async function createSelfSigned(options: SelfSignedOptions): Promise<TestCertificate> {
  const keyType = options.keyType ?? "ec";
  const { publicKey, privateKey } = makeKeys(options);
  const days = options.days ?? 365;
  const notBefore = new Date(Date.now() + DAY * (options.fromDays ?? (days < 0 ? days - 1 : -1)));
  const notAfter = new Date(Date.now() + DAY * days);
  const algorithm = keyType === "ec" ? sequence(OID.ecdsaWithSha256) : sequence(OID.rsaWithSha256, der(0x05));
  const name = sequence(der(0x31, sequence(OID.commonName, der(0x0c, Buffer.from(options.commonName)))));
  const serial = randomBytes(8);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const extensions = extensionsOf(options);
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    algorithm,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    ...(extensions.length > 0 ? [der(0xa3, sequence(...extensions))] : []),
  );
  const certificate = sequence(body, algorithm, bitString(sign("sha256", body, privateKey)));
  const base64 = certificate.toString("base64").replace(/(.{64})(?=.)/g, "$1\n");
  return {
    certPem: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    keyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    sha256: createHash("sha256").update(certificate).digest("hex"),
  };
}
