import "reflect-metadata";
import { createPublicKey, X509Certificate } from "node:crypto";
import { connect, createServer, type TLSSocket } from "node:tls";
import * as x509 from "@peculiar/x509";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { secureContextOptions } from "@/lib/kmip/transport/tls-policy";
import { createSelfSigned, type TestCertificate } from "@/test/support/certificates";
import { signCsr } from "./authority";
import { parseCertificates, parseClientCertificate } from "./certificate";
import { CertificateError } from "./errors";
import { findingsOf } from "./findings";

/** A request of a P-224 key, by OpenSSL. */
const REQUEST_P224 = `-----BEGIN CERTIFICATE REQUEST-----
MIG3MGgCAQAwETEPMA0GA1UEAwwGY2xpZW50ME4wEAYHKoZIzj0CAQYFK4EEACED
OgAEatUwgjyJCXNta+g50C3SWO1YQ0VDSAD1UfHTZZmClenpP1ZxCuRvC9RNIjC6
AWJ90oQFXRZaxmugADAKBggqhkjOPQQDAgM/ADA8AhxKttlDvgrHHuCFfrm43ydx
BJBpDSpYQ80pn7VfAhxiFe2KUvKF7gylM3kA+zRAIJGpMBWQrYWZg6TW
-----END CERTIFICATE REQUEST-----`;

let one: TestCertificate;
let two: TestCertificate;
let csr: { pem: string; der: Buffer };

beforeAll(async () => {
  one = await createSelfSigned({ commonName: "one" });
  two = await createSelfSigned({ commonName: "two", keyType: "rsa" });
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: "CN=request",
    keys,
    signingAlgorithm: algorithm,
  });
  csr = { pem: request.toString("pem"), der: Buffer.from(request.rawData) };
});

const derOf = (pem: string) => Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");
const pemOf = (label: string, der: Buffer) =>
  `-----BEGIN ${label}-----\n${der.toString("base64").replace(/(.{64})(?=.)/g, "$1\n")}\n-----END ${label}-----\n`;
const bundle = () => {
  const certificates = new x509.X509Certificates();
  certificates.push(new x509.X509Certificate(one.certPem), new x509.X509Certificate(two.certPem));

  return Buffer.from(certificates.export("raw"));
};
const utf16 = (text: string, mark: "le" | "be" | "none") => {
  const bytes = Buffer.from(mark === "none" ? text : `\uFEFF${text}`, "utf16le");

  return mark === "be" ? bytes.swap16() : bytes;
};
/** SEQUENCE { SEQUENCE { clientAuth } }: what OpenSSL trusts a certificate for (X509_CERT_AUX). */
const TRUST = Buffer.from("300c300a06082b06010505070302", "hex");
const fingerprints = (text: string) => parseCertificates(text).map(({ sha256 }) => sha256);

function messageOf(text: string): string {
  try {
    parseCertificates(text);
  } catch (error) {
    expect(error).toBeInstanceOf(CertificateError);

    return (error as CertificateError).message;
  }

  return "none";
}

describe("files that people upload", () => {
  it("PKCS #7 as DER in base64 and as PEM, also under the label that Windows gives it", () => {
    const both = [one.sha256, two.sha256];

    expect(fingerprints(bundle().toString("base64"))).toEqual(both);
    for (const label of ["PKCS7", "PKCS #7 SIGNED DATA", "CMS", "CERTIFICATE"]) {
      expect(fingerprints(pemOf(label, bundle()))).toEqual(both);
    }
    expect(fingerprints(Buffer.from(pemOf("PKCS7", bundle())).toString("base64"))).toEqual(both);
  });

  it("UTF-16: as base64 of the file, and as text that somebody read in the wrong encoding", () => {
    for (const mark of ["le", "be", "none"] as const) {
      const file = utf16(one.certPem, mark);

      expect(fingerprints(file.toString("base64"))).toEqual([one.sha256]);
      expect(fingerprints(file.toString("latin1"))).toEqual([one.sha256]);
      expect(fingerprints(file.toString("utf8"))).toEqual([one.sha256]);
    }
    const bare = derOf(one.certPem).toString("base64");
    expect(fingerprints(utf16(`${bare}\r\n`, "le").toString("base64"))).toEqual([one.sha256]);
    expect(fingerprints(`\uFEFF${one.certPem}`)).toEqual([one.sha256]);
  });

  it("line ends as the characters that stand for them, as in JSON and Terraform's state", () => {
    expect(fingerprints(one.certPem.replaceAll("\n", "\\n"))).toEqual([one.sha256]);
    expect(fingerprints(one.certPem.replaceAll("\n", "\\r\\n"))).toEqual([one.sha256]);
    expect(fingerprints(JSON.stringify(JSON.stringify({ cert: one.certPem + two.certPem })))).toEqual([
      one.sha256,
      two.sha256,
    ]);
    const escaped = one.certPem
      .replaceAll("\n", "\\n")
      .replaceAll("/", "\\/")
      .replaceAll("+", "\\u002B")
      .replaceAll("=", "\\u003d");
    expect(fingerprints(`{"pem": "${escaped}"}`)).toEqual([one.sha256]);
  });

  it("Windows line ends, spaces, one line, text around, invisible characters", () => {
    for (const text of [
      one.certPem.replaceAll("\n", "\r\n"),
      one.certPem.replaceAll("\n", "\r"),
      one.certPem.replace(/^/gm, "    "),
      one.certPem.replaceAll("\n", " "),
      one.certPem.replaceAll("\n", "\u00A0\n"),
      one.certPem.replaceAll("\n", "\u200B\n"),
      `Certificate:\n    Data:\n        Version: 3 (0x2)\n${one.certPem}\nregards -- Bob`,
      one.certPem.replaceAll("CERTIFICATE", "certificate"),
      derOf(one.certPem)
        .toString("base64")
        .replace(/(.{76})/g, "$1\r\n"),
    ]) {
      expect(fingerprints(text)).toEqual([one.sha256]);
    }
  });

  it("headers inside of the block, with and without the blank line behind them", () => {
    const [begin = "", ...rest] = one.certPem.split("\n");
    const headers = ["Subject: CN=one", "X-Made-On: 2026-03-01", " (folded)"];

    expect(fingerprints([begin, ...headers, "", ...rest].join("\n"))).toEqual([one.sha256]);
    expect(fingerprints([begin, ...headers.slice(0, 2), ...rest].join("\n"))).toEqual([one.sha256]);
  });

  it("a trusted certificate of OpenSSL, and its certificate alone is kept", () => {
    const trusted = pemOf("TRUSTED CERTIFICATE", Buffer.concat([derOf(one.certPem), TRUST]));

    expect(fingerprints(trusted)).toEqual([one.sha256]);
    expect(fingerprints(pemOf("X509 CERTIFICATE", derOf(one.certPem)))).toEqual([one.sha256]);
  });

  it("what stands beside a certificate is left alone", () => {
    const publicKey = new X509Certificate(one.certPem).publicKey.export({ type: "spki", format: "pem" });

    expect(parseClientCertificate(`${csr.pem}\n${publicKey}${one.certPem}`).sha256).toBe(one.sha256);
  });

  it("a public key, a request or a revocation list by mistake: says what it is", () => {
    const key = createPublicKey(two.certPem);
    const forms = [
      key.export({ type: "spki", format: "pem" }).toString(),
      key.export({ type: "pkcs1", format: "pem" }).toString(),
      key.export({ type: "spki", format: "der" }).toString("base64"),
      key.export({ type: "pkcs1", format: "der" }).toString("base64"),
      pemOf("CERTIFICATE", key.export({ type: "spki", format: "der" })),
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAbcd bob@example.com",
      "---- BEGIN SSH2 PUBLIC KEY ----\nComment: x\nAAAA\n---- END SSH2 PUBLIC KEY ----",
      "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQEN=\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----",
    ];
    for (const form of forms) {
      expect(messageOf(form)).toMatch(/public key/);
    }

    expect(messageOf(csr.pem)).toMatch(/signing request/);
    expect(messageOf(csr.der.toString("base64"))).toMatch(/signing request/);
    expect(messageOf(pemOf("CERTIFICATE", csr.der))).toMatch(/signing request/);
    expect(messageOf("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----")).toMatch(/revoked/);
    expect(messageOf(pemOf("PKCS7", Buffer.from(new x509.X509Certificates().export("raw"))))).toMatch(
      /PKCS #7/,
    );
  });

  it("private keys are refused in the same disguises", () => {
    const { keyPem } = one;
    for (const form of [
      keyPem.replaceAll("\n", "\\n"),
      utf16(keyPem, "le").toString("base64"),
      utf16(keyPem, "be").toString("latin1"),
      JSON.stringify({ cert: one.certPem, key: keyPem }),
      keyPem.replace("PRIVATE", "PRI\u200BVATE"),
      pemOf("PKCS7", derOf(keyPem)),
      Buffer.from(keyPem).toString("base64"),
    ]) {
      expect(() => parseCertificates(form)).toThrow(
        expect.objectContaining({ problem: "PRIVATE_KEY_REFUSED" }),
      );
    }
  });

  it("throws nothing but its own error, whatever is done to a file, and ends soon", () => {
    const files = [one.certPem, csr.pem, pemOf("PKCS7", bundle()), bundle().toString("base64")];
    const mutated = fc
      .tuple(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(), fc.string({ maxLength: 3 })), { maxLength: 4 }),
      )
      .map(([text, changes]) =>
        changes.reduce((current, [where, insert]) => {
          const at = where % (current.length + 1);

          return current.slice(0, at) + insert + current.slice(at + (where % 5));
        }, text),
      );
    const damaged = fc.tuple(fc.nat(bundle().length - 1), fc.nat(255)).map(([at, value]) => {
      const copy = bundle();
      copy[at] = value;

      return copy.toString("base64");
    });
    const hostile = fc
      .tuple(
        fc.constantFrom(
          "-----BEGIN CERTIFICATE-----",
          "-----BEGIN ",
          "\\n",
          "\\\\",
          "-",
          ":\n",
          "\0-",
          "\\u00",
        ),
        fc.nat(65_536),
      )
      .map(([piece, times]) => piece.repeat(times).slice(0, 65_536));

    fc.assert(
      fc.property(fc.oneof(mutated, damaged, hostile), (text) => {
        const started = performance.now();
        try {
          parseCertificates(text).map((certificate) => findingsOf(certificate));
        } catch (error) {
          expect(error).toBeInstanceOf(CertificateError);
        }
        expect(performance.now() - started).toBeLessThan(3_000);
      }),
      { numRuns: 400 },
    );
  });
});

describe("keys that TLS here cannot use", () => {
  const server = createServer({
    requestCert: true,
    rejectUnauthorized: false,
    maxVersion: "TLSv1.2",
  });

  beforeAll(async () => {
    server.setSecureContext(secureContextOptions({ cert: two.certPem, key: two.keyPem }));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => {
    server.close();
  });

  /** Whether an endpoint sees the certificate. The client offers everything that it can. */
  async function isSeen({ certPem, keyPem, sha256 }: TestCertificate): Promise<boolean> {
    const address = server.address();
    const seen = new Promise<boolean>((resolve) => {
      server.once("tlsClientError", () => resolve(false));
      server.once("secureConnection", (socket: TLSSocket) => {
        socket.on("error", () => {});
        const shown = socket.getPeerX509Certificate()?.fingerprint256.replaceAll(":", "").toLowerCase();
        resolve(shown === sha256);
        socket.destroy();
      });
    });
    const client = connect({
      host: "127.0.0.1",
      port: typeof address === "object" && address !== null ? address.port : 0,
      cert: certPem,
      key: keyPem,
      ciphers: "ALL:@SECLEVEL=0",
      rejectUnauthorized: false,
    });
    client.on("error", () => {});
    const result = await seen;
    client.destroy();
    server.removeAllListeners("tlsClientError").removeAllListeners("secureConnection");

    return result;
  }

  it.each([
    ["prime256v1", []],
    ["secp384r1", []],
    ["secp521r1", []],
    ["secp224r1", ["UNSUPPORTED_KEY"]],
    ["secp256k1", ["UNSUPPORTED_KEY"]],
    ["brainpoolP256r1", ["UNSUPPORTED_KEY"]],
    ["brainpoolP384r1", ["UNSUPPORTED_KEY"]],
    ["sect283r1", ["UNSUPPORTED_KEY"]],
    ["prime192v1", ["WEAK_KEY"]],
  ])("%s: what the findings say is what a handshake finds", async (curve, codes) => {
    const made = await createSelfSigned({ commonName: curve, curve });
    const [certificate] = parseCertificates(made.certPem);
    const errors = certificate && findingsOf(certificate).filter(({ severity }) => severity === "error");

    expect(errors?.map(({ code }) => code)).toEqual(codes);
    expect(await isSeen(made)).toBe(codes.length === 0);
  });

  it("are not signed either", async () => {
    const authority = { certificatePem: one.certPem, privateKeyPem: one.keyPem };

    await expect(signCsr({ authority, csrPem: REQUEST_P224, days: 1 })).rejects.toThrow("EC P-224");
  });
});
