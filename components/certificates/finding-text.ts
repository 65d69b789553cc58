import type { CertificateFinding, ClientCertificate } from "@/lib/api/client-certificates/schemas";
import type { Messages } from "@/lib/i18n/messages";
import { fill, type Translate } from "@/lib/i18n/translate";
import { daysUntil } from "./expiry";

type FindingCode = Exclude<
  keyof Messages["certificates"]["findings"],
  "title" | "none" | "error" | "warning"
>;
type HintCode = keyof Messages["certificates"]["findingHints"];

/** What texts about a certificate name of it. */
export type JudgedCertificate = Pick<
  ClientCertificate,
  "notBefore" | "notAfter" | "keyAlgorithm" | "keySize"
>;

/**
 * A finding about a certificate in the reader's language, with what the console adds to it.
 * @param how.day writes a moment as a day
 * @param how.params what the server says of where it is pinned
 * @returns null for a code of a newer server
 */
export function findingText(
  t: Translate,
  code: string,
  { notBefore, notAfter, keyAlgorithm, keySize }: JudgedCertificate,
  how: {
    readonly now: Date;
    readonly day: (moment: string) => string;
    readonly params?: CertificateFinding["params"];
  },
): string | null {
  if (!t.has(`certificates.findings.${code as FindingCode}`)) {
    return null;
  }

  const text = fill(t, `certificates.findings.${code as FindingCode}`, {
    notBefore: how.day(notBefore),
    notAfter: how.day(notAfter),
    days: daysUntil(notAfter, how.now),
    algorithm: keyAlgorithm,
    bits: String(keySize ?? ""),
    family: keyAlgorithm.startsWith("RSA") ? "RSA" : "EC",
    holder: how.params?.holder,
    instanceName: how.params?.instanceName,
    certificateName: how.params?.certificateName,
  });

  return t.has(`certificates.findingHints.${code as HintCode}`)
    ? `${text} ${t(`certificates.findingHints.${code as HintCode}`)}`
    : text;
}
