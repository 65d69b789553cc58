import type pg from "pg";
import { inPoolTransaction } from "@/lib/db/transaction";
import { termsOf } from "@/lib/kmip/attributes/terms";
import type { EngineClock, KeyStoreError } from "@/lib/kmip/ports";
import { applyUpdate, markDestroyed } from "./change-object";
import type { CreateDependencies } from "./create-object";
import { deleteMaterial } from "./delete-material";
import { toKeyStoreError } from "./failures";
import type { InstanceRecord } from "./instance-records";
import { callContext } from "./material-reader";
import { deleteStoring, lockRecords } from "./objects";
import { awaitsAuthorisation, noteUnsettled } from "./pending-deletion";
import type { Written } from "./transaction-writes";

export type KekTransactionDependencies = Omit<CreateDependencies, "db"> & {
  readonly db: pg.Pool;
  readonly clock: EngineClock;
  /** The tenant's instance. @throws KeyStoreError refused */
  readonly instance: () => Promise<InstanceRecord>;
  /** Makes this process forget what it knows of a KEK: its row, or its material too. */
  readonly forget: (uniqueIdentifier: string, what: "row" | "material") => void;
};

/** What kept a standard key from being deleted. */
export type Refusal = { readonly uniqueIdentifier: string; readonly cause: KeyStoreError };

/** Deletes the standard keys that were replaced, and the rows that tell of them; the reconciler does what fails. */
export async function removeReplaced(
  dependencies: KekTransactionDependencies,
  written: readonly Written[],
): Promise<void> {
  const { db, logger, timeoutMs, correlationId } = dependencies;

  for (const { after, left } of written) {
    if (!left) {
      continue;
    }

    const { instanceId, uniqueIdentifier } = after;

    try {
      if (left.keyManagerKeyId !== null) {
        const { keyManager } = dependencies.openKeyManager(await dependencies.instance());

        await keyManager.deleteStandardKey(left.keyManagerKeyId, callContext(timeoutMs, correlationId));
      }

      await deleteStoring(db, instanceId, left.rowId);
    } catch (error) {
      logger.warn(
        { err: error, instanceId, uniqueIdentifier },
        "standard key of replaced material not deleted; the reconciler will",
      );
    }
  }
}

/**
 * Deletes the standard keys of what was destroyed, one after the other.
 * @param deleted filled with the identifiers of those that are deleted
 * @returns what kept one from being deleted, or null
 */
export async function deleteDestroyed(
  dependencies: KekTransactionDependencies,
  written: readonly Written[],
  deleted: Set<string>,
): Promise<Refusal | null> {
  const { db, clock, logger } = dependencies;

  for (const { after } of written.filter(({ destroys }) => destroys)) {
    const { instanceId, uniqueIdentifier } = after;

    try {
      const { keyManager } = dependencies.openKeyManager(await dependencies.instance());

      await deleteMaterial({ ...dependencies, keyManager }, after, clock.now());
    } catch (error) {
      if (!awaitsAuthorisation(error)) {
        return { uniqueIdentifier, cause: toKeyStoreError(error, "deletion of the standard key") };
      }

      logger.warn({ err: error, instanceId, uniqueIdentifier }, "deletion waits for a second person");
      await noteUnsettled(db, { instanceId, uniqueIdentifier }, error, clock.now());
      continue;
    }

    deleted.add(uniqueIdentifier);
    await markDestroyed(db, instanceId, uniqueIdentifier).catch((error: unknown) => {
      logger.warn({ err: error, instanceId, uniqueIdentifier }, "destruction not noted; the reconciler will");
    });
  }

  return null;
}

/**
 * Takes a commit back, but for what is deleted and for what others have changed since.
 * @returns the identifiers of what stays as the commit has made it
 */
export async function takeBack(
  { db, clock, logger }: KekTransactionDependencies,
  instanceId: string,
  written: readonly Written[],
  deleted: ReadonlySet<string>,
): Promise<string[]> {
  const stays = ({ after, left }: Written) => left !== null || deleted.has(after.uniqueIdentifier);
  const lasting = written.filter(stays).map(({ after }) => after.uniqueIdentifier);
  const rows = written.filter((row) => !stays(row));
  const identifiers = rows.map(({ after }) => after.uniqueIdentifier);

  try {
    const changed = await inPoolTransaction(db, async (client) => {
      const since: string[] = [];

      await lockRecords(client, instanceId, identifiers);

      for (const { before, after } of rows) {
        const { state, attributes } = before ?? after;
        const undone = await applyUpdate(client, {
          instanceId,
          uniqueIdentifier: after.uniqueIdentifier,
          revision: after.revision,
          state,
          attributes,
          terms: before ? termsOf(attributes) : [],
          from: [after.storage],
          to: before?.storage ?? "abandoned",
          changedAt: clock.now(),
        });

        if (!undone) {
          since.push(after.uniqueIdentifier);
        }
      }

      return since;
    });

    lasting.push(...changed);
  } catch (error) {
    logger.error({ err: error, instanceId, identifiers }, "changes of a batch that failed not taken back");
    lasting.push(...identifiers);
  }

  return lasting;
}
