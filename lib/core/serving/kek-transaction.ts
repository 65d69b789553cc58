import { randomUUID } from "node:crypto";
import type pg from "pg";
import { CommitUnknown, inPoolTransaction } from "@/lib/db/transaction";
import { termsOf } from "@/lib/kmip/attributes/terms";
import {
  type EngineClock,
  type KeyStoreTransaction,
  type ManagedObject,
  type NewManagedObject,
  type Tenant,
  type TransactionChange,
  TransactionError,
} from "@/lib/kmip/ports";
import { applyUpdate, markDestroyed } from "./change-object";
import {
  type CreateDependencies,
  completionOf,
  discardPrepared,
  givenUp,
  type PreparedObject,
  prepareObject,
  storedRecord,
} from "./create-object";
import { deleteMaterial } from "./delete-material";
import { toKeyStoreError } from "./failures";
import type { InstanceRecord } from "./instance-records";
import { callContext } from "./material-reader";
import {
  deleteStoring,
  exchangeMaterial,
  type KekRecord,
  leaveToRow,
  lockRecords,
  markStored,
  type Queryable,
} from "./objects";
import { awaitsAuthorisation, noteUnsettled } from "./pending-deletion";

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
  /** The row to which the material was left that a KEK had before, and its standard key. */
  readonly left: { readonly rowId: string; readonly keyManagerKeyId: string | null } | null;
};

const changedByOthers = (uniqueIdentifier: string) =>
  new TransactionError("conflict", "The object was changed by others at the same time.", {
    uniqueIdentifier,
  });

/**
 * Changes of several KEKs at once. New ones are prepared as their operations come: until the commit their rows are
 * `storing`, and if the process dies the reconciler removes them like any Create that was not answered. The commit is
 * one transaction of the database; the standard keys of what it destroys are deleted after it. If the key manager
 * does not delete one, the commit is taken back, but for those that are deleted already and for replaced material.
 *
 * Material that is to replace a KEK's is prepared under a row of its own, which after the commit holds the standard key
 * of what was replaced until that is deleted: at any moment one of the two is nobody's, and the row tells which.
 */
export function beginKekTransaction(
  dependencies: KekTransactionDependencies,
  tenant: Tenant,
): KeyStoreTransaction {
  const { db, clock, logger, forget } = dependencies;
  const { instanceId } = tenant;
  /** By the KEK's identifier. */
  const prepared = new Map<string, PreparedObject>();
  /** Revisions of the KEKs whose material is to be replaced. */
  const replacing = new Map<string, number>();

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
      ...[...prepared.values()].map(({ rowId }) => rowId),
      ...prepared.keys(),
      ...changes.map(({ uniqueIdentifier }) => uniqueIdentifier),
    ]);

    for (const [uniqueIdentifier, item] of prepared) {
      const replacement = replacing.get(uniqueIdentifier);

      written.set(
        uniqueIdentifier,
        replacement
          ? await writeReplacement(client, item, records.get(uniqueIdentifier), replacement)
          : { before: null, after: await writeNew(client, item), destroys: false, left: null },
      );
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
        const { before = current, left = null } = made ?? {};

        written.set(uniqueIdentifier, { before, after, destroys, left });
      } else if (!change.incidental) {
        throw changedByOthers(uniqueIdentifier);
      }
    }

    return [...written.values()];
  }

  async function writeNew(client: Queryable, item: PreparedObject): Promise<KekRecord> {
    const { uniqueIdentifier } = item.object;
    const stored = await markStored(client, instanceId, [completionOf(item)]);

    if (!stored.has(uniqueIdentifier)) {
      throw new TransactionError("unavailable", givenUp().message, { uniqueIdentifier });
    }

    return storedRecord(item);
  }

  async function writeReplacement(
    client: Queryable,
    { object, rowId, createdAt, keyManagerKeyId, crkId, crkVersion }: PreparedObject,
    before: KekRecord | undefined,
    revision: number,
  ): Promise<Written> {
    const { uniqueIdentifier, state, attributes, terms } = object;
    const kek = { instanceId, uniqueIdentifier, revision };
    const left = {
      rowId,
      keyManagerKeyId: before?.storage === "destroyed" ? null : (before?.keyManagerKeyId ?? null),
    };
    const { certificateId } = tenant;

    if (!(await leaveToRow(client, instanceId, rowId, left.keyManagerKeyId))) {
      throw new TransactionError("unavailable", givenUp().message, { uniqueIdentifier });
    }

    const other = { ...object, createdAt, keyManagerKeyId, crkId, crkVersion, certificateId };
    const after =
      before &&
      (await exchangeMaterial(client, kek, other)) &&
      (await applyUpdate(client, {
        ...kek,
        state,
        attributes,
        terms,
        from: [before.storage],
        to: "stored",
        changedAt: clock.now(),
      }));

    if (!after) {
      throw changedByOthers(uniqueIdentifier);
    }

    return { before, after, destroys: false, left };
  }

  /** Deletes the standard keys that were replaced, and the rows that tell of them; the reconciler does what fails. */
  async function removeReplaced(written: readonly Written[]): Promise<void> {
    for (const { after, left } of written) {
      if (!left) {
        continue;
      }

      try {
        if (left.keyManagerKeyId !== null) {
          const { keyManager } = dependencies.openKeyManager(await dependencies.instance());

          await keyManager.deleteStandardKey(
            left.keyManagerKeyId,
            callContext(dependencies.timeoutMs, dependencies.correlationId),
          );
        }

        await deleteStoring(db, instanceId, left.rowId);
      } catch (error) {
        logger.warn(
          { err: error, instanceId, uniqueIdentifier: after.uniqueIdentifier },
          "standard key of replaced material not deleted; the reconciler will",
        );
      }
    }
  }

  /** Deletes the standard keys of what was destroyed. @returns what kept one from being deleted, or null */
  async function deleteDestroyed(written: readonly Written[], deleted: Set<string>) {
    for (const { after } of written.filter(({ destroys }) => destroys)) {
      const { uniqueIdentifier } = after;

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
      const refusal = await deleteDestroyed(written, deleted);
      const lasting = refusal ? await takeBack(written, deleted) : [];

      await removeReplaced(written);

      if (refusal) {
        const { cause, uniqueIdentifier } = refusal;

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

      for (const uniqueIdentifier of [
        ...replacing.keys(),
        ...changes.filter(({ destroys }) => destroys).map((change) => change.uniqueIdentifier),
      ]) {
        forget(uniqueIdentifier, "material");
      }
    }
  }

  async function prepare(
    object: NewManagedObject,
    material: Uint8Array,
    rowId?: string,
  ): Promise<PreparedObject> {
    const instance = await dependencies.instance();
    const item = await prepareObject(dependencies, {
      instance,
      tenant,
      object,
      material,
      createdAt: clock.now(),
      rowId,
    });

    prepared.set(object.uniqueIdentifier, item);

    return item;
  }

  return {
    async create(object, material): Promise<ManagedObject> {
      const { createdAt } = await prepare(object, material);
      const { uniqueIdentifier, objectType, state, attributes } = object;

      return { uniqueIdentifier, objectType, state, attributes, served: true, revision: 1, createdAt };
    },
    async replace(existing, object, material): Promise<ManagedObject> {
      const { uniqueIdentifier, served, revision } = existing;

      // What this transaction has made itself is not in its place yet.
      if (prepared.has(uniqueIdentifier)) {
        throw changedByOthers(uniqueIdentifier);
      }

      const { createdAt } = await prepare({ ...object, uniqueIdentifier }, material, randomUUID());
      const { objectType, state, attributes } = object;

      replacing.set(uniqueIdentifier, revision);

      return { uniqueIdentifier, objectType, state, attributes, served, revision: revision + 1, createdAt };
    },
    commit,
    rollback,
  };
}
