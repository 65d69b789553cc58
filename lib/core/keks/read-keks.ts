import { database } from "@/lib/db";
import { type Actor, requireRole } from "../actor";
import { AppError } from "../errors";
import { requireInstance } from "../instance";
import { type Queryable, VISIBLE } from "../serving/objects";
import { type KekDetailView, type KekRow, SELECT_KEKS, toKekDetail } from "./kek-view";

function kekNotFound(): AppError {
  return new AppError("NOT_FOUND", "The instance has no KEK with this identifier.");
}

/**
 * The row of a KEK. The caller has checked that the instance is the actor's.
 * @param transaction reads in it, and keeps others from changing the row until its end
 * @throws AppError NOT_FOUND
 */
export async function requireKekRow(
  instanceId: string,
  uniqueIdentifier: string,
  transaction?: Queryable,
): Promise<KekRow> {
  if (uniqueIdentifier.includes("\0")) {
    throw kekNotFound();
  }

  const { rows } = await (transaction ?? database().pool).query<KekRow>(
    `${SELECT_KEKS} WHERE o.instance_id = $1 AND o.unique_identifier = $2 AND o.storage IN ${VISIBLE}
     ${transaction ? "FOR UPDATE OF o" : ""}`,
    [instanceId, uniqueIdentifier],
  );
  const [row] = rows;

  if (!row) {
    throw kekNotFound();
  }

  return row;
}

/**
 * A KEK with all that is known of it.
 * @throws AppError FORBIDDEN, NOT_FOUND
 */
export async function getKek(
  actor: Actor,
  instanceId: string,
  uniqueIdentifier: string,
  now: Date = new Date(),
): Promise<KekDetailView> {
  requireRole(actor, "viewer");
  await requireInstance(actor, instanceId);

  return toKekDetail(await requireKekRow(instanceId, uniqueIdentifier), now);
}
