import type { KmipEventContext } from "@/lib/audit/kmip-events";
import type { Database } from "@/lib/db";
import type { CertificateRefusal, Tenant } from "@/lib/kmip/ports";
import { Operation } from "@/lib/kmip/protocol/enumerations";
import { admittanceOf, type ExpiryRule } from "../client-certificates/dates";
import { isLiving } from "../instance";

/** Who a certificate opens what as. */
export type Entry = {
  readonly tenant: Tenant;
  /** The instance whose own listeners serve it; null for the shared ones. */
  readonly listener: string | null;
  readonly context: KmipEventContext;
  /** When it is let in no more, in milliseconds of the monotonic clock; null if that never comes. */
  readonly endsAt: number | null;
  /** What `resolve` answers: made once, not at every message. */
  readonly settled: Promise<Tenant>;
};

type CertificateRow = ExpiryRule & {
  certificateId: string;
  certificateName: string | null;
  sha256: string;
  instanceId: string;
  instanceName: string;
  accountId: string;
  activateOnCreate: boolean;
  serveCompromised: boolean;
  dedicated: boolean;
  /** Milliseconds that a probe has left; null for pinned certificates. */
  probeMs: number | null;
  /** Dates of pinned certificates, and the database's time, by which they are judged. */
  notBefore: Date | null;
  notAfter: Date | null;
  createdAt: Date | null;
  now: Date;
};

const INSTANCE_COLUMNS = `
  i.id AS "instanceId", i.name AS "instanceName", i.account_id AS "accountId",
  i.activate_on_create AS "activateOnCreate", i.serve_compromised AS "serveCompromised",
  i.dedicated, i.expired_certificates::text AS "expiredCertificates", i.expired_grace_days AS "expiredGraceDays",
  now() AS now`;
/**
 * `attention` goes on serving what the key manager allows. Probes come last: should a certificate ever be both, it has
 * the probe's few rights. What a probe has left is reckoned by the database's clock, which set its end.
 */
const SELECT_CERTIFICATES = `
  SELECT c.id AS "certificateId", c.name AS "certificateName", c.sha256, ${INSTANCE_COLUMNS},
         NULL::float8 AS "probeMs", c.not_before AS "notBefore", c.not_after AS "notAfter", c.created_at AS "createdAt"
  FROM client_certificate c JOIN instance i ON i.id = c.instance_id
  WHERE c.sha256 = ANY ($1::text[]) AND c.released_at IS NULL AND ${isLiving("i")}
    AND i.status IN ('installed', 'attention')
  UNION ALL
  SELECT p.test_id, NULL, p.sha256, ${INSTANCE_COLUMNS},
         (extract(epoch FROM p.expires_at - now()) * 1000)::float8, NULL, NULL, NULL
  FROM connection_probe p JOIN instance i ON i.id = p.instance_id
  WHERE p.sha256 = ANY ($1::text[]) AND p.expires_at > now() AND ${isLiving("i")}
    AND i.status IN ('installed', 'attention')
  ORDER BY "probeMs" NULLS FIRST`;

/** What a connection test needs to see that an endpoint serves its instance. */
const PROBE_OPERATIONS: ReadonlySet<number> = new Set([Operation.DiscoverVersions, Operation.Query]);

/** Milliseconds that a certificate is let in for from now on, null for ever; or why it is not. */
function timeLeft(row: CertificateRow): number | null | CertificateRefusal {
  const { notBefore, notAfter, createdAt, now } = row;

  if (notBefore === null || notAfter === null || createdAt === null) {
    return row.probeMs;
  }

  const { from, until } = admittanceOf({ notBefore, notAfter, createdAt }, row);

  if (from > now) {
    return "certificate-not-yet-valid";
  }
  if (until === null) {
    return null;
  }

  return until <= now ? "certificate-expired" : until.getTime() - now.getTime();
}

/**
 * @param leftMs what it has left from the moment on at which the row was asked for
 * @param askedAt that moment, so that a slow answer prolongs nothing
 */
function toEntry(row: CertificateRow, leftMs: number | null, askedAt: number): Entry {
  const tenant: Tenant = {
    instanceId: row.instanceId,
    certificateId: row.certificateId,
    certificateSha256: row.sha256,
    policy: { activateOnCreate: row.activateOnCreate, serveCompromised: row.serveCompromised },
    ...(row.probeMs === null ? {} : { probe: { id: row.certificateId, operations: PROBE_OPERATIONS } }),
  };

  return {
    tenant,
    listener: row.dedicated ? row.instanceId : null,
    settled: Promise.resolve(tenant),
    context: {
      accountId: row.accountId,
      instanceName: row.instanceName,
      certificateName: row.certificateName,
    },
    endsAt: leftMs === null ? null : askedAt + leftMs,
  };
}

/** True once its time is over. */
export const isOver = ({ endsAt }: Entry): boolean => endsAt !== null && performance.now() >= endsAt;

/**
 * Looks certificates up, pinned ones and those of connection tests.
 * @returns who is let in, and of the pinned ones that are not, why
 */
export async function loadEntries(
  pool: Database["pool"],
  fingerprints: readonly string[],
): Promise<{ readonly entries: Entry[]; readonly refusals: ReadonlyMap<string, CertificateRefusal> }> {
  const askedAt = performance.now();
  const { rows } = await pool.query<CertificateRow>({
    name: "keks-tenants",
    text: SELECT_CERTIFICATES,
    values: [fingerprints],
  });
  const entries: Entry[] = [];
  const refusals = new Map<string, CertificateRefusal>();

  for (const row of rows) {
    const left = timeLeft(row);

    if (typeof left === "string") {
      refusals.set(row.sha256, left);
    } else {
      entries.push(toEntry(row, left, askedAt));
    }
  }

  return { entries, refusals };
}
