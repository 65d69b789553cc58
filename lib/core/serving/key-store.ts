import type { Database } from "@/lib/db";
import {
  type EngineClock,
  type EngineLogger,
  type KeyStore,
  KeyStoreError,
  type KeyStoreTransaction,
  type ManagedObject,
  type ManagedObjectChange,
  type NewManagedObject,
  type Tenant,
} from "@/lib/kmip/ports";
import type { ChangeEvents } from "../change-events";
import { openInstanceKeyManager } from "../key-managers/open-key-manager";
import { applyUpdate } from "./change-object";
import { type CreateDependencies, createObject, createWrites } from "./create-object";
import { destroyObject } from "./destroy-object";
import { isDefinite, toKeyStoreError } from "./failures";
import type { InstanceRecord } from "./instance-records";
import { KekMemory } from "./kek-memory";
import { beginKekTransaction } from "./kek-transaction";
import { Locates } from "./locates";
import type { OpenKeyManager } from "./material-reader";
import type { KekRecord } from "./objects";
import { type GoneListener, MaterialService } from "./read-material";
import { searchObjects } from "./search-objects";

export type KeyStoreOptions = {
  readonly database: Pick<Database, "pool" | "locates">;
  readonly events: ChangeEvents;
  readonly logger: EngineLogger;
  readonly clock?: EngineClock;
  /** Default: the instance's own key manager. */
  readonly openKeyManager?: OpenKeyManager;
  /** Called after such a KEK was marked destroyed (the audit event of it). */
  readonly onGone?: GoneListener;
  /** Told of a change of an instance's settings or status, before it is read anew. */
  readonly onInstanceChanged?: (instanceId: string) => void;
  /** KEKs whose metadata, and whose material, may be in memory at once. */
  readonly maxObjects?: number;
  readonly maxMaterials?: number;
  /** For one call of the key manager, in milliseconds. */
  readonly timeoutMs?: number;
  /** How often plaintext that may no longer be used is zeroed, in milliseconds. */
  readonly sweepEveryMs?: number;
};

export interface DatabaseKeyStore extends KeyStore {
  /** Zeroes all plaintext and ends the subscriptions. */
  close(): void;
  stats(): { readonly objects: number; readonly plaintexts: number };
}

const changedByOthers = () =>
  new KeyStoreError("conflict", "The object was changed by others at the same time.");

class PostgresKeyStore implements DatabaseKeyStore {
  readonly #pool: Database["pool"];
  readonly #clock: EngineClock;
  readonly #dependencies: CreateDependencies & { readonly db: Database["pool"] };
  readonly #memory: KekMemory;
  readonly #service: MaterialService;
  readonly #locates: Locates;

  constructor(options: KeyStoreOptions) {
    const { events, logger } = options;
    const { pool } = options.database;
    const clock = options.clock ?? { now: () => new Date() };
    const openKeyManager: OpenKeyManager = options.openKeyManager ?? openInstanceKeyManager;
    const timeoutMs = options.timeoutMs ?? 10_000;

    this.#pool = pool;
    this.#locates = new Locates(options.database.locates);
    this.#clock = clock;
    this.#dependencies = { db: pool, writes: createWrites(pool), openKeyManager, logger, timeoutMs };
    this.#memory = new KekMemory({
      pool,
      events,
      logger,
      clock,
      openKeyManager,
      timeoutMs,
      maxObjects: options.maxObjects ?? 100_000,
      maxMaterials: options.maxMaterials ?? 50_000,
      sweepEveryMs: options.sweepEveryMs ?? 5_000,
      onInstanceChanged: options.onInstanceChanged,
    });
    this.#service = new MaterialService({
      pool,
      memory: this.#memory,
      logger,
      clock,
      openKeyManager,
      timeoutMs,
      instanceOf: (tenant) => this.#instanceOf(tenant),
      onGone: options.onGone,
    });
  }

  /** What a request works with: calls of the key manager that it makes carry its id. */
  #dependenciesOf({ requestId }: Tenant) {
    return { ...this.#dependencies, correlationId: requestId };
  }

  async #instanceOf(tenant: Tenant): Promise<InstanceRecord> {
    const instance = await this.#memory.instances.find(tenant.instanceId);

    if (!instance) {
      throw new KeyStoreError("refused", "The instance was removed.");
    }

    this.#memory.use(instance);

    return instance;
  }

  async create(tenant: Tenant, object: NewManagedObject, material: Uint8Array): Promise<KekRecord> {
    const instance = await this.#instanceOf(tenant);

    return createObject(this.#dependenciesOf(tenant), {
      instance,
      tenant,
      object,
      material,
      createdAt: this.#clock.now(),
    });
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

  find(tenant: Tenant, uniqueIdentifier: string): Promise<KekRecord | null> {
    return this.#memory.find(tenant.instanceId, uniqueIdentifier);
  }

  readMaterial(tenant: Tenant, object: ManagedObject): Promise<Uint8Array> {
    return this.#service.read(tenant, object);
  }

  async update(
    { instanceId }: Tenant,
    uniqueIdentifier: string,
    change: ManagedObjectChange,
  ): Promise<KekRecord> {
    const current = await this.#memory.find(instanceId, uniqueIdentifier);
    const record =
      current &&
      (await applyUpdate(this.#pool, {
        instanceId,
        uniqueIdentifier,
        ...change,
        from: [current.storage],
        to: current.storage,
        changedAt: this.#clock.now(),
      }));

    // Also after a conflict: the engine is to read what is there now.
    this.#memory.forgetRow(instanceId, uniqueIdentifier);

    if (!record) {
      throw changedByOthers();
    }

    return record;
  }

  async destroy(tenant: Tenant, uniqueIdentifier: string, change: ManagedObjectChange): Promise<KekRecord> {
    const { instanceId } = tenant;
    const instance = await this.#instanceOf(tenant);
    const record = await this.#memory.find(instanceId, uniqueIdentifier);

    try {
      if (record?.revision !== change.revision || record.storage !== "stored") {
        throw changedByOthers();
      }

      const now = this.#clock.now();

      return await destroyObject(this.#dependenciesOf(tenant), instance, { before: record, change, now });
    } catch (error) {
      throw isDefinite(error) ? toKeyStoreError(error, "destruction of the KEK") : error;
    } finally {
      this.#memory.forget(instanceId, uniqueIdentifier);
    }
  }

  search(tenant: Tenant, query: Parameters<KeyStore["search"]>[1]): ReturnType<KeyStore["search"]> {
    return query.limited
      ? this.#locates.search(tenant.instanceId, query)
      : searchObjects(this.#pool, tenant.instanceId, query);
  }

  begin(tenant: Tenant): KeyStoreTransaction {
    const { instanceId } = tenant;

    return beginKekTransaction(
      {
        ...this.#dependenciesOf(tenant),
        clock: this.#clock,
        instance: () => this.#instanceOf(tenant),
        forget: (uniqueIdentifier, what) =>
          what === "material"
            ? this.#memory.forget(instanceId, uniqueIdentifier)
            : this.#memory.forgetRow(instanceId, uniqueIdentifier),
      },
      tenant,
    );
  }

  close(): void {
    this.#memory.close();
  }

  stats(): { readonly objects: number; readonly plaintexts: number } {
    return { objects: this.#memory.objects.size, plaintexts: this.#memory.materials.plaintexts };
  }
}

/**
 * The engine's KeyStore: metadata in PostgreSQL, wrapped material in the customer's key manager, and a memory of
 * both that other processes' changes reach within a second.
 */
export function createKeyStore(options: KeyStoreOptions): DatabaseKeyStore {
  return new PostgresKeyStore(options);
}
