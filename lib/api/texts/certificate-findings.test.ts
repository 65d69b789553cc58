import { expect, it } from "vitest";
import type { Finding } from "@/lib/x509";
import { describeCertificateFinding } from "./certificate-findings";

/** The texts of the API, which scripts and tickets quote. */
const TEXTS: readonly [Finding["code"], Finding["params"], string][] = [
  ["EXPIRED", { notAfter: "2026-01-01T00:00:00.000Z" }, "It expired on 2026-01-01T00:00:00.000Z."],
  [
    "NOT_YET_VALID",
    { notBefore: "2030-01-01T00:00:00.000Z" },
    "It is valid from 2030-01-01T00:00:00.000Z on.",
  ],
  ["EXPIRES_SOON", { days: 0 }, "It expires in 0 days."],
  ["EXPIRES_SOON", { days: 1 }, "It expires in 1 day."],
  ["EXPIRES_SOON", { days: 29 }, "It expires in 29 days."],
  ["WEAK_KEY", { bits: "1024", family: "RSA" }, "The key has 1024 bits; RSA keys have at least 2048."],
  ["WEAK_KEY", { bits: "192", family: "EC" }, "The key has 192 bits; EC keys have at least 224."],
  [
    "UNSUPPORTED_KEY",
    { algorithm: "DSA" },
    "DSA keys cannot be used for TLS. Use RSA with at least 2048 bits, or EC P-256 or P-384.",
  ],
  ["NO_CLIENT_AUTH_EKU", {}, "Its extended key usage does not name client authentication."],
  [
    "IS_CA",
    {},
    "It is a certificate authority. Only clients with this very certificate are let in, not those it signs.",
  ],
  ["SHA1_SIGNATURE", {}, "It is signed with SHA-1."],
  ["MD5_SIGNATURE", {}, "It is signed with MD2 or MD5."],
  [
    "CERTIFICATE_IN_USE",
    { holder: "named", instanceName: "Production {1}" },
    "This certificate is pinned to the instance Production {1}.",
  ],
  [
    "CERTIFICATE_IN_USE",
    { holder: "hidden" },
    "This certificate is pinned to another instance of this deployment.",
  ],
];

it.each(TEXTS)("%s with %o", (code, params, message) => {
  expect(describeCertificateFinding({ severity: "error", code, params })).toEqual({
    severity: "error",
    code,
    message,
  });
});
