import { expect, it } from "vitest";
import { admittanceOf, type ExpiryRule } from "./dates";

const at = (day: string) => new Date(`${day}T00:00:00Z`);
const certificate = { notBefore: at("2026-01-01"), notAfter: at("2026-06-01"), createdAt: at("2026-02-01") };
const grace = (expiredGraceDays: number): ExpiryRule => ({ expiredCertificates: "grace", expiredGraceDays });

it("a day of clock skew is forgiven before the first moment", () => {
  expect(admittanceOf(certificate, grace(0)).from).toEqual(at("2025-12-31"));
});

it("the grace period is counted from the end", () => {
  expect(admittanceOf(certificate, grace(0)).until).toEqual(at("2026-06-01"));
  expect(admittanceOf(certificate, grace(30)).until).toEqual(at("2026-07-01"));
  expect(admittanceOf(certificate, grace(3_650)).until).toEqual(at("2036-05-29"));
});

it("and from the pinning, where the certificate had expired before", () => {
  const expired = { ...certificate, createdAt: at("2026-11-01") };

  expect(admittanceOf(expired, grace(30)).until).toEqual(at("2026-12-01"));
});

it("where the rule is to warn only, it never ends", () => {
  expect(admittanceOf(certificate, { ...grace(0), expiredCertificates: "warn" }).until).toBeNull();
});

it("the latest end that X.509 can say has a day", () => {
  const endless = { ...certificate, notAfter: new Date("9999-12-31T23:59:59Z") };

  expect(admittanceOf(endless, grace(3_650)).until?.getUTCFullYear()).toBe(10_009);
});
