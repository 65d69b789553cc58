import "reflect-metadata";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:tls";
import * as x509 from "@peculiar/x509";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type CertificateWithKey,
  createAuthority,
  createShortLivedClient,
  isIssuedBy,
  issueServerCertificate,
  signCsr,
} from "./authority";
import { parseCertificates } from "./certificate";
import { CertificateError } from "./errors";
import { findingsOf } from "./findings";

let authority: CertificateWithKey;

beforeAll(async () => {
  authority = await createAuthority({ commonName: "Test authority" });
});

const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  publicExponent: new Uint8Array([1, 0, 1]),
} as const;

async function csr(name: string, modulusLength = 2048): Promise<string> {
  const keys = (await crypto.subtle.generateKey({ ...RSA, modulusLength }, true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: RSA,
    extensions: [new x509.BasicConstraintsExtension(true, 5, true)],
  });

  return request.toString("pem");
}

describe("server certificates", () => {
  it("are accepted by a client that trusts the authority, by name and by address", async () => {
    const issued = await issueServerCertificate({
      authority,
      hosts: ["127.0.0.1", "kmip.example.com", "::1"],
    });
    const server = createServer({ cert: issued.certificatePem, key: issued.privateKeyPem }, (socket) =>
      socket.end(),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") {
      throw new Error("no port");
    }

    for (const servername of ["127.0.0.1", "kmip.example.com"]) {
      const socket = connect({
        host: "127.0.0.1",
        port: address.port,
        ca: authority.certificatePem,
        ...(servername === "127.0.0.1" ? {} : { servername }),
      });
      await once(socket, "secureConnect");
      expect(socket.authorized).toBe(true);
      socket.destroy();
    }
    server.close();
  });

  it("carry exactly the hosts asked for and never outlive the authority", async () => {
    const short = await createAuthority({ days: 10 });
    const issued = await issueServerCertificate({
      authority: short,
      hosts: ["a.example.com", "a.example.com"],
    });
    const certificate = new X509Certificate(issued.certificatePem);

    expect(certificate.subjectAltName).toBe("DNS:a.example.com");
    expect(certificate.ca).toBe(false);
    expect(certificate.checkIssued(new X509Certificate(short.certificatePem))).toBe(true);
    expect(issued.notAfter.getTime()).toBe(
      new Date(new X509Certificate(short.certificatePem).validTo).getTime(),
    );
    expect(await isIssuedBy(issued.certificatePem, short.certificatePem)).toBe(true);
    expect(await isIssuedBy(issued.certificatePem, authority.certificatePem)).toBe(false);
  });
});

describe("RSA", () => {
  it("has an authority and server certificates of its own kind, for clients that can check nothing else", async () => {
    const rsa = await createAuthority({ keyType: "rsa" });
    const issued = await issueServerCertificate({ authority: rsa, hosts: ["127.0.0.1"], keyType: "rsa" });
    const server = createServer(
      // A key exchange of RSA alone too: the certificate must allow it where the suites do.
      {
        cert: issued.certificatePem,
        key: issued.privateKeyPem,
        ciphers: "ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA",
      },
      (socket) => socket.end(),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") {
      throw new Error("no port");
    }

    for (const ciphers of ["ECDHE-RSA-AES256-GCM-SHA384", "AES128-SHA"]) {
      const socket = connect({
        host: "127.0.0.1",
        port: address.port,
        ca: rsa.certificatePem,
        maxVersion: "TLSv1.2",
        ciphers,
        // Neither the handshake nor the chain may take ECDSA.
        sigalgs: "RSA+SHA256",
      });
      await once(socket, "secureConnect");
      expect(socket.authorized).toBe(true);
      socket.destroy();
    }
    server.close();

    for (const [pem, bits, usage] of [
      [rsa.certificatePem, 3072, true],
      [issued.certificatePem, 2048, false],
    ] as const) {
      const certificate = new X509Certificate(pem);
      expect(certificate.publicKey.asymmetricKeyDetails?.modulusLength).toBe(bits);
      expect(certificate.ca).toBe(usage);
    }
    expect(await isIssuedBy(issued.certificatePem, rsa.certificatePem)).toBe(true);
    expect(await isIssuedBy(issued.certificatePem, authority.certificatePem)).toBe(false);
    // One kind may sign the other.
    const mixed = await issueServerCertificate({ authority: rsa, hosts: ["a.example.com"] });
    expect(await isIssuedBy(mixed.certificatePem, rsa.certificatePem)).toBe(true);
  });
});

describe("signCsr", () => {
  it("keeps the subject, and grants client authentication only", async () => {
    const { certificatePem } = await signCsr({
      authority,
      csrPem: await csr("CN=vcenter, O=Example"),
      days: 90,
    });
    const [certificate] = parseCertificates(certificatePem);
    if (certificate === undefined) {
      throw new Error("no certificate");
    }

    expect(certificate).toMatchObject({
      subject: "CN=vcenter, O=Example",
      issuer: "CN=Test authority",
      isCertificateAuthority: false,
      extendedKeyUsage: ["1.3.6.1.5.5.7.3.2"],
      selfSigned: false,
    });
    expect(findingsOf(certificate)).toEqual([]);
    expect(await isIssuedBy(certificatePem, authority.certificatePem)).toBe(true);
  });

  it("refuses a request whose signature was not made by its key", async () => {
    const der = Buffer.from((await csr("CN=vcenter")).replace(/-----[^-]+-----|\s/g, ""), "base64");
    der[der.length - 5] = (der[der.length - 5] ?? 0) ^ 0xff;
    const changed = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----`;

    await expect(signCsr({ authority, csrPem: changed, days: 90 })).rejects.toThrow(/signature/);
  });

  it("refuses weak keys, missing names, certificates, private keys and garbage", async () => {
    const bad = [
      await csr("CN=weak", 1024),
      await csr("O=Example"),
      authority.certificatePem,
      "garbage",
      "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----",
    ];
    for (const csrPem of bad) {
      await expect(signCsr({ authority, csrPem, days: 90 })).rejects.toMatchObject({
        name: "CertificateError",
        problem: "CERTIFICATE_INVALID",
      });
    }

    await expect(signCsr({ authority, csrPem: authority.privateKeyPem, days: 90 })).rejects.toBeInstanceOf(
      CertificateError,
    );
  });
});

describe("clients for a moment", () => {
  it("have a key of their own each, sign for themselves, and end soon", async () => {
    const [one, two] = await Promise.all(
      [1, 2].map(() => createShortLivedClient({ commonName: "probe, of a test", seconds: 60 })),
    );
    if (!one || !two) {
      throw new Error("two clients");
    }
    const [certificate] = parseCertificates(one.certificatePem);
    expect(certificate).toMatchObject({
      selfSigned: true,
      isCertificateAuthority: false,
      keyAlgorithm: "EC P-256",
      extendedKeyUsage: ["1.3.6.1.5.5.7.3.2"],
      sha256: one.sha256,
    });
    expect(certificate?.notAfter.getTime()).toBeLessThanOrEqual(Date.now() + 60_000);
    expect(certificate?.notBefore.getTime()).toBeLessThan(Date.now());
    expect(new X509Certificate(one.certificatePem).checkPrivateKey(createPrivateKey(one.privateKeyPem))).toBe(
      true,
    );
    expect(new X509Certificate(two.certificatePem).checkPrivateKey(createPrivateKey(one.privateKeyPem))).toBe(
      false,
    );
    expect(one.sha256).not.toBe(two.sha256);
  });
});
