import { KeyManagerError } from "@/lib/key-managers/key-manager";
import { isDefinite } from "./failures";
import type { Queryable } from "./objects";

/** How long a deletion that waits for a second person is left alone: nobody minds the minutes, the rate limit does. */
const AUTHORIZATION_RETRY_MS = 10 * 60_000;
/** The key manager's word for a deletion that a second person must authorise first (dual authorization). */
const NOT_AUTHORISED = "AUTHORIZATIONS_NOT_MET";

/**
 * True when the key manager will delete a key as soon as a second person says so. What was destroyed here stays
 * destroyed, and its standard key is deleted when that has happened; a refusal of any other kind takes a Destroy back.
 */
export function awaitsAuthorisation(error: unknown): boolean {
  return error instanceof KeyManagerError && error.code === NOT_AUTHORISED;
}

/**
 * Notes why the standard key of a KEK is not deleted yet, for people to see, and when it is worth trying again. The note
 * goes with the deletion's success. An outage is no reason to note: it passes.
 */
export async function noteUnsettled(
  db: Queryable,
  kek: { readonly instanceId: string; readonly uniqueIdentifier: string },
  error: unknown,
  now: Date,
): Promise<void> {
  if (!(error instanceof KeyManagerError) || !isDefinite(error)) {
    return;
  }

  await db.query(
    `UPDATE managed_object SET settle_problem = $3, settle_after = $4
     WHERE instance_id = $1 AND unique_identifier = $2 AND storage IN ('abandoned', 'destroying')`,
    [
      kek.instanceId,
      kek.uniqueIdentifier,
      error.code ?? error.failure,
      awaitsAuthorisation(error) ? new Date(now.getTime() + AUTHORIZATION_RETRY_MS) : null,
    ],
  );
}
