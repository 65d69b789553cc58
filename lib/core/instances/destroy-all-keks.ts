import { database } from "@/lib/db";
import type { Actor } from "../actor";
import { audited } from "../audit";
import { openInstanceKeyManager } from "../key-managers/open-key-manager";
import { toAppError } from "../key-managers/to-app-error";
import { deleteMaterial, keysOfMove } from "../serving/delete-material";
import { cancelMovesOfInstance, endMove } from "../serving/moves";
import { standardKeyMarks } from "../serving/objects";
import { awaitsAuthorisation } from "../serving/pending-deletion";
import { inTransaction } from "../transaction";

const BATCH = 100;
/** Key Protect limits requests per service ID; so many at once leave room for serving other instances. */
const PARALLEL = 5;
/** For one call of the key manager, in milliseconds. */
const TIMEOUT_MS = 10_000;

type Kek = { uniqueIdentifier: string; name: string | null; keyManagerKeyId: string | null };

/** Runs work for every item, a few at a time; the first error ends it after those under way. */
async function forEachParallel<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const workers = Array.from({ length: PARALLEL }, async () => {
    for (const item of queue) {
      await work(item);
    }
  });
  const failed = (await Promise.allSettled(workers)).find((result) => result.status === "rejected");
  if (failed) {
    throw failed.reason;
  }
}

/**
 * Deletes the standard keys of an instance's KEKs in the key manager, each recorded in the audit, until none is left
 * or `deadline` has passed. What is done stays done: calling again goes on with the rest. KEKs whose deletion a second
 * person must authorise do not keep the others waiting; when they alone are left, the error says so.
 * @returns true when none is left
 * @throws AppError KEY_MANAGER_*, AUDIT_UNAVAILABLE
 */
export async function destroyAllKeks(actor: Actor, instanceId: string, deadline: Date): Promise<boolean> {
  const { prisma, pool } = database();
  const instance = await prisma.instance.findUniqueOrThrow({ where: { id: instanceId } });
  const context = { correlationId: actor.requestId };
  // An instance without a key manager never had a KEK.
  if (instance.keyManagerKind === null) {
    return true;
  }

  const { keyManager } = openInstanceKeyManager(instance);
  /** Why KEKs are left that a second person must set for deletion first. */
  let refusal: unknown = null;

  async function deleteKeys(kek: Kek): Promise<void> {
    // Without an id the create was cut short: the standard key, if there is one, is known by its marks.
    const ids =
      kek.keyManagerKeyId === null
        ? (
            await keyManager.findStandardKeys(standardKeyMarks(instanceId, kek.uniqueIdentifier), context)
          ).map(({ id }) => id)
        : [];
    for (const id of ids) {
      await keyManager.deleteStandardKey(id, context);
    }
    await deleteMaterial({ db: pool, keyManager, timeoutMs: TIMEOUT_MS }, { ...kek, instanceId }, new Date());
  }

  async function destroy(kek: Kek): Promise<void> {
    const action = {
      action: "vmware-solutions.kmip-key.destroy",
      target: { id: kek.uniqueIdentifier, name: kek.name },
      instanceId,
      requestData: { keyManagerKeyId: kek.keyManagerKeyId, because: "the instance is deleted" },
    } as const;

    try {
      await audited(actor, { ...action, effects: "outside", failures: "retried" }, async (done) => {
        await deleteKeys(kek);
        await inTransaction(async (tx) => {
          await tx.managedObject.update({
            where: { instanceId_uniqueIdentifier: { instanceId, uniqueIdentifier: kek.uniqueIdentifier } },
            data: { storage: "destroyed", served: false, destroyedAt: new Date() },
          });
          await done(tx);
        });
      });
    } catch (error) {
      if (!awaitsAuthorisation(error)) {
        throw toAppError(error);
      }

      refusal = error;
    }
  }

  /** What moves have left of KEKs that were destroyed before. */
  async function removeCopies(): Promise<void> {
    try {
      for (const move of await cancelMovesOfInstance(pool, instanceId, new Date())) {
        for (const id of await keysOfMove(keyManager, move, null, TIMEOUT_MS)) {
          await keyManager.deleteStandardKey(id, context);
        }
        await endMove(pool, move, move.phase);
      }
    } catch (error) {
      throw toAppError(error);
    }
  }

  // No KEK moves to another standard key from here on: what is read of it below stays true.
  await cancelMovesOfInstance(pool, instanceId, new Date());

  for (let after = ""; new Date() < deadline; ) {
    const keks = await prisma.managedObject.findMany({
      where: { instanceId, storage: { not: "destroyed" }, uniqueIdentifier: { gt: after } },
      select: { uniqueIdentifier: true, name: true, keyManagerKeyId: true },
      orderBy: { uniqueIdentifier: "asc" },
      take: BATCH,
    });
    const last = keks.at(-1);
    if (last === undefined) {
      if (refusal !== null) {
        throw toAppError(refusal);
      }
      await removeCopies();

      return true;
    }

    await forEachParallel(keks, destroy);
    after = last.uniqueIdentifier;
  }

  return false;
}
