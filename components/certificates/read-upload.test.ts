import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commonNameOf, MAX_UPLOAD_BYTES, readPastedText, readUploadedBytes } from "./read-upload";

const bytes = (text: string) => new TextEncoder().encode(text);

/** SEQUENCE { SEQUENCE { [0] version, INTEGER serial … } … }: the head of an X.509 v3 certificate. */
const CERTIFICATE_HEAD = Uint8Array.from([
  0x30, 0x0a, 0x30, 0x08, 0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x01, 0x05,
]);
/** SEQUENCE { SEQUENCE { INTEGER 0, SEQUENCE { SET … } } }: the head of a PKCS#10 request. */
const REQUEST_HEAD = Uint8Array.from([0x30, 0x09, 0x30, 0x07, 0x02, 0x01, 0x00, 0x30, 0x02, 0x31, 0x00]);
/** A v1 certificate with serial number 0: after it stands an AlgorithmIdentifier. */
const V1_HEAD = Uint8Array.from([0x30, 0x0a, 0x30, 0x08, 0x02, 0x01, 0x00, 0x30, 0x03, 0x06, 0x01, 0x2a]);

describe("a private key is refused in every form", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;

  test.each([
    ["PKCS#8 PEM", privateKey.export({ type: "pkcs8", format: "pem" }).toString()],
    ["SEC1 PEM", privateKey.export({ type: "sec1", format: "pem" }).toString()],
    ["PKCS#1 PEM", rsa.export({ type: "pkcs1", format: "pem" }).toString()],
    [
      "encrypted PEM",
      privateKey
        .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "example" })
        .toString(),
    ],
    [
      "a certificate with its key below",
      `-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n${privateKey.export({ type: "pkcs8", format: "pem" })}`,
    ],
  ])("%s", (_, pem) => {
    expect(readPastedText(pem)).toEqual({ ok: false, refusal: "privateKey" });
    expect(readUploadedBytes(bytes(pem))).toEqual({ ok: false, refusal: "privateKey" });
  });

  test.each([
    ["PKCS#8 DER", privateKey.export({ type: "pkcs8", format: "der" })],
    ["SEC1 DER", privateKey.export({ type: "sec1", format: "der" })],
    ["PKCS#1 DER", rsa.export({ type: "pkcs1", format: "der" })],
    [
      "encrypted DER",
      privateKey.export({ type: "pkcs8", format: "der", cipher: "aes-256-cbc", passphrase: "example" }),
    ],
  ])("%s, as file and as base64", (_, der) => {
    expect(readUploadedBytes(new Uint8Array(der))).toEqual({ ok: false, refusal: "privateKey" });
    expect(readPastedText(der.toString("base64"))).toEqual({ ok: false, refusal: "privateKey" });
  });

  test("PKCS#12", () => {
    const head = [
      0x02, 0x01, 0x03, 0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01,
    ];
    expect(readUploadedBytes(Uint8Array.from([0x30, head.length, ...head]))).toEqual({
      ok: false,
      refusal: "pkcs12",
    });
  });
});

describe("what may be sent", () => {
  test("PEM goes as it is, trimmed", () => {
    const pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";
    expect(readPastedText(`\n ${pem}\n\n`)).toEqual({ ok: true, text: pem });
    expect(readUploadedBytes(bytes(`\ufeff${pem}`))).toEqual({ ok: true, text: pem });
  });

  test("DER goes as base64", () => {
    const expected = { ok: true, text: Buffer.from(CERTIFICATE_HEAD).toString("base64") };
    expect(readUploadedBytes(CERTIFICATE_HEAD)).toEqual(expected);
    expect(readPastedText(Buffer.from(CERTIFICATE_HEAD).toString("base64"))).toEqual(expected);
    expect(readUploadedBytes(V1_HEAD)).toMatchObject({ ok: true });
  });
});

describe("files as tools write them", () => {
  const pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";
  const utf16 = (text: string) => new Uint8Array(Buffer.from(`\ufeff${text}`, "utf16le"));

  test("UTF-16, as PowerShell writes it, is sent as its text", () => {
    expect(readUploadedBytes(utf16(`${pem}\r\n`))).toEqual({ ok: true, text: pem });
    expect(readUploadedBytes(new Uint8Array(Buffer.from(utf16(pem)).swap16()))).toEqual({
      ok: true,
      text: pem,
    });
    // Without its mark, and read as something else.
    expect(readUploadedBytes(new Uint8Array(Buffer.from(pem, "utf16le")))).toEqual({ ok: true, text: pem });
  });

  test("PKCS #7 goes as it is: text or base64", () => {
    const der = Uint8Array.from([0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2, 0xa0, 0]);
    const bundle = "-----BEGIN PKCS7-----\nAA==\n-----END PKCS7-----";
    expect(readUploadedBytes(der)).toEqual({ ok: true, text: Buffer.from(der).toString("base64") });
    expect(readPastedText(Buffer.from(der).toString("base64"))).toMatchObject({ ok: true });
    expect(readUploadedBytes(bytes(bundle))).toEqual({ ok: true, text: bundle });
  });

  test("line ends as their characters are left to the server", () => {
    const escaped = pem.replaceAll("\n", "\\n");
    expect(readPastedText(`"${escaped}"`)).toEqual({ ok: true, text: `"${escaped}"` });
  });

  test("a private key in UTF-16 or escaped is refused, unsent", () => {
    const key = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----";
    expect(readUploadedBytes(utf16(key))).toEqual({ ok: false, refusal: "privateKey" });
    expect(readUploadedBytes(new Uint8Array(Buffer.from(key, "utf16le")))).toEqual({
      ok: false,
      refusal: "privateKey",
    });
    expect(readPastedText(JSON.stringify({ key }))).toEqual({ ok: false, refusal: "privateKey" });
  });
});

describe("what is told apart", () => {
  test("a public key and a revocation list by mistake", () => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const refused = { ok: false, refusal: "publicKey" };
    expect(readPastedText(publicKey.export({ type: "spki", format: "pem" }).toString())).toEqual(refused);
    expect(readUploadedBytes(new Uint8Array(publicKey.export({ type: "spki", format: "der" })))).toEqual(
      refused,
    );
    expect(readPastedText("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 bob")).toEqual(refused);
    expect(readPastedText("-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----")).toEqual({
      ok: false,
      refusal: "crl",
    });
  });

  test("a request, in PEM and DER", () => {
    const pem = "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----";
    expect(readPastedText(pem)).toEqual({ ok: false, refusal: "csr" });
    expect(readUploadedBytes(REQUEST_HEAD)).toEqual({ ok: false, refusal: "csr" });
  });

  test("nothing, too much, and something else", () => {
    expect(readPastedText("  \n")).toEqual({ ok: false, refusal: "empty" });
    expect(readUploadedBytes(new Uint8Array())).toEqual({ ok: false, refusal: "empty" });
    expect(readUploadedBytes(new Uint8Array(MAX_UPLOAD_BYTES + 1))).toEqual({
      ok: false,
      refusal: "tooLarge",
    });
    expect(readPastedText("hello")).toEqual({ ok: false, refusal: "unknown" });
    expect(readUploadedBytes(Uint8Array.from([0x30, 0x82, 0xff]))).toEqual({ ok: false, refusal: "unknown" });
  });

  test("any bytes give an answer, never an error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (input) => {
        const result = readUploadedBytes(input);
        expect(typeof result.ok).toBe("boolean");
      }),
    );
  });
});

describe("commonNameOf", () => {
  test.each([
    ["CN=vcenter-fra-01,O=Acme", "vcenter-fra-01"],
    ["O=Acme, CN = kmipClient20260301", "kmipClient20260301"],
    ["C=DE\nCN=vc.example.com\nO=Acme", "vc.example.com"],
    ['CN="Acme, Inc.",C=US', "Acme, Inc."],
    ["CN=Acme\\, Inc.,C=US", "Acme, Inc."],
    ["O=Acme", null],
    ["O=NoCN=here", null],
    ["", null],
  ])("%j", (subject, expected) => {
    expect(commonNameOf(subject)).toBe(expected);
  });
});
