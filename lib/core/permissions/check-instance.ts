import { randomUUID } from "node:crypto";
import type { Actor } from "@/lib/core/actor";
import { audited } from "@/lib/core/audit";
import { AppError } from "@/lib/core/errors";
import { LIVING } from "@/lib/core/instance";
import { ibmCloud } from "@/lib/core/key-managers/ibm-cloud";
import { credentialsOf } from "@/lib/core/key-managers/open-key-manager";
import { database } from "@/lib/db";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import {
  type FinishedCheck,
  type PermissionCheckTrigger,
  type RecordedCheck,
  recordPermissionCheck,
} from "./record-permission-check";
import type { PermissionOutcome, PermissionReport } from "./report";
import { runPermissionChecks } from "./run-permission-checks";

export type CheckedInstance = PermissionOutcome & RecordedCheck;

/**
 * Runs the permission checks of an instance with its own API key and keeps the result (see recordPermissionCheck).
 * Whoever calls has checked the right to do so and the account.
 * @param options.onChanged called after the change is kept, when the status, its reason or the root key's state or
 *   version changed: to tell the other processes
 * @throws AppError NOT_FOUND, INVALID_STATE when the instance has no key manager yet, NOT_AVAILABLE; the reason of
 *   options.signal when it fired
 */
export async function checkInstance(
  instanceId: string,
  trigger: PermissionCheckTrigger,
  options: {
    /** Who asks; their request's id is what the calls of the key manager carry. Without, nothing is recorded. */
    actor?: Actor;
    signal?: AbortSignal;
    cloud?: IbmCloud;
    onChanged?: (instanceId: string, recorded: RecordedCheck) => void | Promise<void>;
    onError?: (error: unknown) => void;
  } = {},
): Promise<CheckedInstance> {
  const instance = await database().prisma.instance.findFirst({
    where: { id: instanceId, ...LIVING },
    select: {
      id: true,
      name: true,
      keyManagerKind: true,
      keyManagerCrn: true,
      keyManagerEndpoint: true,
      keyManagerEndpointGiven: true,
      keyRing: true,
      crkId: true,
      apiKeySealed: true,
    },
  });

  if (instance === null) {
    throw new AppError("NOT_FOUND", "There is no such instance.");
  }

  const { keyManagerKind, keyManagerCrn, crkId } = instance;

  if (keyManagerKind === null || keyManagerCrn === null || crkId === null) {
    throw new AppError("INVALID_STATE", "The instance has no key manager yet.");
  }

  const outcome = await runPermissionChecks(
    {
      kind: keyManagerKind,
      ...credentialsOf(instance),
      keyManagerCrn,
      crkId,
      keyRing: instance.keyRing,
      endpoint: instance.keyManagerEndpoint,
      givenEndpoint: instance.keyManagerEndpointGiven ? instance.keyManagerEndpoint : null,
      correlationId: options.actor?.requestId ?? randomUUID(),
      signal: options.signal,
      mayTryPin: trigger !== "schedule",
      onError: options.onError,
    },
    options.cloud ?? ibmCloud(),
  );

  // A run that was cut short says nothing about the instance.
  options.signal?.throwIfAborted();

  const recorded = await keepOutcome(instance, { ...outcome, trigger }, options.actor);

  if (recorded === null) {
    throw new AppError("NOT_FOUND", "The instance was removed meanwhile.");
  }

  if (recorded.changed) {
    await options.onChanged?.(instanceId, recorded);
  }

  return { ...outcome, ...recorded };
}

const PROBE = "wrap and unwrap of random bytes";

/**
 * What the audit keeps of a check. Its probe is a wrap and an unwrap in the key manager's own events, without a KEK that
 * was created: this says that it was a check, and which.
 */
function resultOf(report: PermissionReport, { after }: RecordedCheck) {
  const probe = report.checks.find(({ id }) => id === "wrapUnwrap");

  return { ok: report.ok, status: after.status, reason: after.statusReason, probe: probe?.code ?? null };
}

async function keepOutcome(
  { id, name }: { readonly id: string; readonly name: string },
  check: FinishedCheck,
  actor: Actor | undefined,
): Promise<RecordedCheck | null> {
  if (actor === undefined) {
    return recordPermissionCheck(id, check);
  }

  return audited(
    actor,
    {
      action: "vmware-solutions.permission-check.run",
      target: { id, name },
      instanceId: id,
      requestData: { trigger: check.trigger, probe: PROBE },
      failures: check.trigger === "schedule" ? "retried" : "recorded",
    },
    (done) =>
      recordPermissionCheck(id, check, (tx, recorded) =>
        done(tx, { responseData: resultOf(check.report, recorded) }),
      ),
  );
}
