import { database } from "@/lib/db";
import { audited } from "../audit";
import { isLiving } from "../instance";
import { systemActor } from "../system-actor";
import { inTransaction, type Transaction } from "../transaction";
import { admittanceOf, type ExpiryRule } from "./dates";

/** A pinned certificate that has ended, or is about to. */
export type ExpiryNotice = {
  readonly accountId: string;
  readonly instanceId: string;
  readonly instanceName: string;
  readonly certificateId: string;
  readonly certificateName: string;
  readonly sha256: string;
  readonly notAfter: Date;
  readonly expired: boolean;
  /** When its clients are refused; null if they never are. */
  readonly refusedFrom: Date | null;
  /** A client has shown it lately. */
  readonly inUse: boolean;
};

/** So long before its end people are told; vSAN's health turns yellow then, too. */
export const NOTICE_DAYS = 30;
/** A certificate that nobody has shown for longer is not in use. */
const IN_USE_DAYS = 30;
/** Once a day, whenever the worker looks. */
const TOLD_EVERY = "23 hours 30 minutes";
const BATCH = 500;

type Row = Omit<ExpiryNotice, "refusedFrom"> &
  ExpiryRule & { readonly createdAt: Date; readonly notBefore: Date };

async function findDue(after: string): Promise<Row[]> {
  const { rows } = await database().pool.query<Row>(
    `SELECT i.account_id AS "accountId", i.id AS "instanceId", i.name AS "instanceName", c.id AS "certificateId",
            c.name AS "certificateName", c.sha256, c.not_after AS "notAfter", c.not_before AS "notBefore",
            c.created_at AS "createdAt", c.not_after <= now() AS expired,
            coalesce(c.last_seen_at >= now() - make_interval(days => $2), false) AS "inUse",
            i.expired_certificates::text AS "expiredCertificates", i.expired_grace_days AS "expiredGraceDays"
     FROM client_certificate c JOIN instance i ON i.id = c.instance_id
     WHERE c.not_after < now() + make_interval(days => $1) AND ${isLiving("i")} AND i.status <> 'removing'
       AND c.id > $3
       AND (c.expiry_told_at IS NULL OR c.expiry_told_at < now() - interval '${TOLD_EVERY}')
     ORDER BY c.id LIMIT ${BATCH}`,
    [NOTICE_DAYS, IN_USE_DAYS, after],
  );

  return rows;
}

/** Takes a certificate upon itself; false if another worker has told of it. */
async function claim(tx: Transaction, certificateId: string): Promise<boolean> {
  const count = await tx.$executeRaw`
    UPDATE client_certificate SET expiry_told_at = now()
    WHERE id = ${certificateId}::uuid
      AND (expiry_told_at IS NULL OR expiry_told_at < now() - ${TOLD_EVERY}::interval)`;

  return count > 0;
}

/** Of one that has ended and is still shown by clients, the audit tells every day; of the others the caller alone. */
async function tell(notice: ExpiryNotice): Promise<boolean> {
  const { accountId, instanceId, certificateId, certificateName, notAfter, refusedFrom } = notice;

  if (!notice.expired || !notice.inUse) {
    return inTransaction((tx) => claim(tx, certificateId));
  }

  return audited(
    systemActor("worker", accountId),
    {
      action: "vmware-solutions.kmip-certificate.expire",
      target: { id: certificateId, name: certificateName },
      instanceId,
      failures: "retried",
      requestData: {
        sha256: notice.sha256,
        instanceName: notice.instanceName,
        notAfter: notAfter.toISOString(),
        refusedFrom: refusedFrom?.toISOString() ?? null,
      },
    },
    (done) =>
      inTransaction(async (tx) => {
        if (!(await claim(tx, certificateId))) {
          return false;
        }
        await done(tx);

        return true;
      }),
  );
}

/**
 * Tells of pinned certificates of all accounts that have ended or end within 30 days, of each once a day, however many
 * workers look: to the caller, and while an expired one is in use also to the audit.
 * @param options.onError told when one could not be told of; it is tried again the next time
 * @returns how many were told of
 */
export async function tellExpiringCertificates(options: {
  readonly onNotice: (notice: ExpiryNotice) => void;
  readonly onError: (error: unknown, certificateId: string) => void;
  readonly signal?: AbortSignal;
}): Promise<number> {
  let told = 0;
  let last = "00000000-0000-0000-0000-000000000000";

  while (!options.signal?.aborted) {
    const due = await findDue(last);

    for (const { expiredCertificates, expiredGraceDays, createdAt, notBefore, ...row } of due) {
      const { until } = admittanceOf(
        { notBefore, notAfter: row.notAfter, createdAt },
        { expiredCertificates, expiredGraceDays },
      );
      const notice = { ...row, refusedFrom: until };
      try {
        if (await tell(notice)) {
          options.onNotice(notice);
          told += 1;
        }
      } catch (error) {
        options.onError(error, row.certificateId);
      }
      last = row.certificateId;
    }

    if (due.length < BATCH) {
      break;
    }
  }

  return told;
}
