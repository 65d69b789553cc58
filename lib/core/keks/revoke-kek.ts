import { database } from "@/lib/db";
import { inPoolTransaction } from "@/lib/db/transaction";
import { changeOf, isDestroyed, type Revocation, revocation, stateAt } from "@/lib/kmip/attributes/lifecycle";
import type { ManagedObjectChange } from "@/lib/kmip/ports";
import { type Actor, requireRole } from "../actor";
import { audited, type Done, wasRecorded } from "../audit/audited";
import { recordAction } from "../audit/record-action";
import { AppError } from "../errors";
import { requireInstance } from "../instance";
import { applyUpdate, type Block } from "../serving/change-object";
import type { KekRecord } from "../serving/objects";
import { REVOCATION_REASONS, type RevocationReason, stateAfterRevocation } from "./kek-states";
import { etagOf, type KekDetailView, toKekDetail } from "./kek-view";
import { requireKekRow } from "./read-keks";

export type RevokeOptions = {
  readonly reason: RevocationReason;
  readonly message?: string | undefined;
  readonly compromiseOccurredAt?: Date | undefined;
  /** Of what the caller has seen; a KEK that changed since is left alone. */
  readonly etag?: string | undefined;
  /** Default: the present. */
  readonly now?: Date;
};

export function changedMeanwhile(): AppError {
  return new AppError("CHANGED_MEANWHILE", "The KEK was changed since you looked at it.");
}

/** @throws AppError CHANGED_MEANWHILE */
export function requireEtag(record: KekRecord, etag: string | undefined): void {
  if (etag !== undefined && etag !== etagOf(record)) {
    throw changedMeanwhile();
  }
}

function requirePresent(record: KekRecord): void {
  if (isDestroyed(record.state) || record.storage !== "stored") {
    throw new AppError("INVALID_STATE", "The KEK is destroyed.");
  }
}

/**
 * The KMIP side of a revocation: Compromised for a compromise, else Deactivated. A state that says as much already
 * stays as it is: a block alone is added to it.
 */
function changeFor(record: KekRecord, now: Date, reason: Revocation): ManagedObjectChange {
  const state = stateAt(record, now);

  return stateAfterRevocation(state, reason.code) === state
    ? changeOf(record, now, state, record.attributes)
    : revocation(record, now, reason);
}

/** A KEK that is to be changed, if it still has the etag. */
type ChangedKek = {
  readonly instanceId: string;
  readonly uniqueIdentifier: string;
  readonly etag: string | undefined;
  readonly now: Date;
};

/**
 * Changes a KEK with a block set or lifted. The row is locked first: a client that changes the KEK all the time
 * must not be able to keep an officer from revoking it.
 */
async function changeKek(
  { instanceId, uniqueIdentifier, etag, now }: ChangedKek,
  decide: (record: KekRecord) => { readonly change: ManagedObjectChange; readonly block: Block | null },
  done: Done,
): Promise<KekDetailView> {
  return inPoolTransaction(database().pool, async (client) => {
    const row = await requireKekRow(instanceId, uniqueIdentifier, client);

    requireEtag(row, etag);

    requirePresent(row);

    const { change, block } = decide(row);
    const record = await applyUpdate(client, {
      instanceId,
      uniqueIdentifier,
      ...change,
      block,
      from: ["stored"],
      to: "stored",
      changedAt: now,
    });

    if (!record) {
      throw changedMeanwhile();
    }

    const kek = toKekDetail(await requireKekRow(instanceId, uniqueIdentifier, client), now);

    await done(client, {
      responseData: { state: kek.state, served: kek.served },
    });

    return kek;
  });
}

/**
 * Takes a KEK out of service on all endpoints at once and revokes it in KMIP's sense. It answers when the audit
 * record is durable; should that fail, the KEK stays revoked and the error says so.
 * @throws AppError FORBIDDEN, NOT_FOUND, INVALID_STATE, CHANGED_MEANWHILE, AUDIT_UNAVAILABLE
 */
export async function revokeKek(
  actor: Actor,
  instanceId: string,
  uniqueIdentifier: string,
  options: RevokeOptions,
): Promise<KekDetailView> {
  requireRole(actor, "operator");
  await requireInstance(actor, instanceId);

  const { now = new Date() } = options;
  const reason: Revocation = {
    code: REVOCATION_REASONS[options.reason],
    ...(options.message === undefined ? {} : { message: options.message }),
    ...(options.compromiseOccurredAt === undefined ? {} : { occurred: options.compromiseOccurredAt }),
  };
  const block: Block = {
    at: now,
    by: actor.name,
    reason: options.reason,
    message: options.message ?? null,
  };

  const before = await requireKekRow(instanceId, uniqueIdentifier);

  requireEtag(before, options.etag);
  requirePresent(before);

  const action = {
    action: "vmware-solutions.kmip-key.revoke",
    target: { id: uniqueIdentifier, name: before.name },
    instanceId,
    requestData: {
      reason: options.reason,
      message: options.message ?? null,
      compromiseOccurredAt: options.compromiseOccurredAt ?? null,
    },
    urgent: true,
  } as const;

  return audited(actor, action, (done) =>
    changeKek(
      { instanceId, uniqueIdentifier, etag: options.etag, now },
      (record) => ({ change: changeFor(record, now, reason), block }),
      done,
    ),
  );
}

/**
 * Lifts the console's block; the KMIP state stays what it is. Because keys may leave again, the intention is in the
 * audit before the first one can.
 * @throws AppError FORBIDDEN, NOT_FOUND, INVALID_STATE (not blocked, or destroyed), CHANGED_MEANWHILE,
 * AUDIT_UNAVAILABLE
 */
export async function restoreService(
  actor: Actor,
  instanceId: string,
  uniqueIdentifier: string,
  options: { readonly etag?: string | undefined } = {},
): Promise<KekDetailView> {
  requireRole(actor, "administrator");
  await requireInstance(actor, instanceId);

  const now = new Date();
  const before = await requireKekRow(instanceId, uniqueIdentifier);
  const action = {
    action: "vmware-solutions.kmip-key.restore",
    target: { id: uniqueIdentifier, name: before.name },
    instanceId,
  } as const;

  requireEtag(before, options.etag);
  requireBlocked(before);

  return audited(actor, { ...action, announced: true }, (done) =>
    changeKek(
      { instanceId, uniqueIdentifier, etag: options.etag, now },
      (record) => {
        requireBlocked(record);

        return { change: changeOf(record, now, stateAt(record, now), record.attributes), block: null };
      },
      done,
    ),
  );
}

function requireBlocked(record: KekRecord): void {
  if (record.served) {
    throw new AppError("INVALID_STATE", "The KEK is not blocked.");
  }
}

export type BulkRevokeResult = {
  readonly uniqueIdentifier: string;
  readonly ok: boolean;
  readonly code?: string;
  readonly detail?: string;
};

/**
 * Revokes up to 100 KEKs, each for itself: what fails is reported and does not keep the others.
 * @throws AppError FORBIDDEN, NOT_FOUND (instance), VALIDATION_FAILED, CONFIRMATION_MISMATCH
 */
export async function bulkRevoke(
  actor: Actor,
  instanceId: string,
  options: Omit<RevokeOptions, "etag"> & {
    readonly uniqueIdentifiers: readonly string[];
    readonly confirmCount: number;
  },
): Promise<{ readonly results: readonly BulkRevokeResult[] }> {
  requireRole(actor, "administrator");
  await requireInstance(actor, instanceId);

  const { uniqueIdentifiers, confirmCount, ...revoke } = options;
  const distinct = [...new Set(uniqueIdentifiers)];

  if (distinct.length < 1 || distinct.length > 100) {
    throw new AppError("VALIDATION_FAILED", "From 1 to 100 KEKs can be revoked at once.", {
      invalidParams: [{ name: "uniqueIdentifiers", code: "size", reason: "has 1 to 100 entries" }],
    });
  }

  if (confirmCount !== uniqueIdentifiers.length) {
    throw new AppError("CONFIRMATION_MISMATCH", "The confirmed number is not the number of KEKs.");
  }

  const results: BulkRevokeResult[] = [];

  for (const uniqueIdentifier of distinct) {
    try {
      await revokeKek(actor, instanceId, uniqueIdentifier, revoke);
      results.push({ uniqueIdentifier, ok: true });
    } catch (error) {
      if (!(error instanceof AppError)) {
        throw error;
      }

      if (!wasRecorded(error)) {
        await recordAction(actor, {
          action: "vmware-solutions.kmip-key.revoke",
          target: { id: uniqueIdentifier },
          instanceId,
          error,
        });
      }

      results.push({ uniqueIdentifier, ok: false, code: error.code, detail: error.message });
    }
  }

  return { results };
}
