import { database } from "@/lib/db";
import { destruction, isDestroyed, stateAt } from "@/lib/kmip/attributes/lifecycle";
import { type EngineLogger, KeyStoreError } from "@/lib/kmip/ports";
import { State } from "@/lib/kmip/protocol/enumerations";
import { type Actor, requireRole } from "../actor";
import { audited } from "../audit/audited";
import { AppError } from "../errors";
import { requireInstanceWithKey } from "../instance";
import { openInstanceKeyManager } from "../key-managers/open-key-manager";
import { toAppError } from "../key-managers/to-app-error";
import { destroyObject } from "../serving/destroy-object";
import type { InstanceRecord } from "../serving/instance-records";
import type { OpenKeyManager } from "../serving/material-reader";
import { type KekDetailView, type KekRow, toKekDetail } from "./kek-view";
import { requireKekRow } from "./read-keks";
import { changedMeanwhile, requireEtag } from "./revoke-kek";

/** What the console's destruction works with; tests pass their own key manager. */
export type DestroyKekServices = {
  readonly openKeyManager: OpenKeyManager;
  readonly logger: Pick<EngineLogger, "warn">;
  readonly timeoutMs: number;
};

const SERVICES: DestroyKekServices = {
  openKeyManager: openInstanceKeyManager,
  // The error reaches the caller, the audit and the reconciler's log.
  logger: { warn: () => {} },
  timeoutMs: 15_000,
};

function appErrorOf(error: unknown): unknown {
  if (!(error instanceof KeyStoreError)) {
    return toAppError(error);
  }

  if (error.failure === "conflict") {
    return changedMeanwhile();
  }

  const known = toAppError(error.cause);

  return known instanceof AppError
    ? known
    : new AppError("KEY_MANAGER_UNAVAILABLE", "The key manager did not confirm the deletion.", {
        cause: error,
      });
}

async function destroy(
  services: DestroyKekServices,
  instance: InstanceRecord,
  row: KekRow,
  now: Date,
): Promise<void> {
  try {
    await destroyObject({ ...services, db: database().pool }, instance, {
      before: row,
      change: destruction(row, now),
      now,
    });
  } catch (error) {
    throw appErrorOf(error);
  }
}

/**
 * Destroys a KEK: its standard key is deleted in the key manager (which can restore it for 30 days) and no endpoint
 * serves it any more. The intention is in the audit before, the outcome after.
 *
 * Without an answer of the key manager it ends with KEY_MANAGER_UNAVAILABLE: the KEK is then out of service already
 * and the worker completes the deletion.
 * @param options.confirmIdentifier the identifier, typed once more
 * @throws AppError FORBIDDEN, NOT_FOUND, CONFIRMATION_MISMATCH, INVALID_STATE (Active, or destroyed),
 * CHANGED_MEANWHILE, KEY_MANAGER_*, AUDIT_UNAVAILABLE
 */
export async function destroyKek(
  actor: Actor,
  instanceId: string,
  uniqueIdentifier: string,
  options: {
    readonly confirmIdentifier: string;
    readonly etag?: string | undefined;
    readonly services?: DestroyKekServices;
  },
): Promise<KekDetailView> {
  requireRole(actor, "administrator");

  const { services = SERVICES } = options;
  const now = new Date();

  const instance = await requireInstanceWithKey(actor, instanceId);
  const row = await requireKekRow(instanceId, uniqueIdentifier);

  if (options.confirmIdentifier !== uniqueIdentifier) {
    throw new AppError("CONFIRMATION_MISMATCH", "The identifier typed is not the KEK's.", {
      invalidParams: [{ name: "confirmIdentifier", code: "mismatch", reason: "is the KEK's identifier" }],
    });
  }

  requireEtag(row, options.etag);

  const state = stateAt(row, now);

  if (isDestroyed(state) || row.storage !== "stored") {
    throw new AppError("INVALID_STATE", "The KEK is destroyed already.");
  }

  if (state === State.Active) {
    throw new AppError("INVALID_STATE", "An active KEK cannot be destroyed. Revoke it first.");
  }

  const action = {
    action: "vmware-solutions.kmip-key.destroy",
    target: { id: uniqueIdentifier, name: row.name },
    instanceId,
    requestData: { keyManagerKeyId: row.keyManagerKeyId },
  } as const;

  await audited(actor, { ...action, effects: "outside", announced: true }, async (done) => {
    await destroy(services, instance, row, now);
    await done(database().pool);
  });

  return toKekDetail(await requireKekRow(instanceId, uniqueIdentifier), now);
}
