import { database, publishIn } from "@/lib/db";
import { type Actor, requireRole } from "../actor";
import { audited, type Done } from "../audit";
import { findHolder } from "../client-certificates/pin-certificate";
import { assignDedicatedPorts, prepareDedicatedIdentity } from "../endpoints";
import { AppError } from "../errors";
import {
  type InstanceRow,
  LIVING,
  requireDeletedInstance,
  requireInstance,
  WITHOUT_API_KEY,
} from "../instance";
import { invalidateInstanceKeyManager } from "../key-managers/open-key-manager";
import { providerOfInstance } from "../key-managers/providers";
import { claimOf } from "../key-managers/taken-key-managers";
import { systemActor } from "../system-actor";
import { inTransaction, type Transaction } from "../transaction";
import { uniqueViolation } from "../unique-violation";
import { forgetInstance } from "./forget-instance";
import { type InstanceView, instanceNameTaken, withEndpoints } from "./instance-row";

/** So long a deletion can be undone. */
const KEPT_DAYS = 30;
const DAY_MS = 86_400_000;
/** Kept as the status reason while KEKs are being destroyed, so that an interrupted removal knows what to do. */
export const DESTROYING_KEKS = "DESTROYING_KEKS";

/** Ends what clients have of the instance: certificates, tests that run, open connections. @returns how many certificates */
async function releaseClients(tx: Transaction, instanceId: string, releasedAt: Date): Promise<number> {
  const where = { instanceId };
  const certificates = await tx.clientCertificate.findMany({ where, select: { sha256: true } });
  const probes = await tx.connectionProbe.findMany({ where, select: { sha256: true } });
  await tx.connectionProbe.deleteMany({ where });
  await tx.clientCertificate.updateMany({ where, data: { releasedAt } });
  for (const { sha256 } of [...certificates, ...probes]) {
    await publishIn(tx, { type: "certificate.removed", instanceId, sha256 });
  }

  return certificates.length;
}

/**
 * Deletes an instance so that it can be had back for 30 days: nobody is served any more, its name, certificates, ports
 * and key manager are free for others, and its rows stay. Nothing is changed in the key manager.
 * @throws AppError INVALID_STATE while its KEKs are being destroyed, AUDIT_UNAVAILABLE
 */
export async function keepDeleted(
  actor: Actor,
  row: InstanceRow,
  options: { readonly force: boolean },
): Promise<void> {
  const deletedAt = new Date();
  const purgeAt = new Date(deletedAt.getTime() + KEPT_DAYS * DAY_MS);
  const facts = {
    force: options.force,
    destroyKeks: false,
    keks: row.kekCount,
    activeKeks: row.activeKekCount,
    clientCertificates: row.clientCertificateCount,
    // Without the instance nothing serves them, but their wrapped bytes are still in the key manager.
    standardKeys: "kept in the key manager",
    restorableUntil: purgeAt.toISOString(),
  };
  const keep = (done: Done) =>
    inTransaction(async (tx) => {
      await tx.$queryRaw`SELECT 1 FROM instance WHERE id = ${row.id}::uuid FOR UPDATE`;
      const current = await tx.instance.findFirst({
        where: { id: row.id, accountId: actor.accountId, ...LIVING },
        omit: WITHOUT_API_KEY,
      });
      // Another request did the same.
      if (current === null) {
        return;
      }
      if (current.statusReason === DESTROYING_KEKS) {
        throw new AppError("INVALID_STATE", "The KEKs of the instance are being destroyed.");
      }

      const clientCertificates = await releaseClients(tx, row.id, deletedAt);
      // Ports that no client knows yet need not be kept for an undo; the others are given out last.
      if (current.kekCount === 0 && current.lastKmipAt === null) {
        await tx.dedicatedEndpoint.deleteMany({ where: { instanceId: row.id } });
      }
      await tx.instance.update({
        where: { id: row.id },
        // Inactive besides: two conditions, either of which alone keeps everybody from being served.
        data: {
          deletedAt,
          deletedBy: actor.name,
          purgeAt,
          status: "inactive",
          statusReason: null,
          keyManagerClaim: null,
        },
      });
      await publishIn(tx, { type: "instance.removed", instanceId: row.id });
      await done(tx, { requestData: { ...facts, keks: current.kekCount, clientCertificates } });
    });

  await audited(
    actor,
    {
      action: "vmware-solutions.service.delete",
      target: { id: row.id, name: row.name },
      instanceId: row.id,
      requestData: facts,
    },
    keep,
  );
  invalidateInstanceKeyManager(row.id);
}

export type RestoreInstanceInput = {
  /** Another name, where its own is taken meanwhile. */
  readonly name?: string | undefined;
  /** Leaves out the certificates that another instance has pinned meanwhile, instead of refusing. */
  readonly withoutCertificatesInUse?: boolean | undefined;
};

/** A certificate of a deleted instance that somebody else has pinned meanwhile. */
type CertificateInUse = {
  readonly id: string;
  readonly name: string;
  readonly sha256: string;
  /** Null where it is another account's. */
  readonly instance: { readonly id: string; readonly name: string } | null;
};

async function certificatesInUse(
  client: Transaction,
  actor: Actor,
  instanceId: string,
): Promise<CertificateInUse[]> {
  const rows = await client.clientCertificate.findMany({
    where: { instanceId, releasedAt: { not: null } },
    select: { id: true, name: true, sha256: true },
    orderBy: { id: "asc" },
  });
  const taken: CertificateInUse[] = [];
  for (const row of rows) {
    const holder = await findHolder(actor, row.sha256, client);
    if (holder !== null) {
      taken.push({ ...row, instance: holder.instance });
    }
  }

  return taken;
}

function refuseCertificates(certificates: readonly CertificateInUse[]): AppError {
  return new AppError("CERTIFICATE_IN_USE", "Certificates of the instance are pinned elsewhere meanwhile.", {
    extra: { certificates },
    text: { of: "certificatesInUse", names: certificates.map(({ name }) => name) },
  });
}

/** Pins the certificates again. @returns how many are left out, being pinned elsewhere */
async function pinAgain(
  tx: Transaction,
  actor: Actor,
  instanceId: string,
  input: RestoreInstanceInput,
): Promise<readonly CertificateInUse[]> {
  const taken = await certificatesInUse(tx, actor, instanceId);
  if (taken.length > 0 && input.withoutCertificatesInUse !== true) {
    throw refuseCertificates(taken);
  }

  await tx.clientCertificate.deleteMany({ where: { id: { in: taken.map(({ id }) => id) } } });
  const certificates = await tx.clientCertificate.findMany({
    where: { instanceId },
    select: { sha256: true },
  });
  await tx.clientCertificate.updateMany({ where: { instanceId }, data: { releasedAt: null } });
  for (const { sha256 } of certificates) {
    await publishIn(tx, { type: "certificate.added", instanceId, sha256 });
  }

  return taken;
}

/** What it claims of its key manager, which others may have claimed meanwhile: then the database refuses it. */
function claimAgain({ keyManagerKind, keyManagerGuid }: InstanceRow): string | null {
  return keyManagerKind === null || keyManagerGuid === null
    ? null
    : claimOf(providerOfInstance(keyManagerKind), keyManagerGuid);
}

function restoreIn(
  tx: Transaction,
  actor: Actor,
  row: InstanceRow,
  input: RestoreInstanceInput,
): Promise<readonly CertificateInUse[]> {
  return tx.instance
    .update({
      where: { id: row.id },
      data: {
        deletedAt: null,
        deletedBy: null,
        purgeAt: null,
        name: input.name ?? row.name,
        keyManagerClaim: claimAgain(row),
        status: row.keyManagerKind === null ? "inactive" : "installed",
        // The worker looks at once whether that is still true.
        nextCheckAt: null,
        rewrapDueAt: null,
      },
      omit: WITHOUT_API_KEY,
    })
    .then(() => pinAgain(tx, actor, row.id, input));
}

/**
 * Undoes a deletion: the same instance with its KEKs, certificates, settings and, if nobody has them, ports. Its status
 * is that of its next permission check, which follows at once.
 * @throws AppError FORBIDDEN, NOT_FOUND (also once its 30 days are over), INVALID_STATE when it is not deleted,
 *   NAME_TAKEN, CERTIFICATE_IN_USE (`extra.certificates`), KEY_MANAGER_IN_USE, NOT_AVAILABLE, AUDIT_UNAVAILABLE
 */
export async function restoreInstance(
  actor: Actor,
  instanceId: string,
  input: RestoreInstanceInput,
): Promise<InstanceView> {
  requireRole(actor, "administrator");

  const row = await inTransaction((tx) => requireDeletedInstance(actor, instanceId, tx));
  const name = input.name ?? row.name;
  if (row.dedicated) {
    await prepareDedicatedIdentity(instanceId);
  }

  const restore = (done: Done) =>
    inTransaction(async (tx) => {
      const current = await requireDeletedInstance(actor, instanceId, tx);
      const without = await restoreIn(tx, actor, current, input);
      if (without.length > 0) {
        await tx.instance.update({
          where: { id: instanceId },
          data: { clientCertificateCount: { decrement: without.length } },
        });
      }
      if (current.dedicated) {
        await assignDedicatedPorts(tx, instanceId);
      }
      await publishIn(tx, { type: "instance.changed", instanceId });
      await done(tx, {
        requestData: {
          deletedAt: current.deletedAt?.toISOString() ?? null,
          keks: current.kekCount,
          ...(name === current.name ? {} : { name: { from: current.name, to: name } }),
          clientCertificates: current.clientCertificateCount - without.length,
          withoutCertificates: without.map(({ sha256 }) => sha256),
        },
      });
    });

  await audited(
    actor,
    { action: "vmware-solutions.service.restore", target: { id: instanceId, name }, instanceId },
    (done) =>
      restore(done).catch(async (error: unknown) => {
        throw await explainRefusal(actor, error, instanceId, name);
      }),
  );
  invalidateInstanceKeyManager(instanceId);

  return withEndpoints(await requireInstance(actor, instanceId));
}

/** The error for what somebody else has meanwhile; another error comes back as it is. */
async function explainRefusal(
  actor: Actor,
  error: unknown,
  instanceId: string,
  name: string,
): Promise<unknown> {
  const constraint = uniqueViolation(error);
  if (constraint === null) {
    return error;
  }
  if (constraint.includes("key_manager_claim")) {
    return new AppError(
      "KEY_MANAGER_IN_USE",
      "Its key manager instance has another KMIP instance meanwhile, and can have one only. Delete that one first.",
    );
  }
  if (constraint.includes("account_id")) {
    return instanceNameTaken(name);
  }
  const taken = await certificatesInUse(database().prisma, actor, instanceId);

  return taken.length > 0 ? refuseCertificates(taken) : error;
}

const PURGED_AT_ONCE = 5_000;

/** In pieces: nobody waits for the rows of a large instance. Its standard keys are not touched. */
async function forgetKeks(instanceId: string): Promise<void> {
  for (let more = true; more; ) {
    const { rowCount } = await database().pool.query(
      `DELETE FROM managed_object WHERE instance_id = $1 AND unique_identifier IN (
         SELECT unique_identifier FROM managed_object WHERE instance_id = $1 LIMIT ${PURGED_AT_ONCE})`,
      [instanceId],
    );
    more = rowCount === PURGED_AT_ONCE;
  }
}

/**
 * Forgets the rows of instances that were deleted 30 days ago; for a worker. Key managers are left alone.
 * @param options.onError told of an instance for which that failed; it is tried again next time
 * @returns ids of the instances that are gone now
 */
export async function purgeDeletedInstances(options: {
  requestId: string;
  onError: (instanceId: string, error: unknown) => void;
}): Promise<string[]> {
  const { pool, prisma } = database();
  // The same clock as an undo goes by: from here on there is none.
  const { rows } = await pool.query<{ id: string }>(
    "SELECT id FROM instance WHERE purge_at <= now() ORDER BY purge_at LIMIT 20",
  );
  const gone: string[] = [];
  for (const { id } of rows) {
    try {
      const row = await prisma.instance.findUnique({ where: { id }, omit: WITHOUT_API_KEY });
      if (row === null) {
        continue;
      }
      await forgetKeks(id);
      await forgetInstance({ ...systemActor("worker", row.accountId), requestId: options.requestId }, row, {
        action: "vmware-solutions.service.purge",
        requestData: {
          deletedAt: row.deletedAt?.toISOString() ?? null,
          deletedBy: row.deletedBy,
          keks: row.kekCount,
          standardKeys: "kept in the key manager",
        },
      });
      gone.push(id);
    } catch (error) {
      options.onError(id, error);
    }
  }

  return gone;
}
