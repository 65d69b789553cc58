import type { ClientCertificate } from "@/lib/api/client-certificates/schemas";
import type { Instance } from "@/lib/api/instances/schemas";

const DAY = 86_400_000;

/** True if a rule refuses a certificate's clients now: the grace is counted from its end, or from a later pinning. */
export function refusedBy(
  { notAfter, createdAt }: Pick<ClientCertificate, "notAfter" | "createdAt">,
  { rule, graceDays }: Instance["expiredCertificates"],
  now: Date,
): boolean {
  const from = Math.max(Date.parse(notAfter), Date.parse(createdAt));

  return rule === "grace" && from + graceDays * DAY <= now.getTime();
}
