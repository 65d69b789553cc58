import type { Database } from "@/lib/db";
import { destruction } from "@/lib/kmip/attributes/lifecycle";
import {
  type EngineClock,
  type EngineLogger,
  type KeyStore,
  KeyStoreError,
  type KeyStoreTransaction,
  type ManagedObject,
  type ManagedObjectChange,
  type Tenant,
} from "@/lib/kmip/ports";
import type { ChangeEvents } from "../change-events";
import { CoherentCache } from "../coherent-cache";
import { openInstanceKeyManager } from "../key-managers/open-key-manager";
import { applyUpdate } from "./change-object";
import { createObject, createWrites } from "./create-object";
import { destroyObject } from "./destroy-object";
import { isDefinite, toKeyStoreError } from "./failures";
import { createInstanceRecords, type InstanceRecord } from "./instance-records";
import { beginKekTransaction } from "./kek-transaction";
import {
  callContext,
  confirmGone,
  MaterialReader,
  type OpenKeyManager,
  StandardKeyGone,
} from "./material-reader";
import { instanceOfKey, keyOf } from "./memory-keys";
import { findRecord, type KekRecord } from "./objects";
import { searchObjects } from "./search-objects";

/** Told of a KEK whose standard key somebody deleted in the key manager. */
export type GoneListener = (gone: {
  readonly accountId: string;
  readonly instanceId: string;
  readonly uniqueIdentifier: string;
  readonly keyManagerKeyId: string;
}) => Promise<void>;

export type KeyStoreOptions = {
  readonly database: Pick<Database, "pool">;
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

/** The last gate before a key leaves; `readAnew` has the words for each reason. */
const isServable = (record: KekRecord): record is KekRecord & { readonly keyManagerKeyId: string } =>
  record.storage === "stored" && record.keyManagerKeyId !== null && record.served;

/** True if an object was read before its material was replaced: what was judged of it is not true of the new one. */
function isReplaced(object: ManagedObject & Partial<KekRecord>, record: KekRecord): boolean {
  const { keyManagerKeyId = record.keyManagerKeyId } = object;

  return keyManagerKeyId !== record.keyManagerKeyId && object.revision !== record.revision;
}

const replacedMeanwhile = () =>
  new KeyStoreError("conflict", "The object was replaced by others at the same time.");

/**
 * The engine's KeyStore: metadata in PostgreSQL, wrapped material in the customer's key manager, and a memory of
 * both that other processes' changes reach within a second.
 */
export function createKeyStore(options: KeyStoreOptions): DatabaseKeyStore {
  const { pool } = options.database;
  const { events, logger } = options;
  const clock = options.clock ?? { now: () => new Date() };
  const openKeyManager: OpenKeyManager = options.openKeyManager ?? openInstanceKeyManager;
  const timeoutMs = options.timeoutMs ?? 10_000;
  const dependencies = { db: pool, writes: createWrites(pool), openKeyManager, logger, timeoutMs };
  const instances = createInstanceRecords({ pool, events });
  const objects = new CoherentCache<KekRecord>({
    max: options.maxObjects ?? 100_000,
    trusted: events.trusted,
    groupOf: instanceOfKey,
  });
  const materials = new MaterialReader({
    openKeyManager,
    clock,
    logger,
    timeoutMs,
    maxKeys: options.maxMaterials ?? 50_000,
    onRetired: noteRotation,
  });
  /** TTL and grace as last used, for the sweep. */
  const secondsOf = new Map<string, number>();
  /** Latest version of an instance's root key that an unwrap told of. */
  const rotations = new Map<string, string>();

  const unsubscribe = events.subscribe({
    onEvent(event) {
      if (event.type === "kek.changed") {
        objects.invalidate(keyOf(event.instanceId, event.uniqueIdentifier));
        void dropUnusable(event.instanceId, event.uniqueIdentifier);
      } else if (event.type === "instance.changed") {
        objects.invalidateGroup(event.instanceId);
        materials.doubtInstance(event.instanceId);
        options.onInstanceChanged?.(event.instanceId);
        void followPolicy(event.instanceId);
      } else if (event.type === "instance.removed") {
        objects.invalidateGroup(event.instanceId);
        materials.dropInstance(event.instanceId);
        secondsOf.delete(event.instanceId);
        rotations.delete(event.instanceId);
      }
    },
    // Material stays: its use is decided by metadata, which is read anew, and by its own short life.
    onGap: () => objects.clear(),
  });
  const sweep = setInterval(
    () => materials.sweep((instanceId) => secondsOf.get(instanceId) ?? 0),
    options.sweepEveryMs ?? 5_000,
  );

  sweep.unref();

  /** The worker looks at the root key now instead of at its next round; told once for each version. */
  function noteRotation({ id, crkId }: InstanceRecord, seen: string, latest: string): void {
    if (seen !== crkId || rotations.get(id) === latest) {
      return;
    }

    rotations.set(id, latest);
    pool
      .query(
        `UPDATE instance SET rewrap_due_at = now()
         WHERE id = $1 AND crk_id = $2 AND crk_version IS DISTINCT FROM $3 AND rewrap_due_at > now()`,
        [id, seen, latest],
      )
      .catch((error: unknown) => {
        rotations.delete(id);
        logger.warn({ err: error, instanceId: id }, "rotation of a root key not noted");
      });
  }

  /** What a request works with: calls of the key manager that it makes carry its id. */
  const dependenciesOf = ({ requestId }: Tenant) => ({ ...dependencies, correlationId: requestId });

  async function instanceOf(tenant: Tenant): Promise<InstanceRecord> {
    const instance = await instances.find(tenant.instanceId);

    if (!instance) {
      throw new KeyStoreError("refused", "The instance was removed.");
    }

    secondsOf.set(instance.id, instance.cacheTtlSeconds + instance.outageGraceSeconds);

    return instance;
  }

  /** Material is not kept longer than a changed policy allows. */
  async function followPolicy(instanceId: string): Promise<void> {
    if (!secondsOf.has(instanceId)) {
      return;
    }

    try {
      const instance = await instances.find(instanceId);

      if (instance) {
        secondsOf.set(instanceId, instance.cacheTtlSeconds + instance.outageGraceSeconds);

        return;
      }
    } catch (error) {
      logger.warn({ err: error, instanceId }, "changed instance not read; its plaintext is dropped");
    }

    secondsOf.delete(instanceId);
    materials.dropInstance(instanceId);
  }

  function find(instanceId: string, uniqueIdentifier: string): Promise<KekRecord | null> {
    return objects.get(keyOf(instanceId, uniqueIdentifier), () =>
      findRecord(pool, instanceId, uniqueIdentifier),
    );
  }

  function forget(instanceId: string, uniqueIdentifier: string): void {
    objects.invalidate(keyOf(instanceId, uniqueIdentifier));
    materials.drop(instanceId, uniqueIdentifier);
  }

  /**
   * A changed attribute is no reason to ask the key manager again; a block or a destruction is one to zero the
   * plaintext now. (Whether it is served is decided by the metadata at every Get.)
   */
  async function dropUnusable(instanceId: string, uniqueIdentifier: string): Promise<void> {
    if (!materials.holds(instanceId, uniqueIdentifier)) {
      return;
    }

    try {
      const record = await find(instanceId, uniqueIdentifier);

      if (record?.storage === "stored" && record.served) {
        return;
      }
    } catch (error) {
      logger.warn(
        { err: error, instanceId, uniqueIdentifier },
        "changed KEK not read; its plaintext is dropped",
      );
    }

    materials.drop(instanceId, uniqueIdentifier);
  }

  async function requireGone(instance: InstanceRecord, record: KekRecord, gone: StandardKeyGone) {
    try {
      await confirmGone(openKeyManager(instance).keyManager, record.crkId, gone, callContext(timeoutMs));
    } catch (error) {
      throw toKeyStoreError(error, "neither standard key nor CRK found in the key manager");
    }
  }

  async function markGone(instance: InstanceRecord, record: KekRecord): Promise<void> {
    const now = clock.now();
    const done = await applyUpdate(pool, {
      instanceId: record.instanceId,
      uniqueIdentifier: record.uniqueIdentifier,
      ...destruction(record, now),
      from: ["stored"],
      to: "destroyed",
      changedAt: now,
    });

    forget(record.instanceId, record.uniqueIdentifier);

    if (!done) {
      return;
    }

    logger.warn(
      { instanceId: record.instanceId, uniqueIdentifier: record.uniqueIdentifier },
      "standard key deleted in the key manager; the KEK is destroyed",
    );
    await options.onGone?.({
      accountId: instance.accountId,
      instanceId: record.instanceId,
      uniqueIdentifier: record.uniqueIdentifier,
      keyManagerKeyId: record.keyManagerKeyId ?? "",
    });
  }

  /** What can be served from memory: the common case, without a step of waiting. Otherwise null. */
  function remembered(tenant: Tenant, object: ManagedObject): Uint8Array | null {
    const instance = instances.peek(tenant.instanceId);
    const record = objects.peek(keyOf(tenant.instanceId, object.uniqueIdentifier));

    return instance && record && isServable(record) && !isReplaced(object, record)
      ? materials.remembered(instance, record, record.keyManagerKeyId)
      : null;
  }

  function readMaterial(tenant: Tenant, object: ManagedObject): Promise<Uint8Array> {
    const material = remembered(tenant, object);

    return material ? Promise.resolve(material) : readAnew(tenant, object);
  }

  /** The key manager may have taken its time: what was blocked or replaced meanwhile does not leave. */
  async function stillServable(before: KekRecord, material: Uint8Array): Promise<Uint8Array> {
    try {
      const record = await find(before.instanceId, before.uniqueIdentifier);

      if (record?.storage !== "stored") {
        throw new KeyStoreError("gone", "The KEK is destroyed.");
      }

      if (!record.served) {
        throw new KeyStoreError("refused", "The KEK is blocked in the console.");
      }

      if (isReplaced(before, record)) {
        throw replacedMeanwhile();
      }

      return material;
    } catch (error) {
      material.fill(0);
      throw error;
    }
  }

  async function readAnew(tenant: Tenant, object: ManagedObject): Promise<Uint8Array> {
    const instance = await instanceOf(tenant);
    let record = await find(tenant.instanceId, object.uniqueIdentifier);

    for (let attempt = 1; ; attempt += 1) {
      if (record?.storage !== "stored" || record.keyManagerKeyId === null) {
        throw new KeyStoreError("gone", "The KEK is destroyed.");
      }

      // The engine has looked already; this is the last gate before a key leaves.
      if (!record.served) {
        throw new KeyStoreError("refused", "The KEK is blocked in the console.");
      }

      if (isReplaced(object, record)) {
        // What is remembered of it may be what was there before.
        objects.invalidate(keyOf(record.instanceId, record.uniqueIdentifier));
        throw replacedMeanwhile();
      }

      try {
        const material = await materials.read(instance, record, record.keyManagerKeyId, tenant.requestId);

        return await stillServable(record, material);
      } catch (error) {
        if (!(error instanceof StandardKeyGone)) {
          throw error;
        }

        // Another process may have moved the material to a new standard key (rewrap) a moment ago.
        const fresh = await findRecord(pool, tenant.instanceId, object.uniqueIdentifier);

        if (fresh?.storage === "stored" && fresh.keyManagerKeyId !== record.keyManagerKeyId) {
          forget(record.instanceId, record.uniqueIdentifier);

          if (attempt >= 3) {
            throw new KeyStoreError("conflict", "The KEK's material moves again and again.");
          }

          record = fresh;
          continue;
        }

        await requireGone(instance, record, error);

        if (fresh) {
          await markGone(instance, fresh);
        }

        throw new KeyStoreError("gone", "The standard key was deleted in the key manager.", { cause: error });
      }
    }
  }

  async function update(tenant: Tenant, uniqueIdentifier: string, change: ManagedObjectChange) {
    const current = await find(tenant.instanceId, uniqueIdentifier);
    const record =
      current &&
      (await applyUpdate(pool, {
        instanceId: tenant.instanceId,
        uniqueIdentifier,
        ...change,
        from: [current.storage],
        to: current.storage,
        changedAt: clock.now(),
      }));

    // Also after a conflict: the engine is to read what is there now.
    objects.invalidate(keyOf(tenant.instanceId, uniqueIdentifier));

    if (!record) {
      throw new KeyStoreError("conflict", "The object was changed by others at the same time.");
    }

    return record;
  }

  async function destroy(tenant: Tenant, uniqueIdentifier: string, change: ManagedObjectChange) {
    const instance = await instanceOf(tenant);
    const record = await find(tenant.instanceId, uniqueIdentifier);

    try {
      if (record?.revision !== change.revision || record.storage !== "stored") {
        throw new KeyStoreError("conflict", "The object was changed by others at the same time.");
      }

      return await destroyObject(dependenciesOf(tenant), instance, record, change, clock.now());
    } catch (error) {
      throw isDefinite(error) ? toKeyStoreError(error, "destruction of the KEK") : error;
    } finally {
      forget(tenant.instanceId, uniqueIdentifier);
    }
  }

  function begin(tenant: Tenant): KeyStoreTransaction {
    return beginKekTransaction(
      {
        ...dependenciesOf(tenant),
        clock,
        instance: () => instanceOf(tenant),
        forget: (uniqueIdentifier, what) =>
          what === "material"
            ? forget(tenant.instanceId, uniqueIdentifier)
            : objects.invalidate(keyOf(tenant.instanceId, uniqueIdentifier)),
      },
      tenant,
    );
  }

  return {
    async create(tenant, object, material) {
      return createObject(
        dependenciesOf(tenant),
        await instanceOf(tenant),
        tenant,
        object,
        material,
        clock.now(),
      );
    },
    async replace(tenant, existing, object, material) {
      const transaction = begin(tenant);
      const replaced = await transaction.replace(existing, object, material);

      await transaction.commit([]);

      return replaced;
    },
    find: (tenant, uniqueIdentifier) => find(tenant.instanceId, uniqueIdentifier),
    readMaterial,
    update,
    destroy,
    search: (tenant, query) => searchObjects(pool, tenant.instanceId, query),
    begin,
    close() {
      clearInterval(sweep);
      unsubscribe();
      instances.close();
      objects.clear();
      materials.clear();
    },
    stats: () => ({ objects: objects.size, plaintexts: materials.plaintexts }),
  };
}
