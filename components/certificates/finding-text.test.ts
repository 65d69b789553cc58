import { createTranslator } from "next-intl";
import { expect, it } from "vitest";
import { describeCertificateFinding } from "@/lib/api/texts/certificate-findings";
import { createAuthority, findingsOf, parseCertificates } from "@/lib/x509";
import english from "@/messages/en";
import chinese from "@/messages/zh-CN";
import { findingText } from "./finding-text";

const en = createTranslator({ locale: "en", messages: english });
const zh = createTranslator({ locale: "zh-CN", messages: chinese });
const now = new Date("2026-06-01T00:00:00Z");
const day = (moment: string) => moment;

it.each([
  ["EXPIRED", { notAfter: new Date("2026-05-01T00:00:00Z") }],
  ["NOT_YET_VALID", { notBefore: new Date("2026-07-01T00:00:00Z") }],
  ["EXPIRES_SOON", { notAfter: new Date("2026-06-12T00:00:00Z") }],
  ["WEAK_KEY", { keyAlgorithm: "RSA", keySize: 1024 }],
  ["WEAK_KEY", { keyAlgorithm: "EC P-192", keySize: 192 }],
  ["UNSUPPORTED_KEY", { keyAlgorithm: "DSA", keySize: 1024 }],
  ["IS_CA", {}],
])("the console says of %s at least what the API says (%o)", async (code, change) => {
  const [authority] = parseCertificates((await createAuthority()).certificatePem);
  if (authority === undefined) {
    throw new Error("There is no certificate.");
  }

  const certificate = {
    ...authority,
    notBefore: new Date("2026-01-01T00:00:00Z"),
    notAfter: new Date("2027-01-01T00:00:00Z"),
    ...change,
  };
  const finding = findingsOf(certificate, now).find((candidate) => candidate.code === code);
  const shown = {
    ...certificate,
    notBefore: certificate.notBefore.toISOString(),
    notAfter: certificate.notAfter.toISOString(),
  };

  expect(finding && findingText(en, code, shown, { now, day })).toContain(
    finding && describeCertificateFinding(finding).message,
  );
  expect(findingText(zh, code, shown, { now, day })).toMatch(/\p{Script=Han}/u);
});

it("a code of a newer server has no text here", () => {
  const shown = { notBefore: "", notAfter: "", keyAlgorithm: "", keySize: null };

  expect(findingText(en, "NEWER", shown, { now, day })).toBeNull();
  expect(findingText(en, "CERTIFICATE_IN_USE", shown, { now, day })).toBe(
    "It is pinned to an instance already. A certificate selects one instance only.",
  );
});

it("says where a certificate is pinned, when it is an instance of the account's own", () => {
  const shown = { notBefore: "", notAfter: "", keyAlgorithm: "", keySize: null };
  const params = { holder: "certificate", instanceName: "Production {1}", certificateName: "vCenter A" };

  expect(findingText(en, "CERTIFICATE_IN_USE", shown, { now, day, params })).toContain(
    "pinned to the instance Production {1}. Its name there is vCenter A.",
  );
  expect(findingText(zh, "CERTIFICATE_IN_USE", shown, { now, day, params })).toContain("Production {1}");
  expect(findingText(en, "CERTIFICATE_IN_USE", shown, { now, day, params: { holder: "hidden" } })).toContain(
    "another instance of this deployment",
  );
});
