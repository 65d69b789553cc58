import { X509Certificate } from "node:crypto";
import { database } from "@/lib/db";
import { audited } from "../audit";
import { isLiving } from "../instance";
import { systemActor } from "../system-actor";

type Concerned = {
  readonly accountId: string;
  readonly instanceId: string | null;
  readonly name: string | null;
};

/** Whose clients see a server certificate: the instance's that has it for itself, or all that share the zones'. */
async function concernedBy(id: string): Promise<readonly Concerned[]> {
  const { pool } = database();
  const [, instanceId] = /^instance-(.{36})/.exec(id) ?? [];
  const { rows } = instanceId
    ? await pool.query<Concerned>(
        `SELECT account_id AS "accountId", id AS "instanceId", name FROM instance i
         WHERE id = $1 AND ${isLiving("i")}`,
        [instanceId],
      )
    : await pool.query<Concerned>(
        `SELECT DISTINCT account_id AS "accountId", NULL AS "instanceId", NULL AS name FROM instance i
         WHERE ${isLiving("i")} AND NOT dedicated AND status IN ('installed', 'attention')`,
      );

  return rows;
}

/**
 * Tells the audit of every account that is concerned that server certificates were made anew: vCenter pins them, and has
 * to be given its trust in the new ones.
 * @param ids of the certificates; authorities, which nobody connects to, are passed over
 * @throws AppError AUDIT_UNAVAILABLE
 */
export async function tellRenewals(ids: readonly string[]): Promise<void> {
  const { pool } = database();
  const { rows } = await pool.query<{ id: string; certificatePem: string }>(
    `SELECT id, certificate_pem AS "certificatePem" FROM tls_identity
     WHERE id = ANY ($1::text[]) AND (id LIKE 'zone-%' OR id LIKE 'instance-%') ORDER BY id`,
    [ids],
  );

  for (const { id, certificatePem } of rows) {
    const { fingerprint256, validTo } = new X509Certificate(certificatePem);

    for (const { accountId, instanceId, name } of await concernedBy(id)) {
      await audited(
        systemActor("worker", accountId),
        {
          action: "vmware-solutions.server-certificate.renew",
          target: { id, name },
          instanceId,
          requestData: {
            sha256: fingerprint256.replaceAll(":", "").toLowerCase(),
            notAfter: new Date(validTo).toISOString(),
          },
        },
        (done) => done(pool),
      );
    }
  }
}
