import { expect, it } from "vitest";
import { describeCertificateFinding } from "@/lib/api/texts/certificate-findings";
import { createAuthority, findingsOf, parseCertificates } from "@/lib/x509";
import { LANGUAGES, legibleIn } from "@/test/support/languages";
import { findingText } from "./finding-text";

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

  for (const { locale, t } of LANGUAGES) {
    const text = finding && findingText(t, code, shown, { now, day });

    expect(text, locale).toMatch(legibleIn(locale));
    expect(text, locale).not.toMatch(/[{}]/);
    if (locale === "en") {
      expect(text).toContain(finding && describeCertificateFinding(finding).message);
    }
  }
});

it.each(LANGUAGES)("a code of a newer server has no text here ($locale)", ({ locale, t }) => {
  const shown = { notBefore: "", notAfter: "", keyAlgorithm: "", keySize: null };

  expect(findingText(t, "NEWER", shown, { now, day })).toBeNull();
  expect(findingText(t, "CERTIFICATE_IN_USE", shown, { now, day })).toMatch(
    locale === "en"
      ? /^It is pinned to an instance already. A certificate selects one instance only.$/
      : legibleIn(locale),
  );
});

it.each(LANGUAGES)(
  "says where a certificate is pinned, when it is an instance of the account's own ($locale)",
  ({ locale, t }) => {
    const shown = { notBefore: "", notAfter: "", keyAlgorithm: "", keySize: null };
    const params = { holder: "certificate", instanceName: "Production {1}", certificateName: "vCenter A" };
    const own = findingText(t, "CERTIFICATE_IN_USE", shown, { now, day, params });

    expect(own).toContain("Production {1}");
    expect(own).toContain("vCenter A");
    expect(findingText(t, "CERTIFICATE_IN_USE", shown, { now, day, params: { holder: "hidden" } })).toMatch(
      locale === "en" ? /another instance of this deployment/ : legibleIn(locale),
    );
  },
);
