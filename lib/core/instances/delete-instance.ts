import { database, publishIn } from "@/lib/db";
import { type Actor, requireRole } from "../actor";
import { audited, type Done } from "../audit";
import { AppError } from "../errors";
import { type InstanceRow, LIVING, requireInstance } from "../instance";
import { systemActor } from "../system-actor";
import { inTransaction } from "../transaction";
import { DESTROYING_KEKS, keepDeleted } from "./deleted-instances";
import { destroyAllKeks } from "./destroy-all-keks";
import { forgetInstance } from "./forget-instance";
import { reasonsAgainstDeletion } from "./instance-impact";

export type DeleteInstanceInput = {
  /** The instance's name, typed again. */
  readonly confirmName: string;
  /** Delete it although it is in use. */
  readonly force: boolean;
  /**
   * Delete the standard keys of its KEKs in the key manager too: then nothing is kept. Otherwise they stay there, and the
   * deletion can be undone for 30 days.
   */
  readonly destroyKeks: boolean;
};

/** So long a request waits for KEKs to be destroyed; the rest follows in the background. */
const REQUEST_BUDGET_MS = 20_000;

/** From here on no endpoint serves the instance, and its KEKs go; certificates lose their tenant when the row goes. */
async function markRemoving(
  actor: Actor,
  row: InstanceRow,
  input: Pick<DeleteInstanceInput, "force">,
): Promise<void> {
  const mark = (done: Done) =>
    inTransaction(async (tx) => {
      const { count } = await tx.instance.updateMany({
        where: { id: row.id, accountId: actor.accountId, ...LIVING },
        data: { status: "removing", statusReason: DESTROYING_KEKS },
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
        destroyKeks: true,
        keks: row.kekCount,
        activeKeks: row.activeKekCount,
        clientCertificates: row.clientCertificateCount,
      },
    },
    mark,
  );
}

/**
 * Deletes an instance, so that it can be had back for 30 days (see keepDeleted). With `destroyKeks` it is for good, and
 * the standard keys go first: the instance is `removing`, serves nobody, and if the key manager fails it stays so;
 * calling again, or `continueRemovals`, goes on.
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
    const reasons = await reasonsAgainstDeletion(row);
    if (reasons.length > 0) {
      throw new AppError("INSTANCE_IN_USE", "The instance is in use.", {
        extra: { reasons },
        text: { of: "instanceInUse", reasons },
      });
    }
  }

  // Once begun with destroyKeks, a removal keeps to it: half of the KEKs may be gone already.
  if (input.destroyKeks || row.statusReason === DESTROYING_KEKS) {
    await markRemoving(actor, row, input);

    return destroyAndForget(actor, row);
  }
  await keepDeleted(actor, row, input);

  return true;
}

async function destroyAndForget(actor: Actor, row: InstanceRow): Promise<boolean> {
  const done = await destroyAllKeks(actor, row.id, new Date(Date.now() + REQUEST_BUDGET_MS));
  if (done) {
    await forgetInstance(actor, row, {
      action: "vmware-solutions.service.delete",
      requestData: { keks: row.kekCount, activeKeks: row.activeKekCount, standardKeys: "deleted" },
    });
  }

  return done;
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
    where: { ...LIVING, status: "removing", updatedAt: { lt: new Date(Date.now() - 2 * REQUEST_BUDGET_MS) } },
    orderBy: { id: "asc" },
    take: 20,
    omit: { apiKeySealed: true },
  });
  const gone: string[] = [];
  for (const row of rows) {
    const actor = { ...systemActor("worker", row.accountId), requestId: options.requestId };
    try {
      if (row.statusReason !== DESTROYING_KEKS) {
        await keepDeleted(actor, row, { force: false });
        gone.push(row.id);
      } else if (await destroyAndForget(actor, row)) {
        gone.push(row.id);
      }
    } catch (error) {
      options.onError(row.id, error);
    }
  }

  return gone;
}
