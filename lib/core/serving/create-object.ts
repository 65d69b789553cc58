import type { KeyManager, StandardKeyMarks } from "@/lib/key-managers/key-manager";
import { type EngineLogger, KeyStoreError, type NewManagedObject, type Tenant } from "@/lib/kmip/ports";
import { Batches } from "./batches";
import { hadNoEffect, toKeyStoreError } from "./failures";
import type { InstanceRecord } from "./instance-records";
import { callContext, type OpenKeyManager, wrapAad } from "./material-reader";
import {
  deleteStoring,
  findRecord,
  insertStoring,
  type KekRecord,
  leaveToRow,
  markStored,
  type Queryable,
  type StoredObject,
  type StoringObject,
  standardKeyMarks,
} from "./objects";

/** The two writes of a Create, those of Creates that run at the same time joined. */
export type CreateWrites = {
  /** False where another row has the identifier. */
  readonly inserts: Batches<StoringObject, boolean>;
  /** False for a row that is no longer waiting. */
  readonly completions: Batches<StoredObject, boolean>;
};

const MAX_BATCH = 100;

export function createWrites(db: Queryable): CreateWrites {
  return {
    inserts: new Batches(MAX_BATCH, async (instanceId, objects) => {
      const written = new Set(await insertStoring(db, instanceId, objects));

      // Of several with one identifier, the first has the row.
      return objects.map(({ uniqueIdentifier }) => written.delete(uniqueIdentifier));
    }),
    completions: new Batches(MAX_BATCH, async (instanceId, objects) => {
      const stored = await markStored(db, instanceId, objects);

      return objects.map(({ uniqueIdentifier }) => stored.has(uniqueIdentifier));
    }),
  };
}

export type CreateDependencies = {
  readonly db: Queryable;
  readonly writes: CreateWrites;
  readonly openKeyManager: OpenKeyManager;
  readonly logger: EngineLogger;
  readonly timeoutMs: number;
  /** The request that asks, so that the key manager's events and ours can be laid side by side. */
  readonly correlationId?: string | undefined;
};

/**
 * Stores wrapped bytes as a standard key named after the KEK.
 *
 * The call is never repeated: without an answer it may have taken effect, so the key is looked for by what is this
 * KEK's alone.
 * @throws KeyStoreError; with `unavailable` the key may still come into being (the reconciler sees to it)
 */
async function storeStandardKey(
  dependencies: CreateDependencies,
  keyManager: KeyManager,
  key: { readonly marks: StandardKeyMarks; readonly payload: Uint8Array; readonly keyRing: string | null },
  forget: () => Promise<void>,
): Promise<string> {
  try {
    const { id } = await keyManager.createStandardKey(
      {
        ...key.marks,
        payload: key.payload,
        ...(key.keyRing === null ? {} : { keyRing: key.keyRing }),
      },
      callContext(dependencies.timeoutMs, dependencies.correlationId),
    );

    return id;
  } catch (error) {
    if (hadNoEffect(error)) {
      await forget();
      throw toKeyStoreError(error, "storage of the KEK");
    }

    dependencies.logger.warn(
      { err: error, standardKey: key.marks.name },
      "creation of a standard key unanswered",
    );

    const [found] = await keyManager
      .findStandardKeys(key.marks, callContext(dependencies.timeoutMs, dependencies.correlationId))
      .catch((lookup: unknown) => {
        throw toKeyStoreError(lookup, "look-up of a standard key whose creation was not answered");
      });

    if (!found) {
      throw toKeyStoreError(error, "storage of the KEK");
    }

    return found.id;
  }
}

/** Material that is kept for a KEK that exists for nobody yet. */
export type PreparedObject = {
  readonly object: NewManagedObject & { readonly instanceId: string };
  /** Identifier of the row that tells of it: the KEK's, or, for material that is to replace a KEK's, one of its own. */
  readonly rowId: string;
  readonly createdAt: Date;
  readonly keyManagerKeyId: string;
  readonly crkId: string;
  readonly crkVersion: string | null;
};

/** Removes the standard key of a KEK that nobody was told of; if that fails, it waits for the reconciler. */
async function discardStandardKey(
  dependencies: CreateDependencies,
  keyManager: KeyManager,
  { object, keyManagerKeyId }: PreparedObject,
): Promise<boolean> {
  try {
    await keyManager.deleteStandardKey(
      keyManagerKeyId,
      callContext(dependencies.timeoutMs, dependencies.correlationId),
    );

    return true;
  } catch (error) {
    dependencies.logger.warn(
      { err: error, uniqueIdentifier: object.uniqueIdentifier, standardKey: keyManagerKeyId },
      "standard key of a failed creation not deleted; the reconciler will",
    );

    return false;
  }
}

/**
 * Gives up a prepared KEK: its standard key, then its row. Never throws: what it leaves behind is found by the
 * reconciler through the row.
 */
export async function discardPrepared(
  dependencies: CreateDependencies,
  instance: InstanceRecord,
  prepared: PreparedObject,
): Promise<void> {
  const { instanceId, uniqueIdentifier } = prepared.object;

  try {
    const { keyManager } = open(dependencies, instance);

    if (await discardStandardKey(dependencies, keyManager, prepared)) {
      await deleteStoring(dependencies.db, instanceId, prepared.rowId);
    }
  } catch (error) {
    dependencies.logger.warn(
      { err: error, instanceId, uniqueIdentifier },
      "KEK that was not created not removed; the reconciler will",
    );
  }
}

/** Why a row cannot be written: its identifier is a KEK's, or that of a creation that has not been settled. */
async function alreadyThere(db: Queryable, instanceId: string, rowId: string): Promise<KeyStoreError> {
  const visible = await findRecord(db, instanceId, rowId);

  return visible
    ? new KeyStoreError("exists", "The instance has an object with this identifier.")
    : new KeyStoreError("conflict", "Another creation under this identifier has not been settled yet.");
}

/** A KEK that is to be kept. */
export type Creation = {
  readonly instance: InstanceRecord;
  readonly tenant: Tenant;
  readonly object: NewManagedObject;
  readonly material: Uint8Array;
  readonly createdAt: Date;
  /** Of the row that tells of the material; default the KEK's identifier. */
  readonly rowId?: string | undefined;
};

/**
 * Prepares a new KEK: wrap, and row `storing` → standard key. It exists for nobody until `markStored`; whatever an
 * interruption leaves behind is found by the reconciler through the row.
 * @param rowId another than the KEK's identifier if a KEK has that already: its material is to be replaced
 * @throws KeyStoreError exists | refused | unavailable
 */
export async function prepareObject(
  dependencies: CreateDependencies,
  { instance, tenant, object, material, createdAt, rowId = object.uniqueIdentifier }: Creation,
): Promise<PreparedObject> {
  const { db, writes } = dependencies;
  const { keyManager, crkId, keyRing } = open(dependencies, instance);
  const aad = wrapAad(instance.id, object.uniqueIdentifier);
  const forget = () => deleteStoring(db, instance.id, rowId);
  // At the same time: the row has to be there before the standard key is made, and needs nothing of the wrap.
  const [wrap, insert] = await Promise.allSettled([
    keyManager.wrap(crkId, material, aad, callContext(dependencies.timeoutMs, dependencies.correlationId)),
    writes.inserts.add(instance.id, {
      ...object,
      uniqueIdentifier: rowId,
      certificateId: tenant.certificateId,
      crkId,
      createdAt,
    }),
  ]);

  if (insert.status === "rejected") {
    throw insert.reason;
  }

  if (!insert.value) {
    throw await alreadyThere(db, instance.id, rowId);
  }

  if (wrap.status === "rejected") {
    await forget().catch((error: unknown) => {
      dependencies.logger.warn(
        { err: error, uniqueIdentifier: rowId },
        "row of a failed creation not removed; the reconciler will",
      );
    });
    throw toKeyStoreError(wrap.reason, "wrap of the KEK");
  }

  const wrapped = wrap.value;
  const keyManagerKeyId = await storeStandardKey(
    dependencies,
    keyManager,
    { marks: standardKeyMarks(instance.id, rowId), payload: wrapped.bytes, keyRing },
    forget,
  );

  return {
    object: { ...object, instanceId: instance.id },
    rowId,
    createdAt: object.createdAt ?? createdAt,
    keyManagerKeyId,
    crkId,
    crkVersion: wrapped.crkVersion,
  };
}

/** The record of a prepared KEK once its row is `stored`. */
export function storedRecord(prepared: PreparedObject): KekRecord {
  const { object, createdAt, keyManagerKeyId, crkId, crkVersion } = prepared;
  const { instanceId, uniqueIdentifier, objectType, state, attributes } = object;

  return {
    instanceId,
    uniqueIdentifier,
    objectType,
    state,
    storage: "stored",
    attributes,
    served: true,
    revision: 1,
    createdAt,
    keyManagerKeyId,
    crkId,
    crkVersion,
  };
}

/** What completing the row of a prepared KEK takes. */
export function completionOf({ object, keyManagerKeyId, crkVersion }: PreparedObject): StoredObject {
  const { uniqueIdentifier, terms, createdAt } = object;

  return { uniqueIdentifier, keyManagerKeyId, crkVersion, terms, createdAt: createdAt ?? null };
}

/** A Create whose row the reconciler took meanwhile. */
export const givenUp = (): KeyStoreError =>
  new KeyStoreError("unavailable", "The creation took so long that it was given up.");

/**
 * Keeps a new KEK: prepared → row `stored`. Only after the last step does it exist for anybody.
 * @throws KeyStoreError exists | refused | unavailable
 */
export async function createObject(dependencies: CreateDependencies, creation: Creation): Promise<KekRecord> {
  const { db, writes } = dependencies;
  const { instance, object } = creation;
  const prepared = await prepareObject(dependencies, creation);
  const made = await writes.completions.add(instance.id, completionOf(prepared)).then(
    (stored) => (stored ? storedRecord(prepared) : null),
    // When the answer to the last step is lost, the row itself tells whether it was taken; one that still waits is
    // given up first, since the step may yet be under way in the database.
    async (error: unknown) => {
      try {
        await leaveToRow(db, instance.id, object.uniqueIdentifier, prepared.keyManagerKeyId);

        return await findRecord(db, instance.id, object.uniqueIdentifier);
      } catch {
        throw error;
      }
    },
  );

  if (!made) {
    await discardStandardKey(dependencies, open(dependencies, instance).keyManager, prepared);
    throw givenUp();
  }

  return made;
}

function open(dependencies: CreateDependencies, instance: InstanceRecord): ReturnType<OpenKeyManager> {
  try {
    return dependencies.openKeyManager(instance);
  } catch (error) {
    throw toKeyStoreError(error, "key manager of the instance");
  }
}
