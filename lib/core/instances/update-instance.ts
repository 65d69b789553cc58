import { publishIn } from "@/lib/db";
import type { Instance } from "@/lib/db/generated/client";
import { type Actor, requireRole } from "../actor";
import { audited, type Done } from "../audit";
import { AppError } from "../errors";
import {
  type InstanceRow,
  LIVING,
  requireInstanceWithKey,
  requireNotRemoving,
  WITHOUT_API_KEY,
} from "../instance";
import { apiKeyPurpose, credentialsOf, invalidateInstanceKeyManager } from "../key-managers/open-key-manager";
import { judgeHealth } from "../permissions/record-permission-check";
import type { PermissionFacts, PermissionReport } from "../permissions/report";
import { sealSecret } from "../secrets";
import { inTransaction } from "../transaction";
import { uniqueViolation } from "../unique-violation";
import { type ExpiryChange, type InstanceView, instanceNameTaken, withEndpoints } from "./instance-row";
import { checkPermissions, factColumns, keepReport } from "./key-manager-selection";
import { requireReadable } from "./readable-keks";

export type UpdateInstanceInput = {
  readonly name?: string | undefined;
  /** A new API key for the same key manager instance. */
  readonly apiKey?: string | undefined;
  readonly cachePolicy?:
    | { readonly cacheTtlSeconds?: number | undefined; readonly outageGraceSeconds?: number | undefined }
    | undefined;
  readonly activateOnCreate?: boolean | undefined;
  readonly serveCompromised?: boolean | undefined;
  readonly expiredCertificates?: ExpiryChange | undefined;
  /** Another root key of the same key manager instance. */
  readonly crkId?: string | undefined;
};

/**
 * Checks a new API key or root key against the instance's key manager before it is kept; null when neither changes.
 * @throws AppError INVALID_STATE without a key manager, PERMISSION_CHECK_FAILED
 */
async function checkChange(
  actor: Actor,
  row: Instance,
  input: UpdateInstanceInput,
): Promise<{ report: PermissionReport; facts: PermissionFacts } | null> {
  const crkId = input.crkId === row.crkId ? undefined : input.crkId;
  if (input.apiKey === undefined && crkId === undefined) {
    return null;
  }
  if (row.keyManagerKind === null || row.keyManagerCrn === null || row.crkId === null) {
    throw new AppError("INVALID_STATE", "The instance has no key manager yet. Activate it first.");
  }

  const checked = await checkPermissions(actor, row.id, {
    kind: row.keyManagerKind,
    ...(input.apiKey === undefined ? credentialsOf(row) : { apiKey: input.apiKey }),
    crn: row.keyManagerCrn,
    crkId: crkId ?? row.crkId,
    // Another root key may be in another ring; the checks find out in which.
    keyRing: crkId === undefined ? row.keyRing : null,
    endpoint: row.keyManagerEndpoint,
    givenEndpoint: row.keyManagerEndpointGiven ? row.keyManagerEndpoint : null,
  });
  if (input.apiKey !== undefined) {
    await requireReadable(row, input.apiKey, checked.facts);
  }

  return checked;
}

/** What changes, for the audit event: from and to, but of the API key only that it changed. */
function describeChange(row: Instance, input: UpdateInstanceInput): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  const compare = (name: string, from: unknown, to: unknown) => {
    if (to !== undefined && to !== from) {
      changes[name] = { from, to };
    }
  };
  compare("name", row.name, input.name);
  compare("cacheTtlSeconds", row.cacheTtlSeconds, input.cachePolicy?.cacheTtlSeconds);
  compare("outageGraceSeconds", row.outageGraceSeconds, input.cachePolicy?.outageGraceSeconds);
  compare("activateOnCreate", row.activateOnCreate, input.activateOnCreate);
  compare("serveCompromised", row.serveCompromised, input.serveCompromised);
  compare("expiredCertificates", row.expiredCertificates, input.expiredCertificates?.rule);
  compare("expiredGraceDays", row.expiredGraceDays, input.expiredCertificates?.graceDays);
  compare("crkId", row.crkId, input.crkId);
  if (input.apiKey !== undefined) {
    changes.credentials = "changed";
  }

  return changes;
}

/**
 * Changes an instance. A new API key or root key must pass the permission checks first, and a new API key must read
 * what KEKs are there. With another root key new KEKs are wrapped under it at once; the worker moves the others, and
 * until the last has moved the old one is needed.
 * @throws AppError FORBIDDEN, NOT_FOUND, NAME_TAKEN, INVALID_STATE, PERMISSION_CHECK_FAILED (`extra.report`),
 *   KEY_MANAGER_*
 */
export async function updateInstance(
  actor: Actor,
  instanceId: string,
  input: UpdateInstanceInput,
): Promise<InstanceView> {
  requireRole(actor, "administrator");

  const row = await requireInstanceWithKey(actor, instanceId);
  requireNotRemoving(row);
  const checked = await checkChange(actor, row, input);

  const updated = await audited(
    actor,
    {
      action: "vmware-solutions.service.update",
      target: { id: instanceId, name: input.name ?? row.name },
      instanceId,
      requestData: describeChange(row, input),
    },
    (done) =>
      keepChange(instanceId, { input, checked }, done).catch((error: unknown) => {
        throw uniqueViolation(error) === null ? error : instanceNameTaken(input.name ?? "");
      }),
  );
  invalidateInstanceKeyManager(instanceId);

  return withEndpoints(updated);
}

/** A change that has been checked. */
type CheckedChange = {
  readonly input: UpdateInstanceInput;
  readonly checked: { readonly report: PermissionReport; readonly facts: PermissionFacts } | null;
};

function keepChange(instanceId: string, { input, checked }: CheckedChange, done: Done): Promise<InstanceRow> {
  return inTransaction(async (tx) => {
    await tx.$queryRaw`SELECT 1 FROM instance WHERE id = ${instanceId}::uuid FOR UPDATE`;
    const current = await tx.instance.findFirst({
      where: { id: instanceId, ...LIVING },
      omit: WITHOUT_API_KEY,
    });
    if (!current) {
      throw new AppError("NOT_FOUND", "There is no such instance.");
    }
    requireNotRemoving(current);

    const updated = await tx.instance.update({
      where: { id: instanceId },
      data: {
        ...(input.name === undefined ? {} : { name: input.name }),
        ...(input.cachePolicy?.cacheTtlSeconds === undefined
          ? {}
          : { cacheTtlSeconds: input.cachePolicy.cacheTtlSeconds }),
        ...(input.cachePolicy?.outageGraceSeconds === undefined
          ? {}
          : { outageGraceSeconds: input.cachePolicy.outageGraceSeconds }),
        ...(input.activateOnCreate === undefined ? {} : { activateOnCreate: input.activateOnCreate }),
        ...(input.serveCompromised === undefined ? {} : { serveCompromised: input.serveCompromised }),
        ...(input.expiredCertificates?.rule === undefined
          ? {}
          : { expiredCertificates: input.expiredCertificates.rule }),
        ...(input.expiredCertificates?.graceDays === undefined
          ? {}
          : { expiredGraceDays: input.expiredCertificates.graceDays }),
        ...(input.apiKey === undefined
          ? {}
          : { apiKeySealed: sealSecret(input.apiKey, apiKeyPurpose(instanceId)) }),
        ...(checked === null
          ? {}
          : {
              ...factColumns(checked.facts, checked.report),
              ...judgeHealth({ status: current.status, statusReason: current.statusReason }, checked.report),
              ...(input.crkId === undefined || input.crkId === current.crkId
                ? {}
                : { keyRing: checked.facts.crk?.keyRing ?? null }),
            }),
      },
      omit: WITHOUT_API_KEY,
    });
    if (checked) {
      await keepReport(tx, instanceId, checked.report, "manual");
    }

    await publishIn(tx, { type: "instance.changed", instanceId });
    await done(tx, { target: { id: instanceId, name: updated.name } });

    return updated;
  });
}
