/**
 * The store as one batch sees it that may yet be undone (KMIP 6.13): its changes are seen by its own later items and
 * by nobody else, until all of them happen together.
 */

import { matchesQuery, newestFirst } from "../attributes/object-query";
import {
  type IndexTerm,
  type KeyStore,
  KeyStoreError,
  type KeyStoreTransaction,
  type ManagedObject,
  type ManagedObjectChange,
  type NewManagedObject,
  type ObjectQuery,
  type ObjectStore,
  type Tenant,
  TransactionError,
} from "../ports";
import { permissionDenied } from "../protocol/errors";
import { wipe } from "../ttlv/wipe";

/** An object that the batch has made or changed. */
type Pending = {
  readonly object: ManagedObject;
  readonly terms: readonly IndexTerm[];
  /** Its revision outside of the batch. */
  readonly revision: number;
  readonly changed: boolean;
  /** False as long as nothing but marks of little matter was changed. */
  readonly matters: boolean;
  readonly destroyed: boolean;
  /** Of a new object, which the store does not give out yet. */
  readonly material: Uint8Array | null;
};

const conflict = () => new KeyStoreError("conflict", "The object was changed by others at the same time.");

/** An ObjectStore for the items of one batch. */
export class PendingStore implements ObjectStore {
  readonly #store: KeyStore;
  readonly #tenant: Tenant;
  readonly #transaction: KeyStoreTransaction;
  readonly #pending = new Map<string, Pending>();
  /** Objects whose material answers of the batch may carry. */
  readonly #handedOut = new Set<string>();

  constructor(store: KeyStore, tenant: Tenant) {
    this.#store = store;
    this.#tenant = tenant;
    this.#transaction = store.begin(tenant);
  }

  async create(_: Tenant, object: NewManagedObject, material: Uint8Array): Promise<ManagedObject> {
    if (this.#pending.has(object.uniqueIdentifier)) {
      throw new KeyStoreError("exists", "The batch has made an object with this identifier.");
    }
    return this.#prepared(await this.#transaction.create(object, material), object, material);
  }

  async replace(
    _: Tenant,
    existing: ManagedObject,
    object: NewManagedObject,
    material: Uint8Array,
  ): Promise<ManagedObject> {
    const before = this.#pending.get(existing.uniqueIdentifier);
    if (before !== undefined && before.object.revision !== existing.revision) {
      throw conflict();
    }
    // What the batch has changed of the existing one is replaced with it.
    const outside = before === undefined ? existing : { ...existing, revision: before.revision };
    return this.#prepared(await this.#transaction.replace(outside, object, material), object, material);
  }

  #prepared(kept: ManagedObject, { terms }: NewManagedObject, material: Uint8Array): ManagedObject {
    this.#pending.set(kept.uniqueIdentifier, {
      object: kept,
      terms,
      revision: kept.revision,
      changed: false,
      matters: false,
      destroyed: false,
      material: Uint8Array.from(material),
    });
    return kept;
  }

  async find(tenant: Tenant, uniqueIdentifier: string): Promise<ManagedObject | null> {
    return this.#pending.get(uniqueIdentifier)?.object ?? this.#store.find(tenant, uniqueIdentifier);
  }

  async readMaterial(tenant: Tenant, object: ManagedObject): Promise<Uint8Array> {
    const pending = this.#pending.get(object.uniqueIdentifier);
    if (pending?.destroyed === true) {
      throw new KeyStoreError("gone", "The batch has destroyed the object.");
    }
    if (pending !== undefined && pending.material !== null) {
      return Uint8Array.from(pending.material);
    }
    this.#handedOut.add(object.uniqueIdentifier);
    return this.#store.readMaterial(tenant, object);
  }

  update(_: Tenant, uniqueIdentifier: string, change: ManagedObjectChange): Promise<ManagedObject> {
    return this.#change(uniqueIdentifier, change, false);
  }

  destroy(_: Tenant, uniqueIdentifier: string, change: ManagedObjectChange): Promise<ManagedObject> {
    return this.#change(uniqueIdentifier, change, true);
  }

  async *search(tenant: Tenant, query: ObjectQuery): AsyncIterable<ManagedObject> {
    const own = [...this.#pending.values()]
      .filter(({ object, terms }) => matchesQuery(object, terms, query))
      .map(({ object }) => object)
      .sort(newestFirst);
    let next = 0;
    for await (const object of this.#store.search(tenant, query)) {
      if (this.#pending.has(object.uniqueIdentifier)) {
        continue;
      }
      for (let first = own[next]; first !== undefined && newestFirst(first, object) < 0; first = own[next]) {
        yield first;
        next += 1;
      }
      yield object;
    }
    yield* own.slice(next);
  }

  async #change(
    uniqueIdentifier: string,
    change: ManagedObjectChange,
    destroys: boolean,
  ): Promise<ManagedObject> {
    const before = this.#pending.get(uniqueIdentifier);
    const known = before?.object ?? (await this.#store.find(this.#tenant, uniqueIdentifier));
    if (known?.revision !== change.revision) {
      throw conflict();
    }
    const { state, attributes, terms } = change;
    const object: ManagedObject = { ...known, state, attributes, revision: known.revision + 1 };
    if (destroys && before?.material) {
      wipe(before.material);
    }
    this.#pending.set(uniqueIdentifier, {
      object,
      terms,
      revision: before?.revision ?? change.revision,
      changed: true,
      matters: before?.matters === true || change.incidental !== true,
      destroyed: destroys || before?.destroyed === true,
      material: destroys ? null : (before?.material ?? null),
    });
    return object;
  }

  /** Makes everything happen. @throws TransactionError: then the batch is undone, but for what the error names */
  async commit(): Promise<void> {
    await this.#refuseBlocked();
    await this.#transaction.commit(
      [...this.#pending]
        .filter(([, { changed }]) => changed)
        .map(([uniqueIdentifier, { object, terms, revision, matters, destroyed }]) => ({
          uniqueIdentifier,
          change: {
            revision,
            state: object.state,
            attributes: object.attributes,
            terms,
            incidental: !matters,
          },
          destroys: destroyed,
        })),
    );
  }

  /** A key that was blocked while the batch ran does not leave with its answer. */
  async #refuseBlocked(): Promise<void> {
    for (const uniqueIdentifier of this.#handedOut) {
      const current = await this.#store.find(this.#tenant, uniqueIdentifier);
      if (current?.served === true) {
        continue;
      }
      await this.rollback();
      const cause = permissionDenied("The key has been revoked by the key owner");
      throw new TransactionError("refused", "The object was blocked while the batch ran.", {
        cause,
        uniqueIdentifier,
      });
    }
  }

  /** Undoes everything. */
  rollback(): Promise<void> {
    return this.#transaction.rollback();
  }

  /** Zeroes the material of new objects. */
  close(): void {
    for (const { material } of this.#pending.values()) {
      if (material !== null) {
        wipe(material);
      }
    }
    this.#pending.clear();
  }
}
