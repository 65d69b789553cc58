import type { ClientCertificate, Instance } from "@/lib/db/generated/client";

/** An instance's rule for pinned certificates that have expired. */
export type ExpiryRule = Pick<Instance, "expiredCertificates" | "expiredGraceDays">;

/** Its columns, for who reads the rule alone. */
export const EXPIRY_RULE = { expiredCertificates: true, expiredGraceDays: true } as const;

const DAY_MS = 86_400_000;
/** A client's clock, or its authority's, may be ahead of ours by so much. */
const CLOCK_SKEW_MS = DAY_MS;

/** When a certificate is let in: from the first moment on, and until the last; null for ever. */
export type Admittance = { readonly from: Date; readonly until: Date | null };

/**
 * When clients with a pinned certificate are let in, by its dates and its instance's rule. The grace period is counted
 * from its end, or from its pinning where it had expired before: whoever pinned it knew.
 */
export function admittanceOf(
  { notBefore, notAfter, createdAt }: Pick<ClientCertificate, "notBefore" | "notAfter" | "createdAt">,
  { expiredCertificates, expiredGraceDays }: ExpiryRule,
): Admittance {
  const end = Math.max(notAfter.getTime(), createdAt.getTime()) + expiredGraceDays * DAY_MS;

  return {
    from: new Date(notBefore.getTime() - CLOCK_SKEW_MS),
    until: expiredCertificates === "warn" ? null : new Date(end),
  };
}
