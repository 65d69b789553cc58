import {
  type EngineClock,
  type NewManagedObject,
  type Tenant,
  type TransactionChange,
  TransactionError,
} from "@/lib/kmip/ports";
import { applyUpdate } from "./change-object";
import { completionOf, givenUp, type PreparedObject, storedRecord } from "./create-object";
import {
  exchangeMaterial,
  type KekRecord,
  leaveToRow,
  lockRecords,
  markStored,
  type Queryable,
} from "./objects";

/** A row that a transaction has written. */
export type Written = {
  /** Null for a KEK that is new. */
  readonly before: KekRecord | null;
  readonly after: KekRecord;
  readonly destroys: boolean;
  /** The row to which the material was left that a KEK had before, and its standard key. */
  readonly left: { readonly rowId: string; readonly keyManagerKeyId: string | null } | null;
};

/** What a transaction is to write. */
export type Writes = {
  readonly tenant: Tenant;
  readonly clock: EngineClock;
  /** New material by the KEK's identifier. */
  readonly prepared: ReadonlyMap<string, PreparedObject>;
  /** Revisions of the KEKs whose material is to be replaced. */
  readonly replacing: ReadonlyMap<string, number>;
  readonly changes: readonly TransactionChange[];
};

/** The KEK is not what it was when its change was decided. */
export const changedByOthers = (uniqueIdentifier: string) =>
  new TransactionError("conflict", "The object was changed by others at the same time.", {
    uniqueIdentifier,
  });

/**
 * Writes what a transaction of KMIP operations has come to, in one transaction of the database.
 * @throws TransactionError conflict | unavailable
 */
export async function writeAll(client: Queryable, writes: Writes): Promise<Written[]> {
  const { tenant, prepared, replacing, changes } = writes;
  const written = new Map<string, Written>();
  // All rows first, in one order: the row of the instance, which every change counts in, comes after them.
  const records = await lockRecords(client, tenant.instanceId, [
    ...[...prepared.values()].map(({ rowId }) => rowId),
    ...prepared.keys(),
    ...changes.map(({ uniqueIdentifier }) => uniqueIdentifier),
  ]);

  for (const [uniqueIdentifier, item] of prepared) {
    const revision = replacing.get(uniqueIdentifier);

    written.set(
      uniqueIdentifier,
      revision
        ? await writeReplacement(client, writes, item, { before: records.get(uniqueIdentifier), revision })
        : { before: null, after: await writeNew(client, tenant, item), destroys: false, left: null },
    );
  }

  for (const { uniqueIdentifier, change, destroys } of changes) {
    const made = written.get(uniqueIdentifier);
    const current = made?.after ?? records.get(uniqueIdentifier);
    const after =
      current &&
      (await applyUpdate(client, {
        instanceId: tenant.instanceId,
        uniqueIdentifier,
        ...change,
        from: [destroys ? "stored" : current.storage],
        to: destroys ? "destroying" : current.storage,
        changedAt: writes.clock.now(),
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

async function writeNew(client: Queryable, { instanceId }: Tenant, item: PreparedObject): Promise<KekRecord> {
  const { uniqueIdentifier } = item.object;
  const stored = await markStored(client, instanceId, [completionOf(item)]);

  if (!stored.has(uniqueIdentifier)) {
    throw new TransactionError("unavailable", givenUp().message, { uniqueIdentifier });
  }

  return storedRecord(item);
}

async function writeReplacement(
  client: Queryable,
  { tenant: { instanceId, certificateId }, clock }: Writes,
  { object, rowId, createdAt, keyManagerKeyId, crkId, crkVersion }: PreparedObject,
  { before, revision }: { readonly before: KekRecord | undefined; readonly revision: number },
): Promise<Written> {
  const { uniqueIdentifier, state, attributes, terms }: NewManagedObject = object;
  const kek = { instanceId, uniqueIdentifier, revision };
  const left = {
    rowId,
    keyManagerKeyId: before?.storage === "destroyed" ? null : (before?.keyManagerKeyId ?? null),
  };

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
