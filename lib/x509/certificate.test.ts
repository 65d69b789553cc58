import { generateKeyPairSync, X509Certificate } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { createSelfSigned, type TestCertificate } from "@/test/support/certificates";
import { createAuthority, issueServerCertificate } from "./authority";
import { parseCertificates, parseClientCertificate } from "./certificate";
import { CertificateError } from "./errors";
import { findingsOf } from "./findings";

let rsa: TestCertificate;
let ec: TestCertificate;

beforeAll(async () => {
  rsa = await createSelfSigned({ commonName: "vcenter.example.com", keyType: "rsa" });
  ec = await createSelfSigned({
    commonName: "vcenter2.example.com",
    alternativeNames: [
      { type: "dns", value: "vcenter2.example.com" },
      { type: "ip", value: "10.1.2.3" },
    ],
  });
});

const base64Der = (pem: string) => pem.replace(/-----[^-]+-----|\s/g, "");

function problemOf(text: string): string {
  try {
    parseCertificates(text);
  } catch (error) {
    expect(error).toBeInstanceOf(CertificateError);

    return (error as CertificateError).problem;
  }

  return "none";
}

describe("parseCertificates", () => {
  it("reads a PEM certificate as OpenSSL does", () => {
    const [parsed] = parseCertificates(rsa.certPem);
    const openssl = new X509Certificate(rsa.certPem);

    expect(parsed).toMatchObject({
      subject: "CN=vcenter.example.com",
      issuer: "CN=vcenter.example.com",
      selfSigned: true,
      serialNumber: openssl.serialNumber.toLowerCase(),
      notAfter: new Date(openssl.validTo),
      keyAlgorithm: "RSA",
      keySize: 2048,
      signatureAlgorithm: "sha256WithRSAEncryption",
      isCertificateAuthority: false,
      sha256: rsa.sha256,
      sha1: openssl.fingerprint.replaceAll(":", "").toLowerCase(),
    });
    expect(new X509Certificate(parsed?.pem ?? "").fingerprint256).toBe(openssl.fingerprint256);
  });

  it("reads elliptic curve keys and alternative names", () => {
    expect(parseCertificates(ec.certPem)[0]).toMatchObject({
      keyAlgorithm: "EC P-256",
      keySize: 256,
      signatureAlgorithm: "ecdsaWithSHA256",
      subjectAlternativeNames: ["dns:vcenter2.example.com", "ip:10.1.2.3"],
    });
  });

  it("reads base64 of DER, text around PEM, Windows line ends and bundles, each certificate once", () => {
    expect(parseCertificates(base64Der(ec.certPem))[0]?.sha256).toBe(ec.sha256);
    expect(parseCertificates(`Bag Attributes\r\n${ec.certPem.replaceAll("\n", "\r\n")}`)[0]?.sha256).toBe(
      ec.sha256,
    );
    expect(parseCertificates(rsa.certPem + ec.certPem + rsa.certPem).map((item) => item.sha256)).toEqual([
      rsa.sha256,
      ec.sha256,
    ]);
  });

  it("refuses private keys in every form and repeats nothing of them", () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const { privateKey: ecKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const encrypted = { cipher: "aes-256-cbc", passphrase: "secret" } as const;
    const forms = [
      rsa.certPem + rsa.keyPem,
      privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
      ecKey.export({ type: "sec1", format: "pem" }).toString(),
      privateKey.export({ type: "pkcs8", format: "pem", ...encrypted }).toString(),
      privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
      privateKey.export({ type: "pkcs1", format: "der" }).toString("base64"),
      ecKey.export({ type: "sec1", format: "der" }).toString("base64"),
      privateKey.export({ type: "pkcs8", format: "der", ...encrypted }).toString("base64"),
      // The right bytes under the wrong label.
      privateKey.export({ type: "pkcs8", format: "pem" }).toString().replaceAll("PRIVATE KEY", "CERTIFICATE"),
      "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
      "-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
    ];

    for (const form of forms) {
      expect(problemOf(form)).toBe("PRIVATE_KEY_REFUSED");
    }

    const der = privateKey.export({ type: "pkcs8", format: "der" }).toString("base64");
    try {
      parseCertificates(der);
    } catch (error) {
      expect(String(error)).not.toContain(der.slice(0, 20));
    }
  });

  it("says what is wrong with other input", () => {
    expect(problemOf("")).toBe("CERTIFICATE_INVALID");
    expect(problemOf("hello")).toBe("CERTIFICATE_INVALID");
    expect(problemOf("A".repeat(70_000))).toBe("CERTIFICATE_INVALID");
    expect(problemOf(ec.certPem.slice(0, -40))).toBe("CERTIFICATE_INVALID");
    expect(problemOf(ec.certPem.replace(/M/g, "N"))).toBe("CERTIFICATE_INVALID");
    expect(problemOf("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----")).toBe(
      "CERTIFICATE_INVALID",
    );
  });

  it("throws nothing but its own error, whatever the input", () => {
    const der = Buffer.from(base64Der(rsa.certPem), "base64");
    const mutated = fc
      .tuple(fc.nat(der.length - 1), fc.nat(255), fc.nat(der.length))
      .map(([at, value, length]) => {
        const copy = Buffer.from(der);
        copy[at] = value;

        return copy.subarray(0, length < 20 ? length : der.length).toString("base64");
      });
    const input = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.base64String(),
      mutated,
      mutated.map((body) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("base64")),
    );

    fc.assert(
      fc.property(input, (text) => {
        try {
          for (const certificate of parseCertificates(text)) {
            expect(certificate.subject).not.toMatch(/\p{Cc}/u);
            findingsOf(certificate);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(CertificateError);
        }
      }),
      { numRuns: 600 },
    );
  });

  it("shows control characters of a name as replacement characters", async () => {
    const hostile = await createSelfSigned({ commonName: "a\u0000b\nc" });

    expect(parseCertificates(hostile.certPem)[0]?.subject).toBe("CN=a\uFFFDb\\0Ac");
  });
});

describe("parseClientCertificate", () => {
  it("takes the end of a chain and refuses unrelated certificates", async () => {
    const authority = await createAuthority();
    const leaf = await issueServerCertificate({ authority, hosts: ["client.example.com"] });

    expect(parseClientCertificate(authority.certificatePem + leaf.certificatePem).subject).toBe(
      "CN=client.example.com",
    );
    expect(parseClientCertificate(leaf.certificatePem).subject).toBe("CN=client.example.com");
    expect(() => parseClientCertificate(rsa.certPem + ec.certPem)).toThrow(CertificateError);
  });
});

describe("findingsOf", () => {
  const codes = (pem: string, now?: Date) => {
    const [certificate] = parseCertificates(pem);
    if (certificate === undefined) {
      throw new Error("no certificate");
    }

    return findingsOf(certificate, now).map(({ severity, code }) => `${severity} ${code}`);
  };

  it("only warns of a missing extended key usage on other certificates", () => {
    expect(codes(rsa.certPem)).toEqual(["warning NO_CLIENT_AUTH_EKU"]);
  });

  it("finds nothing in what vCenter makes for its own KMIP client", async () => {
    const own = { commonName: "kmipClient20260301121500", keyType: "rsa" } as const;

    expect(codes((await createSelfSigned(own)).certPem)).toEqual([]);
    expect(codes((await createSelfSigned({ ...own, authority: true })).certPem)).toEqual([]);
  });

  it("says one thing at most of what a certificate is for", async () => {
    const serverAuth = await createSelfSigned({ commonName: "server", usages: ["06082b06010505070301"] });
    const clientAuth = await createSelfSigned({ commonName: "client", usages: ["06082b06010505070302"] });
    const authority = await createSelfSigned({ commonName: "Acme root", authority: true });

    expect(codes(serverAuth.certPem)).toEqual(["warning NO_CLIENT_AUTH_EKU"]);
    expect(codes(clientAuth.certPem)).toEqual([]);
    expect(codes(authority.certPem)).toEqual(["warning IS_CA"]);
  });

  it("tells expired, soon expiring and not yet valid", () => {
    const at = (days: number) => new Date(Date.now() + days * 86_400_000);

    expect(codes(ec.certPem, at(366))).toContain("error EXPIRED");
    expect(codes(ec.certPem, at(350))).toContain("warning EXPIRES_SOON");
    expect(codes(ec.certPem, at(-3))).toContain("warning NOT_YET_VALID");
  });

  it("tells authorities, weak keys and old signatures", async () => {
    const authority = await createAuthority();
    const [certificate] = parseCertificates(rsa.certPem);
    if (certificate === undefined) {
      throw new Error("no certificate");
    }
    const weak = findingsOf({ ...certificate, keySize: 1024, signatureAlgorithm: "sha1WithRSAEncryption" });

    expect(codes(authority.certificatePem)).toContain("warning IS_CA");
    expect(weak.map(({ code }) => code)).toEqual(["WEAK_KEY", "SHA1_SIGNATURE", "NO_CLIENT_AUTH_EKU"]);
    expect(findingsOf({ ...certificate, keyAlgorithm: "DSA" })[0]?.code).toBe("UNSUPPORTED_KEY");
  });
});
