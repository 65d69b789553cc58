import { notifyCall } from "@/lib/db";
import type { IndexTerm, StoredAttributes } from "@/lib/kmip/ports";
import { State } from "@/lib/kmip/protocol/enumerations";
import { type KekRecord, nameOf, type Queryable, RECORD_COLUMNS, type StorageStatus } from "./objects";

/** Who keeps a KEK from being served, and why. */
export type Block = {
  readonly at: Date;
  readonly by: string;
  readonly reason: string;
  readonly message: string | null;
};

/** A change of a KEK's metadata, applied only if it still has `revision` and one of the storage states `from`. */
export type ObjectUpdate = {
  readonly instanceId: string;
  readonly uniqueIdentifier: string;
  readonly revision: number;
  readonly from: readonly StorageStatus[];
  readonly to: StorageStatus;
  readonly state: number;
  readonly attributes: StoredAttributes;
  readonly terms: readonly IndexTerm[];
  readonly changedAt: Date;
  /** A block sets it, null lifts it, left out leaves it. */
  readonly block?: Block | null;
};

/**
 * Changes a KEK in one statement: the row, its terms (only those that differ), the counts of its instance, and the
 * notification that makes every node forget what it knew.
 * @returns null when somebody else changed it first
 */
export async function applyUpdate(db: Queryable, update: ObjectUpdate): Promise<KekRecord | null> {
  const { block, instanceId, uniqueIdentifier } = update;
  const values = [
    instanceId,
    uniqueIdentifier,
    update.revision,
    update.from,
    update.to,
    update.state,
    JSON.stringify(update.attributes),
    nameOf(update.attributes),
    update.changedAt,
    block === undefined ? "keep" : block === null ? "lift" : "set",
    block?.at ?? null,
    block?.by ?? null,
    block?.reason ?? null,
    block?.message ?? null,
    update.terms.map((term) => term.name),
    update.terms.map((term) => term.value),
  ];
  const notify = notifyCall({ type: "kek.changed", instanceId, uniqueIdentifier }, values);
  const { rows } = await db.query<KekRecord & { notified: unknown }>({
    name: "keks-change",
    text: `
      WITH old AS (
        SELECT state, storage FROM managed_object
        WHERE instance_id = $1 AND unique_identifier = $2 AND revision = $3 AND storage::text = ANY ($4::text[])
        FOR UPDATE
      ), o AS (
        UPDATE managed_object m SET
          storage = $5::"StorageStatus", state = $6, attributes = $7, name = $8, revision = m.revision + 1,
          changed_at = $9,
          destroyed_at = CASE WHEN $5 IN ('destroying', 'destroyed') THEN coalesce(m.destroyed_at, $9) END,
          served = CASE $10 WHEN 'set' THEN FALSE WHEN 'lift' THEN TRUE ELSE m.served END,
          blocked_at = CASE $10 WHEN 'set' THEN $11 WHEN 'lift' THEN NULL ELSE m.blocked_at END,
          blocked_by = CASE $10 WHEN 'set' THEN $12 WHEN 'lift' THEN NULL ELSE m.blocked_by END,
          block_reason = CASE $10 WHEN 'set' THEN $13 WHEN 'lift' THEN NULL ELSE m.block_reason END,
          block_message = CASE $10 WHEN 'set' THEN $14 WHEN 'lift' THEN NULL ELSE m.block_message END
        FROM old
        WHERE m.instance_id = $1 AND m.unique_identifier = $2 AND m.revision = $3
        RETURNING m.*
      ), given AS (
        SELECT t.name, t.value FROM unnest($15::text[], $16::text[]) AS t (name, value)
      ), removed AS (
        DELETE FROM managed_object_term t USING o
        WHERE t.instance_id = o.instance_id AND t.unique_identifier = o.unique_identifier
          -- Replaced material may have brought another Initial Date.
          AND (t.created_at <> o.created_at
            OR NOT EXISTS (SELECT 1 FROM given g WHERE g.name = t.name AND g.value = t.value))
      ), added AS (
        INSERT INTO managed_object_term (instance_id, unique_identifier, created_at, name, value)
        SELECT o.instance_id, o.unique_identifier, o.created_at, g.name, g.value FROM o, given g
        ON CONFLICT DO NOTHING
      ), counts AS (
        UPDATE instance i SET
          kek_count = i.kek_count + (o.storage = 'stored')::int - (old.storage = 'stored')::int,
          active_kek_count = i.active_kek_count
            + (o.storage = 'stored' AND o.state = ${State.Active})::int
            - (old.storage = 'stored' AND old.state = ${State.Active})::int
        FROM o, old
        WHERE i.id = o.instance_id AND (
          (o.storage = 'stored') <> (old.storage = 'stored')
          OR (o.storage = 'stored' AND o.state = ${State.Active}) <> (old.storage = 'stored' AND old.state = ${State.Active})
        )
      )
      SELECT ${RECORD_COLUMNS}, ${notify} AS notified FROM o`,
    values,
  });

  if (!rows[0]) {
    return null;
  }

  const { notified: _, ...record } = rows[0];

  return record;
}

/** Ends a destruction whose standard key is gone. Does nothing when it has ended already. */
export async function markDestroyed(
  db: Queryable,
  instanceId: string,
  uniqueIdentifier: string,
): Promise<void> {
  const values: unknown[] = [instanceId, uniqueIdentifier];
  const notify = notifyCall({ type: "kek.changed", instanceId, uniqueIdentifier }, values);

  await db.query(
    `WITH o AS (
       UPDATE managed_object SET storage = 'destroyed', settle_problem = NULL, settle_after = NULL
       WHERE instance_id = $1 AND unique_identifier = $2 AND storage = 'destroying'
       RETURNING 1
     )
     SELECT ${notify} FROM o`,
    values,
  );
}
