/**
 * The ports of the engine in memory, for tests and demonstrations: faithful about tenants, revisions and ownership
 * of buffers, and able to fail on demand.
 */
import { isDestroyed } from "../attributes/lifecycle";
import { matchesQuery } from "../attributes/object-query";
import {
  type AuditWriter,
  type EngineLogger,
  type IndexTerm,
  type KeyStore,
  KeyStoreError,
  type KeyStoreFailure,
  type KeyStoreTransaction,
  type KmipAuditRecord,
  type ManagedObject,
  type ManagedObjectChange,
  type NewManagedObject,
  type ObjectQuery,
  type ObjectStore,
  type Tenant,
  type TenantDirectory,
  type TenantPolicy,
  type TransactionChange,
  TransactionError,
} from "../ports";

type Entry = { object: ManagedObject; terms: readonly IndexTerm[]; material: Uint8Array | null };

type ObjectMethod = keyof ObjectStore;
/** What can be told to fail. A commit fails before anything is done; its destructions are calls of `destroy`. */
type Failing = ObjectMethod | "commit";
/** "unknown": nobody can tell what became of the commit. */
type Failure = KeyStoreFailure | "unknown";

/** A KeyStore in memory. */
export class MemoryKeyStore implements KeyStore {
  readonly #instances = new Map<string, Map<string, Entry>>();
  /** The next calls of a method fail so. */
  readonly #failures = new Map<Failing, (Failure | null)[]>();

  /** Makes the next call of a method fail, or pass (null); call it again for the call after that. */
  failNext(method: ObjectMethod, failure: KeyStoreFailure | null): void;
  failNext(method: "commit", failure: Failure): void;
  failNext(method: Failing, failure: Failure | null): void {
    this.#failures.set(method, [...(this.#failures.get(method) ?? []), failure]);
  }

  /** Blocks or restores an object, as an operator does in the console. */
  setServed(instanceId: string, uniqueIdentifier: string, served: boolean): void {
    const entry = this.#entry(instanceId, uniqueIdentifier);
    entry.object = { ...entry.object, served, revision: entry.object.revision + 1 };
  }

  /** Deletes the material behind the engine's back, as someone does in the key manager. */
  deleteMaterial(instanceId: string, uniqueIdentifier: string): void {
    this.#entry(instanceId, uniqueIdentifier).material = null;
  }

  /** The objects of an instance, oldest first. */
  objects(instanceId: string): ManagedObject[] {
    return [...(this.#instances.get(instanceId)?.values() ?? [])].map(({ object }) => object);
  }

  async create(tenant: Tenant, object: NewManagedObject, material: Uint8Array): Promise<ManagedObject> {
    const entry = this.#entryOf(tenant, object, material);
    this.#objectsOf(tenant.instanceId).set(object.uniqueIdentifier, entry);
    return entry.object;
  }

  async replace(
    tenant: Tenant,
    existing: ManagedObject,
    object: NewManagedObject,
    material: Uint8Array,
  ): Promise<ManagedObject> {
    const transaction = this.begin(tenant);
    const replaced = await transaction.replace(existing, object, material);
    await transaction.commit([]);
    return replaced;
  }

  begin(tenant: Tenant): KeyStoreTransaction {
    const prepared = new Map<string, Entry>();
    const forget = () => {
      for (const { material } of prepared.values()) {
        material?.fill(0);
      }
      prepared.clear();
    };
    return {
      create: async (object, material) => {
        const entry = this.#entryOf(tenant, object, material);
        prepared.set(object.uniqueIdentifier, entry);
        return entry.object;
      },
      replace: async (existing, object, material) => {
        this.#failIfAsked("replace");
        const made = this.#made(object, material);
        const { uniqueIdentifier, served, revision } = existing;
        made.object = { ...made.object, uniqueIdentifier, served, revision: revision + 1 };
        prepared.set(uniqueIdentifier, made);
        return made.object;
      },
      commit: async (changes) => {
        try {
          this.#commit(tenant, prepared, changes);
        } catch (error) {
          forget();
          throw error;
        }
        prepared.clear();
      },
      rollback: async () => forget(),
    };
  }

  async find(tenant: Tenant, uniqueIdentifier: string): Promise<ManagedObject | null> {
    this.#failIfAsked("find");
    return this.#objectsOf(tenant.instanceId).get(uniqueIdentifier)?.object ?? null;
  }

  async readMaterial(tenant: Tenant, object: ManagedObject): Promise<Uint8Array> {
    this.#failIfAsked("readMaterial");
    const { material } = this.#entry(tenant.instanceId, object.uniqueIdentifier);
    if (material === null) {
      throw new KeyStoreError("gone", "the standard key has been deleted");
    }
    return Uint8Array.from(material);
  }

  async update(
    tenant: Tenant,
    uniqueIdentifier: string,
    change: ManagedObjectChange,
  ): Promise<ManagedObject> {
    this.#failIfAsked("update");
    return this.#apply(tenant, uniqueIdentifier, change).object;
  }

  async destroy(
    tenant: Tenant,
    uniqueIdentifier: string,
    change: ManagedObjectChange,
  ): Promise<ManagedObject> {
    this.#failIfAsked("destroy");
    const entry = this.#apply(tenant, uniqueIdentifier, change);
    destroyMaterial(entry);
    return entry.object;
  }

  async *search(tenant: Tenant, query: ObjectQuery): AsyncIterable<ManagedObject> {
    this.#failIfAsked("search");
    const newestFirst = [...this.#objectsOf(tenant.instanceId).values()].reverse();
    for (const { object, terms } of newestFirst) {
      if (matchesQuery(object, terms, query)) {
        yield object;
      }
    }
  }

  /** How many objects of an instance still have their material. */
  livingCount(instanceId: string): number {
    return this.objects(instanceId).filter(({ state }) => !isDestroyed(state)).length;
  }

  /** A new object, not kept yet. */
  #entryOf(tenant: Tenant, object: NewManagedObject, material: Uint8Array): Entry {
    this.#failIfAsked("create");
    if (this.#objectsOf(tenant.instanceId).has(object.uniqueIdentifier)) {
      throw new KeyStoreError("exists", `${object.uniqueIdentifier} exists already`);
    }
    return this.#made(object, material);
  }

  #made(object: NewManagedObject, material: Uint8Array): Entry {
    const { uniqueIdentifier, objectType, state, attributes, terms } = object;
    const kept: ManagedObject = {
      uniqueIdentifier,
      objectType,
      state,
      attributes: structuredClone(attributes),
      served: true,
      revision: 1,
      createdAt: object.createdAt ?? new Date(),
    };
    return { object: kept, terms, material: Uint8Array.from(material) };
  }

  #commit(tenant: Tenant, prepared: ReadonlyMap<string, Entry>, changes: readonly TransactionChange[]): void {
    const objects = this.#objectsOf(tenant.instanceId);
    const current = (uniqueIdentifier: string) =>
      prepared.get(uniqueIdentifier) ?? this.#entry(tenant.instanceId, uniqueIdentifier);
    for (const [uniqueIdentifier, { object }] of prepared) {
      const existing = objects.get(uniqueIdentifier);
      if (existing !== undefined && existing.object.revision !== object.revision - 1) {
        throw new TransactionError("conflict", "changed by others", { uniqueIdentifier });
      }
    }
    const due = changes.filter(({ uniqueIdentifier, change }) => {
      if (current(uniqueIdentifier).object.revision === change.revision) {
        return true;
      }
      if (change.incidental === true) {
        return false;
      }
      throw new TransactionError("conflict", "changed by others", { uniqueIdentifier });
    });
    this.#failIfAsked("commit", (failure) =>
      failure === "unknown"
        ? new TransactionError("unavailable", "told to fail", { unknown: true })
        : new TransactionError(failure, "told to fail"),
    );
    const lasting: string[] = [];
    for (const { uniqueIdentifier, change } of due.filter(({ destroys }) => destroys)) {
      this.#failIfAsked("destroy", (failure) => {
        const known = failure === "unknown" ? "unavailable" : failure;
        return new TransactionError(known, "told to fail", { uniqueIdentifier, lasting });
      });
      if (prepared.has(uniqueIdentifier)) {
        continue;
      }
      destroyMaterial(this.#apply(tenant, uniqueIdentifier, change));
      lasting.push(uniqueIdentifier);
    }
    for (const [uniqueIdentifier, entry] of prepared) {
      objects.set(uniqueIdentifier, entry);
    }
    for (const { uniqueIdentifier, change, destroys } of due) {
      if (lasting.includes(uniqueIdentifier)) {
        continue;
      }
      const entry = this.#apply(tenant, uniqueIdentifier, change);
      if (destroys) {
        destroyMaterial(entry);
      }
    }
  }

  #objectsOf(instanceId: string): Map<string, Entry> {
    const objects = this.#instances.get(instanceId) ?? new Map<string, Entry>();
    this.#instances.set(instanceId, objects);
    return objects;
  }

  #entry(instanceId: string, uniqueIdentifier: string): Entry {
    const entry = this.#objectsOf(instanceId).get(uniqueIdentifier);
    if (entry === undefined) {
      throw new Error(`no object ${uniqueIdentifier}`);
    }
    return entry;
  }

  #apply(tenant: Tenant, uniqueIdentifier: string, change: ManagedObjectChange): Entry {
    const entry = this.#entry(tenant.instanceId, uniqueIdentifier);
    if (entry.object.revision !== change.revision) {
      throw new KeyStoreError("conflict", `revision ${change.revision} is not the current one`);
    }
    entry.object = {
      ...entry.object,
      state: change.state,
      attributes: structuredClone(change.attributes),
      revision: change.revision + 1,
    };
    entry.terms = change.terms;
    return entry;
  }

  #failIfAsked(
    method: Failing,
    errorOf = (failure: Failure): KeyStoreError =>
      new KeyStoreError(failure === "unknown" ? "unavailable" : failure, `${method} was told to fail`),
  ): void {
    const failure = this.#failures.get(method)?.shift() ?? null;
    if (failure !== null) {
      throw errorOf(failure);
    }
  }
}

function destroyMaterial(entry: Entry): void {
  entry.material?.fill(0);
  entry.material = null;
}

/** A TenantDirectory in memory. */
export class MemoryTenantDirectory implements TenantDirectory {
  readonly #tenants = new Map<string, Tenant>();
  readonly #listeners = new Set<(certificateSha256: string) => void>();

  /** Pins a certificate to an instance. */
  pin(instanceId: string, certificateSha256: string, policy: Partial<TenantPolicy> = {}): Tenant {
    const tenant: Tenant = {
      instanceId,
      certificateId: `certificate-${certificateSha256.slice(0, 8)}`,
      certificateSha256,
      policy: { activateOnCreate: false, serveCompromised: true, ...policy },
    };
    this.#tenants.set(certificateSha256, tenant);
    return tenant;
  }

  /** Removes a certificate and tells the subscribers. */
  revoke(certificateSha256: string): void {
    this.forget(certificateSha256);
    for (const listener of this.#listeners) {
      listener(certificateSha256);
    }
  }

  /** Removes a certificate without telling anybody. */
  forget(certificateSha256: string): void {
    this.#tenants.delete(certificateSha256);
  }

  async resolve(certificateSha256: string): Promise<Tenant | null> {
    return this.#tenants.get(certificateSha256) ?? null;
  }

  onRevoked(listener: (certificateSha256: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** An AuditWriter in memory. */
export class MemoryAuditWriter implements AuditWriter {
  readonly records: KmipAuditRecord[] = [];
  /** While true, nothing can be written. */
  broken = false;

  async write(records: readonly KmipAuditRecord[]): Promise<void> {
    if (this.broken) {
      throw new Error("the audit storage is full");
    }
    this.records.push(...records);
  }
}

/** A logger that keeps what it is given. */
export class MemoryLogger implements EngineLogger {
  readonly lines: { level: "debug" | "info" | "warn" | "error"; fields: object; message: string }[] = [];

  debug(fields: object, message: string): void {
    this.lines.push({ level: "debug", fields, message });
  }

  info(fields: object, message: string): void {
    this.lines.push({ level: "info", fields, message });
  }

  warn(fields: object, message: string): void {
    this.lines.push({ level: "warn", fields, message });
  }

  error(fields: object, message: string): void {
    this.lines.push({ level: "error", fields, message });
  }
}
