import type pg from "pg";
import { termsOf } from "@/lib/kmip/attributes/terms";
import {
  type EngineClock,
  type KeyStoreTransaction,
  type ManagedObject,
  type Tenant,
  type TransactionChange,
  TransactionError,
} from "@/lib/kmip/ports";
import { applyUpdate, markDestroyed } from "./change-object";
import {
  type CreateDependencies,
  discardPrepared,
  givenUp,
  type PreparedObject,
  prepareObject,
} from "./create-object";
import { CommitUnknown, inPoolTransaction } from "./database-transaction";
import { toKeyStoreError } from "./failures";
import type { InstanceRecord } from "./instance-records";
import { callContext } from "./material-reader";
import { type KekRecord, lockRecords, markStored, type Queryable } from "./objects";

export type KekTransactionDependencies = Omit<CreateDependencies, "db"> & {
  readonly db: pg.Pool;
  readonly clock: EngineClock;
  /** The tenant's instance. @throws KeyStoreError refused */
  readonly instance: () => Promise<InstanceRecord>;
  /** Makes this process forget what it knows of a KEK: its row, or its material too. */
  readonly forget: (uniqueIdentifier: string, what: "row" | "material") => void;
};

/** A row that the transaction has written. */
type Written = {
  /** Null for a KEK that is new. */
  readonly before: KekRecord | null;
  readonly after: KekRecord;
  readonly destroys: boolean;
};

/**
 * Changes of several KEKs at once. New ones are prepared as their operations come: until the commit their rows are
 * `storing`, and if the process dies the reconciler removes them like any Create that was not answered. The commit is
 * one transaction of the database; the standard keys of what it destroys are deleted after it. If the key manager
 * does not delete one, the commit is taken back, but for those that are deleted already.
 */
export function beginKekTransaction(
  dependencies: KekTransactionDependencies,
  tenant: Tenant,
): KeyStoreTransaction {
  const { db, clock, logger, forget } = dependencies;
  const { instanceId } = tenant;
  const prepared = new Map<string, PreparedObject>();

  async function rollback(): Promise<void> {
    const left = [...prepared.values()];

    prepared.clear();

    for (const item of left) {
      await discardPrepared(dependencies, await dependencies.instance(), item).catch((error: unknown) => {
        logger.warn({ err: error, instanceId }, "KEK that was not created not removed; the reconciler will");
      });
    }
  }

  async function write(client: Queryable, changes: readonly TransactionChange[]): Promise<Written[]> {
    const written = new Map<string, Written>();
    // All rows first, in one order: the row of the instance, which every change counts in, comes after them.
    const records = await lockRecords(client, instanceId, [
      ...prepared.keys(),
      ...changes.map(({ uniqueIdentifier }) => uniqueIdentifier),
    ]);

    for (const [uniqueIdentifier, { object, keyManagerKeyId }] of prepared) {
      const after = await markStored(client, { ...object, keyManagerKeyId });

      if (!after) {
        throw new TransactionError("unavailable", givenUp().message, { uniqueIdentifier });
      }

      written.set(uniqueIdentifier, { before: null, after, destroys: false });
    }

    for (const { uniqueIdentifier, change, destroys } of changes) {
      const made = written.get(uniqueIdentifier);
      const current = made?.after ?? records.get(uniqueIdentifier);
      const after =
        current &&
        (await applyUpdate(client, {
          instanceId,
          uniqueIdentifier,
          ...change,
          from: [destroys ? "stored" : current.storage],
          to: destroys ? "destroying" : current.storage,
          changedAt: clock.now(),
        }));

      if (after) {
        written.set(uniqueIdentifier, { before: made ? null : current, after, destroys });
      } else if (!change.incidental) {
        throw new TransactionError("conflict", "The object was changed by others at the same time.", {
          uniqueIdentifier,
        });
      }
    }

    return [...written.values()];
  }

  /** Deletes the standard keys of what was destroyed. @returns what kept one from being deleted, or null */
  async function deleteMaterial(written: readonly Written[], deleted: Set<string>) {
    for (const { after } of written.filter(({ destroys }) => destroys)) {
      const { uniqueIdentifier, keyManagerKeyId } = after;

      try {
        const { keyManager } = dependencies.openKeyManager(await dependencies.instance());

        if (keyManagerKeyId !== null) {
          await keyManager.deleteStandardKey(keyManagerKeyId, callContext(dependencies.timeoutMs));
        }
      } catch (error) {
        return { uniqueIdentifier, cause: toKeyStoreError(error, "deletion of the standard key") };
      }

      deleted.add(uniqueIdentifier);
      await markDestroyed(db, instanceId, uniqueIdentifier).catch((error: unknown) => {
        logger.warn(
          { err: error, instanceId, uniqueIdentifier },
          "destruction not noted; the reconciler will",
        );
      });
    }

    return null;
  }

  /**
   * Takes a commit back, but for what is deleted and for what others have changed since.
   * @returns the identifiers of what stays as the commit has made it
   */
  async function takeBack(written: readonly Written[], deleted: ReadonlySet<string>): Promise<string[]> {
    const lasting: string[] = [...deleted];
    const rows = written.filter(({ after }) => !deleted.has(after.uniqueIdentifier));
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

    for (const uniqueIdentifier of lasting) {
      prepared.delete(uniqueIdentifier);
    }

    return lasting;
  }

  async function commit(changes: readonly TransactionChange[]): Promise<void> {
    const identifiers = [
      ...new Set([...prepared.keys(), ...changes.map(({ uniqueIdentifier }) => uniqueIdentifier)]),
    ];

    if (identifiers.length === 0) {
      return;
    }

    try {
      const written = await inPoolTransaction(db, (client) => write(client, changes));
      const deleted = new Set<string>();
      const refusal = await deleteMaterial(written, deleted);

      if (refusal) {
        const { cause, uniqueIdentifier } = refusal;
        const lasting = await takeBack(written, deleted);

        logger.warn({ err: cause, instanceId, uniqueIdentifier, lasting }, "batch of changes taken back");
        throw new TransactionError(cause.failure, cause.message, { cause, uniqueIdentifier, lasting });
      }

      prepared.clear();
    } catch (error) {
      if (error instanceof CommitUnknown) {
        // Not to be touched: if they exist, somebody may use them; if they do not, the reconciler removes them.
        prepared.clear();
        throw new TransactionError("unavailable", error.message, { cause: error, unknown: true });
      }

      await rollback();
      throw error;
    } finally {
      for (const uniqueIdentifier of identifiers) {
        forget(uniqueIdentifier, "row");
      }

      for (const { uniqueIdentifier } of changes.filter(({ destroys }) => destroys)) {
        forget(uniqueIdentifier, "material");
      }
    }
  }

  return {
    async create(object, material): Promise<ManagedObject> {
      const { uniqueIdentifier, objectType, state, attributes } = object;
      const createdAt = clock.now();

      prepared.set(
        uniqueIdentifier,
        await prepareObject(dependencies, await dependencies.instance(), tenant, object, material, createdAt),
      );

      return { uniqueIdentifier, objectType, state, attributes, served: true, revision: 1, createdAt };
    },
    commit,
    rollback,
  };
}
