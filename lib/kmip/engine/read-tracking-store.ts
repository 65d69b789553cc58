/** The store as the items of a batch see it that is not undone: it remembers which keys' material they read. */
import type {
  KeyStore,
  ManagedObject,
  ManagedObjectChange,
  NewManagedObject,
  ObjectQuery,
  ObjectStore,
  Tenant,
} from "../ports";

/** An ObjectStore that does what the store does. */
export class ReadTrackingStore implements ObjectStore {
  readonly #store: KeyStore;
  #read = new Set<string>();

  constructor(store: KeyStore) {
    this.#store = store;
  }

  create(tenant: Tenant, object: NewManagedObject, material: Uint8Array): Promise<ManagedObject> {
    return this.#store.create(tenant, object, material);
  }

  replace(
    tenant: Tenant,
    existing: ManagedObject,
    object: NewManagedObject,
    material: Uint8Array,
  ): Promise<ManagedObject> {
    return this.#store.replace(tenant, existing, object, material);
  }

  find(tenant: Tenant, uniqueIdentifier: string): Promise<ManagedObject | null> {
    return this.#store.find(tenant, uniqueIdentifier);
  }

  readMaterial(tenant: Tenant, object: ManagedObject): Promise<Uint8Array> {
    this.#read.add(object.uniqueIdentifier);
    return this.#store.readMaterial(tenant, object);
  }

  update(tenant: Tenant, uniqueIdentifier: string, change: ManagedObjectChange): Promise<ManagedObject> {
    return this.#store.update(tenant, uniqueIdentifier, change);
  }

  destroy(tenant: Tenant, uniqueIdentifier: string, change: ManagedObjectChange): Promise<ManagedObject> {
    return this.#store.destroy(tenant, uniqueIdentifier, change);
  }

  search(tenant: Tenant, query: ObjectQuery): AsyncIterable<ManagedObject> {
    return this.#store.search(tenant, query);
  }

  /** The keys whose material was read since this was last asked. */
  takeRead(): ReadonlySet<string> {
    const read = this.#read;
    this.#read = new Set();
    return read;
  }
}
