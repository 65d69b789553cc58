import { randomUUID } from "node:crypto";
import { AppError } from "@/lib/core/errors";
import { ibmCloud } from "@/lib/core/key-managers/ibm-cloud";
import { credentialsOf } from "@/lib/core/key-managers/open-key-manager";
import { database } from "@/lib/db";
import type { IbmCloud } from "@/lib/ibm-cloud/ibm-cloud";
import {
  type PermissionCheckTrigger,
  type RecordedCheck,
  recordPermissionCheck,
} from "./record-permission-check";
import type { PermissionOutcome } from "./report";
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
    correlationId?: string;
    signal?: AbortSignal;
    cloud?: IbmCloud;
    onChanged?: (instanceId: string, recorded: RecordedCheck) => void | Promise<void>;
    onError?: (error: unknown) => void;
  } = {},
): Promise<CheckedInstance> {
  const instance = await database().prisma.instance.findUnique({
    where: { id: instanceId },
    select: {
      id: true,
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
      correlationId: options.correlationId ?? randomUUID(),
      signal: options.signal,
      mayTryPin: trigger !== "schedule",
      onError: options.onError,
    },
    options.cloud ?? ibmCloud(),
  );

  // A run that was cut short says nothing about the instance.
  options.signal?.throwIfAborted();

  const recorded = await recordPermissionCheck(instanceId, outcome.report, trigger, outcome.facts);

  if (recorded === null) {
    throw new AppError("NOT_FOUND", "The instance was removed meanwhile.");
  }

  if (recorded.changed) {
    await options.onChanged?.(instanceId, recorded);
  }

  return { ...outcome, ...recorded };
}
