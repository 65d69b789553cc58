import { termsOf } from "@/lib/kmip/attributes/terms";
import { type EngineLogger, KeyStoreError, type ManagedObjectChange } from "@/lib/kmip/ports";
import { applyUpdate, markDestroyed } from "./change-object";
import { deleteMaterial } from "./delete-material";
import { isDefinite, toKeyStoreError } from "./failures";
import type { InstanceRecord } from "./instance-records";
import type { OpenKeyManager } from "./material-reader";
import type { KekRecord, Queryable } from "./objects";
import { awaitsAuthorisation, noteUnsettled } from "./pending-deletion";

export type DestroyDependencies = {
  readonly db: Queryable;
  readonly openKeyManager: OpenKeyManager;
  readonly logger: Pick<EngineLogger, "warn">;
  readonly timeoutMs: number;
  /** The request that asks, so that the key manager's events and ours can be laid side by side. */
  readonly correlationId?: string | undefined;
};

/** A KEK as it is, and the change that destroys it. */
export type Destruction = {
  readonly before: KekRecord;
  readonly change: ManagedObjectChange;
  readonly now: Date;
};

/**
 * Destroys a KEK: row `destroying` (from then on no node serves it) → standard keys deleted → row `destroyed`. An
 * interruption in between is finished by the reconciler. A definite refusal of the key manager (retention policy,
 * permission) takes the first step back. Where a second person must authorise the deletion (dual authorization), the KEK
 * is destroyed for everybody here and stays `destroying` until that has happened; its row says what it waits for.
 * @throws KeyStoreError conflict | refused | unavailable
 */
export async function destroyObject(
  dependencies: DestroyDependencies,
  instance: InstanceRecord,
  { before, change, now }: Destruction,
): Promise<KekRecord> {
  const { db, timeoutMs, correlationId } = dependencies;
  const identity = { instanceId: before.instanceId, uniqueIdentifier: before.uniqueIdentifier };
  const record = await applyUpdate(db, {
    ...identity,
    ...change,
    from: ["stored"],
    to: "destroying",
    changedAt: now,
  });

  if (!record) {
    throw new KeyStoreError("conflict", "The object was changed by others at the same time.");
  }

  try {
    const { keyManager } = dependencies.openKeyManager(instance);

    await deleteMaterial({ db, keyManager, timeoutMs, correlationId }, record, now);
  } catch (error) {
    if (awaitsAuthorisation(error)) {
      dependencies.logger.warn({ err: error, ...identity }, "deletion waits for a second person");
      await noteUnsettled(db, identity, error, now);

      return record;
    }

    if (isDefinite(error)) {
      await applyUpdate(db, {
        ...identity,
        revision: record.revision,
        state: before.state,
        attributes: before.attributes,
        terms: termsOf(before.attributes),
        from: ["destroying"],
        to: "stored",
        changedAt: now,
      });
    } else {
      dependencies.logger.warn({ err: error, ...identity }, "destruction not finished; the reconciler will");
    }

    throw toKeyStoreError(error, "deletion of the standard key");
  }

  await markDestroyed(db, before.instanceId, before.uniqueIdentifier);

  return { ...record, storage: "destroyed" };
}
