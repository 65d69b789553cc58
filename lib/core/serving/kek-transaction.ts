import { randomUUID } from "node:crypto";
import { CommitUnknown, inPoolTransaction } from "@/lib/db/transaction";
import {
  type KeyStoreTransaction,
  type ManagedObject,
  type NewManagedObject,
  type Tenant,
  type TransactionChange,
  TransactionError,
} from "@/lib/kmip/ports";
import { discardPrepared, type PreparedObject, prepareObject } from "./create-object";
import {
  deleteDestroyed,
  type KekTransactionDependencies,
  removeReplaced,
  takeBack,
} from "./transaction-end";
import { changedByOthers, type Written, writeAll } from "./transaction-writes";

class KekTransaction implements KeyStoreTransaction {
  readonly #dependencies: KekTransactionDependencies;
  readonly #tenant: Tenant;
  /** New material by the KEK's identifier. */
  readonly #prepared = new Map<string, PreparedObject>();
  /** Revisions of the KEKs whose material is to be replaced. */
  readonly #replacing = new Map<string, number>();

  constructor(dependencies: KekTransactionDependencies, tenant: Tenant) {
    this.#dependencies = dependencies;
    this.#tenant = tenant;
  }

  async create(object: NewManagedObject, material: Uint8Array): Promise<ManagedObject> {
    const { createdAt } = await this.#prepare(object, material);
    const { uniqueIdentifier, objectType, state, attributes } = object;

    return { uniqueIdentifier, objectType, state, attributes, served: true, revision: 1, createdAt };
  }

  async replace(
    existing: ManagedObject,
    object: NewManagedObject,
    material: Uint8Array,
  ): Promise<ManagedObject> {
    const { uniqueIdentifier, served, revision } = existing;

    // What this transaction has made itself is not in its place yet.
    if (this.#prepared.has(uniqueIdentifier)) {
      throw changedByOthers(uniqueIdentifier);
    }

    const { createdAt } = await this.#prepare({ ...object, uniqueIdentifier }, material, randomUUID());
    const { objectType, state, attributes } = object;

    this.#replacing.set(uniqueIdentifier, revision);

    return { uniqueIdentifier, objectType, state, attributes, served, revision: revision + 1, createdAt };
  }

  async #prepare(object: NewManagedObject, material: Uint8Array, rowId?: string): Promise<PreparedObject> {
    const dependencies = this.#dependencies;
    const instance = await dependencies.instance();
    const item = await prepareObject(dependencies, {
      instance,
      tenant: this.#tenant,
      object,
      material,
      createdAt: dependencies.clock.now(),
      rowId,
    });

    this.#prepared.set(object.uniqueIdentifier, item);

    return item;
  }

  async rollback(): Promise<void> {
    const { logger } = this.#dependencies;
    const left = [...this.#prepared.values()];

    this.#prepared.clear();

    for (const item of left) {
      await discardPrepared(this.#dependencies, await this.#dependencies.instance(), item).catch(
        (error: unknown) => {
          logger.warn(
            { err: error, instanceId: this.#tenant.instanceId },
            "KEK that was not created not removed; the reconciler will",
          );
        },
      );
    }
  }

  async commit(changes: readonly TransactionChange[]): Promise<void> {
    const identifiers = [
      ...new Set([...this.#prepared.keys(), ...changes.map(({ uniqueIdentifier }) => uniqueIdentifier)]),
    ];

    if (identifiers.length === 0) {
      return;
    }

    try {
      await this.#finish(await this.#write(changes));
      this.#prepared.clear();
    } catch (error) {
      if (error instanceof CommitUnknown) {
        // Not to be touched: if they exist, somebody may use them; if they do not, the reconciler removes them.
        this.#prepared.clear();
        throw new TransactionError("unavailable", error.message, { cause: error, unknown: true });
      }

      await this.rollback();
      throw error;
    } finally {
      this.#forget(identifiers, changes);
    }
  }

  #write(changes: readonly TransactionChange[]): Promise<Written[]> {
    const { db, clock } = this.#dependencies;

    return inPoolTransaction(db, (client) =>
      writeAll(client, {
        tenant: this.#tenant,
        clock,
        prepared: this.#prepared,
        replacing: this.#replacing,
        changes,
      }),
    );
  }

  /**
   * What follows the commit in the key manager.
   * @throws TransactionError when a standard key was not deleted, and the commit taken back
   */
  async #finish(written: readonly Written[]): Promise<void> {
    const { instanceId } = this.#tenant;
    const deleted = new Set<string>();
    const refusal = await deleteDestroyed(this.#dependencies, written, deleted);
    const lasting = refusal ? await takeBack(this.#dependencies, instanceId, written, deleted) : [];

    for (const uniqueIdentifier of lasting) {
      this.#prepared.delete(uniqueIdentifier);
    }

    await removeReplaced(this.#dependencies, written);

    if (refusal) {
      const { cause, uniqueIdentifier } = refusal;

      this.#dependencies.logger.warn(
        { err: cause, instanceId, uniqueIdentifier, lasting },
        "batch of changes taken back",
      );
      throw new TransactionError(cause.failure, cause.message, { cause, uniqueIdentifier, lasting });
    }
  }

  #forget(identifiers: readonly string[], changes: readonly TransactionChange[]): void {
    const { forget } = this.#dependencies;

    for (const uniqueIdentifier of identifiers) {
      forget(uniqueIdentifier, "row");
    }

    for (const uniqueIdentifier of [
      ...this.#replacing.keys(),
      ...changes.filter(({ destroys }) => destroys).map((change) => change.uniqueIdentifier),
    ]) {
      forget(uniqueIdentifier, "material");
    }
  }
}

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
  return new KekTransaction(dependencies, tenant);
}
