import { notifyCall } from "@/lib/db";
import type { StandardKeyMarks } from "@/lib/key-managers/key-manager";
import { type Queryable, standardKeyMarks } from "./objects";

/**
 * How far a move is: `moving` (the new standard key is nobody's), `switched` (the old one is), `deleting` (the old one
 * is being deleted by us), `revoked` (the old one was deleted by somebody else before), `cancelled` (the new one is
 * nobody's, for good). Every step is a statement that names the phase it comes from, so of two processes that work on
 * one move only one goes on (ADR 0020).
 */
export type MovePhase = "moving" | "switched" | "deleting" | "revoked" | "cancelled";

/** One move of a KEK's material to another standard key. */
export type Move = {
  readonly id: string;
  readonly instanceId: string;
  readonly uniqueIdentifier: string;
  readonly phase: MovePhase;
  readonly oldKeyId: string;
  readonly newKeyId: string | null;
  readonly createdAt: Date;
};

/** A move that has just begun: the KEK as its row has it. */
export type BegunMove = Move & { readonly crkId: string; readonly crkVersion: string | null };

/** The root key that KEKs are to be wrapped under; a version only where the key manager has versions. */
export type MoveTarget = { readonly crkId: string; readonly crkVersion: string | null };

const COLUMNS = `
  m.id, m.instance_id AS "instanceId", m.unique_identifier AS "uniqueIdentifier", m.phase::text AS phase,
  m.old_key_id AS "oldKeyId", m.new_key_id AS "newKeyId", m.created_at AS "createdAt"`;

/** The new standard key of a move: named like the KEK's first one, and told from it by the move. */
export function moveMarks(move: Pick<Move, "id" | "instanceId" | "uniqueIdentifier">): StandardKeyMarks {
  const { name, description } = standardKeyMarks(move.instanceId, move.uniqueIdentifier);

  return { name, description: `${description}, copy ${move.id}` };
}

/**
 * Begins moves of KEKs that are not on the target, in the order of their identifiers. Processes that do so at the same
 * time get different KEKs.
 * @param after the identifier that the last ones ended with; empty at first
 */
export async function beginMoves(
  db: Queryable,
  instanceId: string,
  target: MoveTarget,
  options: { readonly after: string; readonly limit: number; readonly now: Date },
): Promise<BegunMove[]> {
  const { rows } = await db.query<BegunMove>({
    name: "keks-move-begin",
    text: `
      WITH due AS (
        SELECT o.unique_identifier, o.key_manager_key_id, o.crk_id, o.crk_version FROM managed_object o
        WHERE o.instance_id = $1 AND o.storage = 'stored' AND o.key_manager_key_id IS NOT NULL
          AND (o.crk_id <> $2 OR ($3::text IS NOT NULL AND o.crk_version IS DISTINCT FROM $3::text))
          AND o.unique_identifier > $4
          AND NOT EXISTS (
            SELECT FROM kek_move b
            WHERE b.instance_id = $1 AND b.unique_identifier = o.unique_identifier AND b.phase = 'moving')
        ORDER BY o.unique_identifier LIMIT $5
        FOR NO KEY UPDATE OF o SKIP LOCKED
      ), m AS (
        INSERT INTO kek_move (id, instance_id, unique_identifier, phase, old_key_id, created_at, changed_at)
        SELECT gen_random_uuid(), $1, due.unique_identifier, 'moving', due.key_manager_key_id, $6, $6 FROM due
        ON CONFLICT DO NOTHING
        RETURNING *
      )
      SELECT ${COLUMNS}, due.crk_id AS "crkId", due.crk_version AS "crkVersion"
      FROM m JOIN due USING (unique_identifier) ORDER BY m.unique_identifier`,
    values: [instanceId, target.crkId, target.crkVersion, options.after, options.limit, options.now],
  });

  return rows;
}

/**
 * Makes a KEK refer to the new standard key, and tells every process. Neither its revision nor anything else that
 * clients see changes.
 * @returns false when the move was taken over, or the KEK was destroyed, or its material replaced
 */
export async function switchMove(
  db: Queryable,
  move: Move,
  to: {
    readonly keyId: string;
    readonly crkId: string;
    readonly crkVersion: string | null;
    readonly now: Date;
  },
): Promise<boolean> {
  const { id, instanceId, uniqueIdentifier } = move;
  const values: unknown[] = [id, to.keyId, to.crkId, to.crkVersion, to.now];
  const notify = notifyCall({ type: "kek.changed", instanceId, uniqueIdentifier }, values);
  const { rows } = await db.query({
    name: "keks-move-switch",
    text: `
      WITH m AS (
        SELECT id, instance_id, unique_identifier, old_key_id FROM kek_move
        WHERE id = $1 AND phase = 'moving' FOR UPDATE
      ), o AS (
        UPDATE managed_object o SET key_manager_key_id = $2, crk_id = $3, crk_version = $4 FROM m
        WHERE o.instance_id = m.instance_id AND o.unique_identifier = m.unique_identifier
          AND o.storage::text = 'stored' AND o.key_manager_key_id = m.old_key_id
        RETURNING m.id
      ), s AS (
        UPDATE kek_move k SET phase = 'switched', new_key_id = $2, changed_at = $5 FROM o WHERE k.id = o.id
      )
      SELECT ${notify} FROM o`,
    values,
  });

  return rows.length === 1;
}

/** Takes a move one step further. @returns false when it is no longer in the phase it is said to be in */
export async function stepMove(
  db: Queryable,
  move: Pick<Move, "id">,
  step: {
    readonly from: MovePhase;
    readonly to: MovePhase;
    readonly now: Date;
    /** The new standard key, where it is known only now. */
    readonly newKeyId?: string | null;
  },
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: "keks-move-step",
    text: `UPDATE kek_move SET phase = $3::"MovePhase", new_key_id = coalesce($5, new_key_id), changed_at = $4
           WHERE id = $1 AND phase = $2::"MovePhase"`,
    values: [move.id, step.from, step.to, step.now, step.newKeyId ?? null],
  });

  return rowCount === 1;
}

/** Forgets a move that leaves nothing behind. @param phase only if it is in this one */
export async function endMove(db: Queryable, move: Pick<Move, "id">, phase: MovePhase): Promise<boolean> {
  const { rowCount } = await db.query({
    name: "keks-move-end",
    text: `DELETE FROM kek_move WHERE id = $1 AND phase = $2::"MovePhase"`,
    values: [move.id, phase],
  });

  return rowCount === 1;
}

/** Notes that a KEK is on a version already: its row knew another, or none. */
export async function noteVersion(db: Queryable, move: Move, crkVersion: string | null): Promise<void> {
  await db.query({
    name: "keks-move-version",
    text: `UPDATE managed_object SET crk_version = $4
           WHERE instance_id = $1 AND unique_identifier = $2 AND storage::text = 'stored' AND key_manager_key_id = $3`,
    values: [move.instanceId, move.uniqueIdentifier, move.oldKeyId, crkVersion],
  });
}

/**
 * Ends all moves of a KEK that is to lose its material: none can switch any more.
 * @returns those of which standard keys may be left
 */
export async function cancelMovesOf(
  db: Queryable,
  instanceId: string,
  uniqueIdentifier: string,
  now: Date,
): Promise<Move[]> {
  const { rows } = await db.query<Move>({
    name: "keks-move-cancel",
    text: `
      UPDATE kek_move m SET phase = CASE m.phase WHEN 'moving' THEN 'cancelled' ELSE m.phase END, changed_at = $3
      WHERE m.instance_id = $1 AND m.unique_identifier = $2
      RETURNING ${COLUMNS}`,
    values: [instanceId, uniqueIdentifier, now],
  });

  return rows;
}

/** The same for all KEKs of an instance. */
export async function cancelMovesOfInstance(db: Queryable, instanceId: string, now: Date): Promise<Move[]> {
  const { rows } = await db.query<Move>(
    `UPDATE kek_move m SET phase = CASE m.phase WHEN 'moving' THEN 'cancelled' ELSE m.phase END, changed_at = $2
     WHERE m.instance_id = $1
     RETURNING ${COLUMNS}`,
    [instanceId, now],
  );

  return rows;
}

/**
 * Takes up moves of an instance without progress. One that has not switched is cancelled: a process that still works
 * on it can no longer make the KEK refer to what it has made. The older a move that cannot be ended, the more seldom
 * it is taken up, at last once an hour.
 * @param options.staleSeconds how long ago the last step was, at least
 */
export async function takeUpMoves(
  db: Queryable,
  instanceId: string,
  options: { readonly staleSeconds: number; readonly now: Date; readonly limit: number },
): Promise<Move[]> {
  const { rows } = await db.query<Move>(
    `WITH due AS (
       SELECT id FROM kek_move
       WHERE instance_id = $1 AND changed_at <= $2::timestamptz
         - greatest(make_interval(secs => $3), least(interval '1 hour', (changed_at - created_at) / 2))
       ORDER BY changed_at LIMIT $4
       FOR UPDATE SKIP LOCKED
     )
     UPDATE kek_move m SET phase = CASE m.phase WHEN 'moving' THEN 'cancelled' ELSE m.phase END, changed_at = $2
     FROM due WHERE m.id = due.id
     RETURNING ${COLUMNS}`,
    [instanceId, options.now, options.staleSeconds, options.limit],
  );

  return rows;
}
