import { database, publishIn } from "@/lib/db";
import { type Actor, requireRole } from "../actor";
import { audited, type Done } from "../audit";
import { dedicatedIdentityId, KEY_TYPES } from "../endpoints/tls-identities";
import { AppError } from "../errors";
import { type InstanceRow, requireInstance } from "../instance";
import { invalidateInstanceKeyManager } from "../key-managers/open-key-manager";
import { systemActor } from "../system-actor";
import { inTransaction } from "../transaction";
import { destroyAllKeks } from "./destroy-all-keks";

export type DeleteInstanceInput = {
  /** The instance's name, typed again. */
  readonly confirmName: string;
  /** Delete it although it is in use. */
  readonly force: boolean;
  /** Delete the standard keys of its KEKs in the key manager too; otherwise they stay there. */
  readonly destroyKeks: boolean;
};

/** Why an instance counts as in use. */
type InUseReason =
  | { readonly code: "ACTIVE_KEKS"; readonly detail: string; readonly count: number }
  | {
      readonly code: "CLIENTS_CONNECTED";
      readonly detail: string;
      readonly count: number;
      readonly clients: readonly { id: string; name: string; lastSeenAt: string }[];
    };

const DAY_MS = 86_400_000;
/** So long a request waits for KEKs to be destroyed; the rest follows in the background. */
const REQUEST_BUDGET_MS = 20_000;
const SHOWN_CLIENTS = 10;
/** Kept as the status reason while KEKs are being destroyed, so that an interrupted removal knows what to do. */
const DESTROYING_KEKS = "DESTROYING_KEKS";

async function reasonsAgainst(row: InstanceRow): Promise<InUseReason[]> {
  const reasons: InUseReason[] = [];
  const count = row.activeKekCount;
  if (count > 0) {
    reasons.push({
      code: "ACTIVE_KEKS",
      detail: count === 1 ? "One KEK is active." : `${count} KEKs are active.`,
      count,
    });
  }

  const where = { instanceId: row.id, lastSeenAt: { gt: new Date(Date.now() - DAY_MS) } };
  const { prisma } = database();
  const connected = await prisma.clientCertificate.count({ where });
  if (connected > 0) {
    const clients = await prisma.clientCertificate.findMany({
      where,
      orderBy: { lastSeenAt: "desc" },
      take: SHOWN_CLIENTS,
      select: { id: true, name: true, lastSeenAt: true },
    });
    reasons.push({
      code: "CLIENTS_CONNECTED",
      detail:
        connected === 1
          ? "One client connected in the last 24 hours."
          : `${connected} clients connected in the last 24 hours.`,
      count: connected,
      clients: clients.map(({ id, name, lastSeenAt }) => ({
        id,
        name,
        lastSeenAt: lastSeenAt?.toISOString() ?? "",
      })),
    });
  }

  return reasons;
}

/** From here on no endpoint serves the instance; certificates lose their tenant when the row goes. */
async function markRemoving(actor: Actor, row: InstanceRow, input: DeleteInstanceInput): Promise<void> {
  const mark = (done: Done) =>
    inTransaction(async (tx) => {
      const { count } = await tx.instance.updateMany({
        where: { id: row.id, accountId: actor.accountId },
        data: { status: "removing", statusReason: input.destroyKeks ? DESTROYING_KEKS : null },
      });
      if (count === 0) {
        throw new AppError("NOT_FOUND", "There is no such instance.");
      }

      await publishIn(tx, { type: "instance.changed", instanceId: row.id });
      await done(tx);
    });

  // Its outcome is that the removal has begun: what announces all that follows.
  await audited(
    actor,
    {
      action: "vmware-solutions.service.delete",
      outcome: "pending",
      target: { id: row.id, name: row.name },
      instanceId: row.id,
      requestData: {
        force: input.force,
        destroyKeks: input.destroyKeks,
        keks: row.kekCount,
        activeKeks: row.activeKekCount,
        clientCertificates: row.clientCertificateCount,
      },
    },
    mark,
  );
}

/** Forgets the instance with everything that hangs on it, and tells every endpoint. */
async function forgetInstance(actor: Actor, row: InstanceRow, keksDestroyed: boolean): Promise<void> {
  const facts = {
    keks: row.kekCount,
    activeKeks: row.activeKekCount,
    // Without the instance nothing serves them, but their wrapped bytes are still in the key manager.
    standardKeys: keksDestroyed ? "deleted" : "kept in the key manager",
  };
  const forget = (done: Done) =>
    inTransaction(async (tx) => {
      const certificates = await tx.clientCertificate.findMany({
        where: { instanceId: row.id },
        select: { sha256: true },
      });
      const { count } = await tx.instance.deleteMany({ where: { id: row.id, accountId: actor.accountId } });
      // Another request ended the same removal.
      if (count === 0) {
        return;
      }
      await tx.tlsIdentity.deleteMany({
        where: { id: { in: KEY_TYPES.map((keyType) => dedicatedIdentityId(row.id, keyType)) } },
      });

      for (const { sha256 } of certificates) {
        await publishIn(tx, { type: "certificate.removed", instanceId: row.id, sha256 });
      }

      await publishIn(tx, { type: "instance.removed", instanceId: row.id });
      await done(tx, { requestData: { ...facts, clientCertificates: certificates.length } });
    });

  await audited(
    actor,
    {
      action: "vmware-solutions.service.delete",
      target: { id: row.id, name: row.name },
      instanceId: row.id,
      requestData: facts,
      // The worker tries every minute.
      failures: actor.kind === "system" ? "retried" : "recorded",
    },
    forget,
  );
  invalidateInstanceKeyManager(row.id);
}

/**
 * Deletes an instance. With `destroyKeks` the standard keys go first: the instance is `removing`, serves nobody, and
 * if the key manager fails it stays so; calling again, or `continueRemovals`, goes on.
 * @returns true when it is gone, false when KEKs are still being destroyed after 20 seconds
 * @throws AppError FORBIDDEN, NOT_FOUND, CONFIRMATION_MISMATCH, INSTANCE_IN_USE (`extra.reasons`), KEY_MANAGER_*,
 *   AUDIT_UNAVAILABLE
 */
export async function deleteInstance(
  actor: Actor,
  instanceId: string,
  input: DeleteInstanceInput,
): Promise<boolean> {
  requireRole(actor, "administrator");

  const row = await requireInstance(actor, instanceId);
  if (input.confirmName !== row.name) {
    throw new AppError("CONFIRMATION_MISMATCH", "The name does not match the instance's.", {
      invalidParams: [{ name: "confirmName", code: "CONFIRMATION_MISMATCH", reason: "is another name" }],
    });
  }
  if (!input.force && row.status !== "removing") {
    const reasons = await reasonsAgainst(row);
    if (reasons.length > 0) {
      throw new AppError("INSTANCE_IN_USE", reasons.map(({ detail }) => detail).join(" "), {
        extra: { reasons },
      });
    }
  }

  // Once begun with destroyKeks, a removal keeps to it: half of the KEKs may be gone already.
  const destroyKeks = input.destroyKeks || row.statusReason === DESTROYING_KEKS;
  await markRemoving(actor, row, { ...input, destroyKeks });

  return finishRemoval(actor, row, destroyKeks);
}

async function finishRemoval(actor: Actor, row: InstanceRow, destroyKeks: boolean): Promise<boolean> {
  if (destroyKeks) {
    const done = await destroyAllKeks(actor, row.id, new Date(Date.now() + REQUEST_BUDGET_MS));
    if (!done) {
      return false;
    }
  }
  await forgetInstance(actor, row, destroyKeks);

  return true;
}

/**
 * Goes on with removals that were interrupted or take long; for a worker, every minute or so.
 * @param options.onError told of an instance whose removal failed this time; it is tried again next time
 * @returns ids of the instances that are gone now
 */
export async function continueRemovals(options: {
  requestId: string;
  onError: (instanceId: string, error: unknown) => void;
}): Promise<string[]> {
  const rows = await database().prisma.instance.findMany({
    // A removal that somebody's request is busy with was touched within its budget.
    where: { status: "removing", updatedAt: { lt: new Date(Date.now() - 2 * REQUEST_BUDGET_MS) } },
    orderBy: { id: "asc" },
    take: 20,
    omit: { apiKeySealed: true },
  });
  const gone: string[] = [];
  for (const row of rows) {
    const actor = { ...systemActor("worker", row.accountId), requestId: options.requestId };
    try {
      if (await finishRemoval(actor, row, row.statusReason === DESTROYING_KEKS)) {
        gone.push(row.id);
      }
    } catch (error) {
      options.onError(row.id, error);
    }
  }

  return gone;
}
