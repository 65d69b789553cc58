import { publishIn } from "@/lib/db";
import type { Actor } from "../actor";
import { type AuditIntent, audited, type Done } from "../audit";
import { dedicatedIdentityId, KEY_TYPES } from "../endpoints/tls-identities";
import type { InstanceRow } from "../instance";
import { invalidateInstanceKeyManager } from "../key-managers/open-key-manager";
import { inTransaction } from "../transaction";

/** What is recorded when an instance's rows go. */
type Forgetting = Pick<AuditIntent, "requestData"> & {
  readonly action: "vmware-solutions.service.delete" | "vmware-solutions.service.purge";
};

/** Forgets the instance with everything that hangs on it, and tells every endpoint; what is in key managers stays. */
export async function forgetInstance(
  actor: Actor,
  row: InstanceRow,
  { action, requestData }: Forgetting,
): Promise<void> {
  const forget = (done: Done) =>
    inTransaction(async (tx) => {
      const certificates = await tx.clientCertificate.findMany({
        where: { instanceId: row.id },
        select: { sha256: true, releasedAt: true },
      });
      const { count } = await tx.instance.deleteMany({ where: { id: row.id, accountId: actor.accountId } });
      // Another request ended the same removal.
      if (count === 0) {
        return;
      }
      await tx.tlsIdentity.deleteMany({
        where: { id: { in: KEY_TYPES.map((keyType) => dedicatedIdentityId(row.id, keyType)) } },
      });

      for (const { sha256, releasedAt } of certificates) {
        // One that was released may be another's by now.
        if (releasedAt === null) {
          await publishIn(tx, { type: "certificate.removed", instanceId: row.id, sha256 });
        }
      }

      await publishIn(tx, { type: "instance.removed", instanceId: row.id });
      await done(tx, { requestData: { ...requestData, clientCertificates: certificates.length } });
    });

  await audited(
    actor,
    {
      action,
      target: { id: row.id, name: row.name },
      instanceId: row.id,
      requestData,
      // The worker tries every minute.
      failures: actor.kind === "system" ? "retried" : "recorded",
    },
    forget,
  );
  invalidateInstanceKeyManager(row.id);
}
