import { createHash } from "node:crypto";
import type pg from "pg";
import type { StandardKeyMarks } from "@/lib/key-managers/key-manager";
import type { IndexTerm, ManagedObject, NewManagedObject, StoredAttributes } from "@/lib/kmip/ports";
import { State } from "@/lib/kmip/protocol/enumerations";
import { Tag } from "@/lib/kmip/protocol/tags";

/** Where a KEK's material is on its way (StorageStatus of the database). */
export type StorageStatus = "storing" | "stored" | "destroying" | "destroyed" | "abandoned";

/** A KEK as the store knows it: KMIP metadata and where its wrapped material is. */
export type KekRecord = ManagedObject & {
  readonly instanceId: string;
  readonly storage: StorageStatus;
  readonly keyManagerKeyId: string | null;
  readonly crkId: string;
  readonly crkVersion: string | null;
};

/** A pool, or a transaction's client. */
export type Queryable = Pick<pg.Pool, "query">;

/** Only these were ever acknowledged to a client; the others do not exist for anybody outside. */
export const VISIBLE = "('stored', 'destroying', 'destroyed')";

export const RECORD_COLUMNS = `
  o.instance_id AS "instanceId", o.unique_identifier AS "uniqueIdentifier", o.object_type AS "objectType", o.state,
  o.storage::text AS storage, o.attributes, o.served, o.revision, o.created_at AS "createdAt",
  o.key_manager_key_id AS "keyManagerKeyId", o.crk_id AS "crkId", o.crk_version AS "crkVersion"`;

/** First value of the Name attribute, or null. */
export function nameOf(attributes: StoredAttributes): string | null {
  const value = attributes.Name?.[0]?.v;
  const field =
    value?.t === "structure" ? value.v.find((child) => child.tag === Tag.NameValue)?.value : undefined;

  return field?.t === "text" ? field.v : null;
}

/** Reads a KEK that clients may know of. */
export async function findRecord(
  db: Queryable,
  instanceId: string,
  uniqueIdentifier: string,
): Promise<KekRecord | null> {
  // PostgreSQL has no text with NUL, so there is no such identifier.
  if (uniqueIdentifier.includes("\0")) {
    return null;
  }

  const { rows } = await db.query<KekRecord>({
    name: "keks-find",
    text: `
      SELECT ${RECORD_COLUMNS} FROM managed_object o
      WHERE o.instance_id = $1 AND o.unique_identifier = $2 AND o.storage IN ${VISIBLE}`,
    values: [instanceId, uniqueIdentifier],
  });

  return rows[0] ?? null;
}

/** Reads KEKs, those too that clients may not know of, and keeps others from changing them until the end of a transaction. */
export async function lockRecords(
  transaction: Queryable,
  instanceId: string,
  uniqueIdentifiers: readonly string[],
): Promise<Map<string, KekRecord>> {
  const { rows } = await transaction.query<KekRecord>({
    name: "keks-lock",
    text: `
      SELECT ${RECORD_COLUMNS} FROM managed_object o
      WHERE o.instance_id = $1 AND o.unique_identifier = ANY ($2::text[])
      ORDER BY o.unique_identifier FOR UPDATE`,
    values: [instanceId, uniqueIdentifiers],
  });

  return new Map(rows.map((record) => [record.uniqueIdentifier, record]));
}

/** What the key manager takes for a name, and its searches for a word. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{1,89}$/;

/** What names are made of that are no identifiers. */
const HASHED_NAME = /^kmip-[0-9a-f]{64}$/;

/**
 * Name of the standard key of a row's material: its identifier. An imported identifier may be any text, so one that is
 * no name for a key, or that another's hash might be, is hashed.
 */
export function standardKeyName(uniqueIdentifier: string): string {
  return PLAIN_NAME.test(uniqueIdentifier) && !HASHED_NAME.test(uniqueIdentifier)
    ? uniqueIdentifier
    : `kmip-${createHash("sha256").update(uniqueIdentifier).digest("hex")}`;
}

/**
 * What tells the standard key of a row's material from all others of its key manager. The name alone does not: clients
 * choose the identifiers that they import, so another instance, or the key manager's owner, may have a key of that
 * name.
 */
export function standardKeyMarks(instanceId: string, uniqueIdentifier: string): StandardKeyMarks {
  return {
    name: standardKeyName(uniqueIdentifier),
    description: `Wrapped KEK of KMIP Console, instance ${instanceId}`,
  };
}

/** A KEK whose material is about to be stored. */
export type StoringObject = NewManagedObject & {
  readonly certificateId: string;
  readonly crkId: string;
  readonly createdAt: Date;
};

/**
 * Writes the rows of KEKs of an instance whose material is about to be stored, in one statement.
 * @returns the identifiers whose rows were written: those that no row had
 */
export async function insertStoring(
  db: Queryable,
  instanceId: string,
  objects: readonly StoringObject[],
): Promise<readonly string[]> {
  const { rows } = await db.query<{ uniqueIdentifier: string }>({
    name: "keks-insert",
    text: `
      INSERT INTO managed_object (
        instance_id, unique_identifier, object_type, state, storage, attributes, cryptographic_algorithm,
        cryptographic_length, cryptographic_usage_mask, name, crk_id, created_by_certificate_id, created_at, changed_at
      )
      SELECT $1, o.uid, o.type, o.state, 'storing', o.attributes, o.algorithm, o.length, o.mask, o.name, o.crk,
             o.certificate, o.at, o.at
      FROM jsonb_to_recordset($2::jsonb) AS o (
        uid text, type int, state int, attributes jsonb, algorithm int, length int, mask int, name text, crk text,
        certificate uuid, at timestamptz
      )
      ON CONFLICT DO NOTHING
      RETURNING unique_identifier AS "uniqueIdentifier"`,
    values: [
      instanceId,
      JSON.stringify(
        objects.map((object) => ({
          uid: object.uniqueIdentifier,
          type: object.objectType,
          state: object.state,
          attributes: object.attributes,
          algorithm: object.cryptographicAlgorithm,
          length: object.cryptographicLength,
          mask: object.cryptographicUsageMask,
          name: nameOf(object.attributes),
          crk: object.crkId,
          certificate: object.certificateId,
          at: object.createdAt,
        })),
      ),
    ],
  });

  return rows.map((row) => row.uniqueIdentifier);
}

/** A KEK whose standard key exists now. */
export type StoredObject = {
  readonly uniqueIdentifier: string;
  readonly keyManagerKeyId: string;
  /** The CRK's key version that wrapped it. */
  readonly crkVersion: string | null;
  readonly terms: readonly IndexTerm[];
  /** Initial Date where it is another than that of the row. */
  readonly createdAt: Date | null;
};

/**
 * Makes KEKs of an instance exist: their standard keys are known, their terms can be found, their instance counts
 * them. One statement, so all or none.
 * @returns the identifiers of those that exist now; a row that is no longer waiting was given up by the reconciler
 */
export async function markStored(
  db: Queryable,
  instanceId: string,
  objects: readonly StoredObject[],
): Promise<ReadonlySet<string>> {
  const terms = objects.flatMap(({ uniqueIdentifier, terms: own }) =>
    own.map(({ name, value }) => ({ uniqueIdentifier, name, value })),
  );
  // Planned each time, for as many rows as there are: a plan made for more, or while the table was small, reads all of
  // it. The cast keeps the reconciler's index out, in which every row of the past still stands as waiting.
  const { rows } = await db.query<{ uniqueIdentifier: string }>({
    text: `
      /* keks-stored */ WITH o AS (
        UPDATE managed_object m SET
          storage = 'stored', key_manager_key_id = g.key, crk_version = g.version,
          created_at = coalesce(g.at, m.created_at)
        FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS g (uid, key, version, at)
        WHERE m.instance_id = $1 AND m.unique_identifier = g.uid AND m.storage::text = 'storing'
        RETURNING m.unique_identifier, m.state, m.created_at
      ), terms AS (
        INSERT INTO managed_object_term (instance_id, unique_identifier, created_at, name, value)
        SELECT $1, o.unique_identifier, o.created_at, t.name, t.value
        FROM unnest($6::text[], $7::text[], $8::text[]) AS t (uid, name, value)
        JOIN o ON o.unique_identifier = t.uid
      ), counts AS (
        UPDATE instance i SET kek_count = i.kek_count + n.made, active_kek_count = i.active_kek_count + n.active
        FROM (
          SELECT count(*)::int AS made, (count(*) FILTER (WHERE o.state = ${State.Active}))::int AS active FROM o
        ) n
        WHERE i.id = $1 AND n.made > 0
      )
      SELECT unique_identifier AS "uniqueIdentifier" FROM o`,
    values: [
      instanceId,
      objects.map(({ uniqueIdentifier }) => uniqueIdentifier),
      objects.map(({ keyManagerKeyId }) => keyManagerKeyId),
      objects.map(({ crkVersion }) => crkVersion),
      objects.map(({ createdAt }) => createdAt?.toISOString() ?? null),
      terms.map(({ uniqueIdentifier }) => uniqueIdentifier),
      terms.map(({ name }) => name),
      terms.map(({ value }) => value),
    ],
  });

  return new Set(rows.map((row) => row.uniqueIdentifier));
}

/** Material that takes the place of a KEK's, and what the row tells of it. */
export type OtherMaterial = Pick<
  NewManagedObject,
  "objectType" | "cryptographicAlgorithm" | "cryptographicLength" | "cryptographicUsageMask"
> & {
  readonly keyManagerKeyId: string;
  readonly crkId: string;
  readonly crkVersion: string | null;
  readonly certificateId: string;
  readonly createdAt: Date;
};

/**
 * Exchanges the material of a KEK, whatever became of it before; in the transaction that changes its metadata too.
 * @returns false when somebody else changed the KEK first
 */
export async function exchangeMaterial(
  transaction: Queryable,
  kek: Pick<KekRecord, "instanceId" | "uniqueIdentifier" | "revision">,
  other: OtherMaterial,
): Promise<boolean> {
  const { rowCount } = await transaction.query(
    `UPDATE managed_object SET
       object_type = $4, cryptographic_algorithm = $5, cryptographic_length = $6, cryptographic_usage_mask = $7,
       key_manager_key_id = $8, crk_id = $9, crk_version = $10, created_by_certificate_id = $11, created_at = $12
     WHERE instance_id = $1 AND unique_identifier = $2 AND revision = $3 AND storage IN ${VISIBLE}`,
    [
      kek.instanceId,
      kek.uniqueIdentifier,
      kek.revision,
      other.objectType,
      other.cryptographicAlgorithm,
      other.cryptographicLength,
      other.cryptographicUsageMask,
      other.keyManagerKeyId,
      other.crkId,
      other.crkVersion,
      other.certificateId,
      other.createdAt,
    ],
  );

  return rowCount === 1;
}

/**
 * Leaves a standard key that nothing refers to any more to a row that was `storing`: it is `abandoned`, and whoever
 * settles it deletes that key. Without such a key the row goes: an `abandoned` one that knows none is settled by its
 * own name, which is now that of the KEK's material.
 * @returns false when the row is no longer waiting (the reconciler gave it up)
 */
export async function leaveToRow(
  transaction: Queryable,
  instanceId: string,
  rowId: string,
  keyManagerKeyId: string | null,
): Promise<boolean> {
  const { rowCount } =
    keyManagerKeyId === null
      ? await transaction.query(
          `DELETE FROM managed_object
           WHERE instance_id = $1 AND unique_identifier = $2 AND storage = 'storing'`,
          [instanceId, rowId],
        )
      : await transaction.query(
          `UPDATE managed_object SET storage = 'abandoned', key_manager_key_id = $3
           WHERE instance_id = $1 AND unique_identifier = $2 AND storage = 'storing'`,
          [instanceId, rowId, keyManagerKeyId],
        );

  return rowCount === 1;
}

/** Forgets a row whose material certainly was never stored. */
export async function deleteStoring(
  db: Queryable,
  instanceId: string,
  uniqueIdentifier: string,
): Promise<void> {
  await db.query(
    `DELETE FROM managed_object
     WHERE instance_id = $1 AND unique_identifier = $2 AND storage IN ('storing', 'abandoned')`,
    [instanceId, uniqueIdentifier],
  );
}
